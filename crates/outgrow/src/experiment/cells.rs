//! A definition at a scale as runs: kinds along their axes, each with a recipe for each seed. Nothing is run here.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use outgrow_report::{Claim, Figure};

use crate::{
    error::{BadInput, Result},
    experiment::{
        definition::{CellDefinition, Definition},
        kinds::{Kind, filled_text, kinds_of, scope_of},
        quantity::{Measures, is_unit},
        scale::Scale,
        template::{Scope, fill},
    },
    recipe::Recipe,
};

/// The benchmarks: the paper's eight.
const TASKS: [&str; 8] =
    ["lambada_openai", "arc_challenge", "arc_easy", "logiqa", "piqa", "sciq", "winogrande", "wikitext"];
/// What benchmarks ask of a model has to fit in, however short the sequences that it is trained on.
const LEAST_POSITIONS: usize = 1024;

/// One run of an experiment.
#[derive(Clone, Debug)]
pub(crate) struct PlannedRun {
    /// The kind of run that it is.
    pub kind: String,
    /// Its seed.
    pub seed: u64,
    /// Its name: `g-stack-seed-1`.
    pub name: String,
    /// Its folder, relative to the experiment's.
    pub folder: PathBuf,
    /// The recipe as TOML. All that it names is absolute, as it is run from a file elsewhere.
    pub table: toml::Table,
    /// The same, read.
    pub recipe: Recipe,
}

/// What runs read that no definition names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sources<'a> {
    /// The folder with `training` and `validation`.
    pub data: Option<&'a Path>,
    /// The folder with the documents of benchmarks; without it there are none.
    pub benchmarks: Option<&'a Path>,
}

/// A definition at a scale.
#[derive(Clone, Debug)]
pub(crate) struct Cells<'a> {
    definition: &'a Definition,
    scale: &'a Scale,
    /// In the order of the definition; within a cell the last axis by name changes fastest.
    pub kinds: Vec<Kind>,
    /// The kind that each sweep tries, in the order of the definition.
    pub swept: Vec<String>,
    /// What is claimed.
    pub claims: Vec<Claim>,
    /// What is drawn.
    pub figures: Vec<Figure>,
}

impl<'a> Cells<'a> {
    /// The kinds of runs that a definition comes to.
    ///
    /// # Errors
    /// All that is wrong with the definition: places that nothing belongs to, names that are there twice, claims and
    /// figures of kinds that there aren't.
    pub(crate) fn new(definition: &'a Definition, scale: &'a Scale) -> Result<Self> {
        let mut problems = Vec::new();
        let mut kinds = Vec::new();
        for cell in &definition.cells {
            match kinds_of(cell, definition, scale) {
                Ok(several) => kinds.extend(several),
                Err(problem) => problems.push(format!("cell {}: {problem}", cell.name)),
            }
        }
        let names: BTreeSet<&str> = kinds.iter().map(|kind: &Kind| kind.run_kind.name.as_str()).collect();
        for (index, kind) in kinds.iter().enumerate() {
            let name = &kind.run_kind.name;
            if kinds[..index].iter().any(|other| other.run_kind.name == *name) {
                problems
                    .push(format!("cell {name}: there are two of this name{}", without_place(&kind.cell)));
            }
            match &kind.run_kind.baseline {
                Some(baseline) if !names.contains(baseline.as_str()) => {
                    problems.push(format!("cell {name}: its baseline `{baseline}` is no cell"));
                }
                Some(baseline) if baseline == name => {
                    problems.push(format!(
                        "cell {name}: its baseline is the cell itself; leave it out, or name another"
                    ));
                }
                Some(_) | None => {}
            }
        }
        let scope = scope_of(definition, scale);
        let mut swept = Vec::new();
        for (index, sweep) in definition.sweeps.iter().enumerate() {
            if definition.sweeps[..index].iter().any(|other| other.name == sweep.name) {
                problems.push(format!("sweep {}: there are two of this name", sweep.name));
            }
            if is_unit(&sweep.name) {
                problems.push(format!("sweep {}: this is a unit; call it otherwise", sweep.name));
            }
            match filled_text(&sweep.kind, &scope) {
                Ok(kind) if names.contains(kind.as_str()) => swept.push(kind),
                Ok(kind) => problems.push(format!("sweep {}: `{kind}` is no cell", sweep.name)),
                Err(problem) => problems.push(format!("sweep {}: {problem}", sweep.name)),
            }
            let rises = sweep.factors.windows(2).all(|two| two[0] < two[1]);
            if sweep.factors.len() < 2 || !rises || sweep.factors.iter().any(|factor| *factor <= 0.0) {
                problems.push(format!("sweep {}: needs two factors or more, above 0 and rising", sweep.name));
            }
        }
        let claims = read_all("claim", &definition.claims, &scope, &mut problems);
        let figures = read_all("figure", &definition.figures, &scope, &mut problems);
        if problems.is_empty() {
            return Ok(Self { definition, scale, kinds, swept, claims, figures });
        }
        Err(BadInput(format!("{}: {}", definition.name, problems.join("; "))).into())
    }

    /// The runs, seed by seed, so that every kind has a first result early. Learning rates are by `rate_factors`, the
    /// factor of each sweep.
    ///
    /// # Errors
    /// A run that is no recipe, with the run's name.
    pub(crate) fn runs(
        &self,
        seeds: &[u64],
        rate_factors: &BTreeMap<String, f64>,
        sources: Sources<'_>,
    ) -> Result<Vec<PlannedRun>> {
        let mut planned = Vec::new();
        for seed in seeds {
            for kind in &self.kinds {
                let name = format!("{}-seed-{seed}", kind.run_kind.name);
                planned.push(self.run(kind, *seed, rate_factors, sources, name.clone().into())?);
            }
        }
        Ok(planned)
    }

    /// The run of one kind, by its name.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn run_named(
        &self,
        kind: &str,
        seed: u64,
        rate_factors: &BTreeMap<String, f64>,
        sources: Sources<'_>,
        folder: PathBuf,
    ) -> Result<PlannedRun> {
        self.run(self.kind(kind), seed, rate_factors, sources, folder)
    }

    /// The learning rate of a kind's shape, as the scale has it.
    pub(crate) fn rate(&self, kind: &str) -> f64 {
        self.kind(kind).shape.learning_rate
    }

    /// A kind that a sweep tries.
    fn kind(&self, name: &str) -> &Kind {
        self.kinds.iter().find(|kind| kind.run_kind.name == name).expect("sweeps were checked")
    }

    fn run(
        &self,
        kind: &Kind,
        seed: u64,
        rate_factors: &BTreeMap<String, f64>,
        sources: Sources<'_>,
        folder: PathBuf,
    ) -> Result<PlannedRun> {
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let refused = |problem: String| BadInput(format!("{}: run {name}: {problem}", self.definition.name));
        let Ok(number) = i64::try_from(seed) else {
            return Err(BadInput(format!("seed {seed}: TOML's numbers end at {}", i64::MAX)).into());
        };
        let mut table = self.recipe(kind, number, rate_factors).map_err(refused)?;
        table.insert("name".into(), name.clone().into());
        table.insert("seed".into(), number.into());
        let section = |table: &mut toml::Table, section: &str, values: Vec<(&str, toml::Value)>| {
            let section = table.entry(section).or_insert_with(|| toml::Table::new().into());
            if let Some(section) = section.as_table_mut() {
                section.extend(values.into_iter().map(|(key, value)| (key.to_owned(), value)));
            }
        };
        if let Some(folder) = sources.data {
            let shards = |split: &str| folder.join(split).to_string_lossy().into_owned().into();
            let values = vec![("training", shards("training")), ("validation", shards("validation"))];
            section(&mut table, "data", values);
        }
        if let Some(folder) = sources.benchmarks {
            let positions = self.scale.sequence_length.max(LEAST_POSITIONS) as i64;
            section(&mut table, "model", vec![("max_position_embeddings", positions.into())]);
            let mut values = vec![
                ("tasks", toml::Value::Array(TASKS.map(toml::Value::from).to_vec())),
                ("data", folder.to_string_lossy().into_owned().into()),
                // One at the end of each run and none before.
                ("interval_tokens", i64::MAX.into()),
            ];
            values.extend(self.scale.benchmark_limit.map(|limit| ("limit", limit.into())));
            section(&mut table, "evaluation", values);
        }
        let recipe = Recipe::from_table(table.clone()).map_err(|problems| refused(problems.join("; ")))?;
        Ok(PlannedRun { kind: kind.run_kind.name.clone(), seed, name, folder, table, recipe })
    }

    /// The recipe of a kind and a seed, without its data.
    fn recipe(
        &self,
        kind: &Kind,
        seed: i64,
        rate_factors: &BTreeMap<String, f64>,
    ) -> Result<toml::Table, String> {
        let mut scope = kind.scope.clone();
        scope.insert("seed".into(), seed.into());
        let shape = kind.shape;
        let mut table = self.scale.recipe(shape);
        lay_over(&mut table, self.definition.recipe.clone());
        lay_over(&mut table, kind.cell.recipe.clone());
        table.insert("schedule".into(), kind.cell.schedule.clone().into());
        let mut filled = fill(&table.into(), &scope)?.expect("a table stays one");
        let mut factors = rate_factors.clone();
        for sweep in &self.definition.sweeps {
            factors.entry(sweep.name.clone()).or_insert(1.0);
        }
        Measures::of(self.scale, shape, &factors).evaluate_all(&mut filled)?;
        match filled {
            toml::Value::Table(table) => Ok(table),
            _ => unreachable!("a table stays one"),
        }
    }
}

/// Which axes a cell's name doesn't tell apart, to be said behind that there are two of one name.
fn without_place(cell: &CellDefinition) -> String {
    let left_out = cell.each.keys().filter(|axis| !cell.name.contains(&format!("{{{axis}.")));
    let places: Vec<String> = left_out.map(|axis| format!("{{{axis}.name}}")).collect();
    if places.is_empty() {
        String::new()
    } else {
        format!(": `{}` is without {}", cell.name, places.join(" and "))
    }
}

/// Fills the places of claims or figures and reads them.
fn read_all<T: serde::de::DeserializeOwned>(
    what: &str,
    values: &[toml::Value],
    scope: &Scope,
    problems: &mut Vec<String>,
) -> Vec<T> {
    let mut all = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let filled = fill(value, scope).map(|value| value.expect("a table stays one"));
        let read = filled.and_then(|value| {
            value.try_into::<T>().map_err(|error| error.message().trim_end().replace('\n', " "))
        });
        match read {
            Ok(read) => all.push(read),
            Err(problem) => {
                // As later problems of it are said; one without a sentence or a title has its number.
                let name = ["says", "title"].into_iter().find_map(|key| value.get(key)?.as_str());
                let name = name.map_or_else(|| (index + 1).to_string(), |name| format!("{name:?}"));
                problems.push(format!("{what} {name}: {problem}"));
            }
        }
    }
    all
}

/// Lays one table over another: tables are merged, anything else is replaced.
fn lay_over(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            // A model is sizes or a folder.
            (Some(toml::Value::Table(under)), toml::Value::Table(over))
                if under.contains_key("from") == over.contains_key("from") =>
            {
                lay_over(under, over);
            }
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_has_recipes_at_every_scale() {
        let sources = Sources { data: Some(Path::new("data")), benchmarks: Some(Path::new("documents")) };
        for definition in Definition::all() {
            for scale in Scale::all() {
                let cells = Cells::new(&definition, &scale).unwrap();
                let runs = cells.runs(&[1, 2], &BTreeMap::new(), sources).unwrap();
                assert_eq!(runs.len(), 2 * cells.kinds.len());
            }
        }
    }

    #[test]
    fn a_run_keeps_what_it_does_not_override() {
        let mut under: toml::Table = "a = 1\n[training]\nx = 1\ny = 2".parse().unwrap();
        lay_over(&mut under, "[training]\ny = 3".parse().unwrap());
        assert_eq!(under, "a = 1\n[training]\nx = 1\ny = 3".parse().unwrap());
    }
}
