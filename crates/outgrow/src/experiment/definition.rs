//! What an experiment is: a TOML file with what all runs share and what each run has of its own.
//!
//! The definitions are in the crate's `experiments/` folder and compiled in. A folder of recipes is an experiment, too.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    error::{BadInput, Error, Result},
    recipe::Recipe,
};

/// The definitions that are compiled in.
const DEFINITIONS: [&str; 4] = [
    include_str!("../../experiments/quickstart.toml"),
    include_str!("../../experiments/quickstart-settings.toml"),
    include_str!("../../experiments/quickstart-finalists.toml"),
    include_str!("../../experiments/prose.toml"),
];

/// An experiment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    /// What to call it on the command line.
    pub name: String,
    /// One line for `experiment list`.
    pub description: String,
    /// Where its text comes from.
    pub data: Data,
    /// One run of each kind for each seed.
    pub seeds: Vec<u64>,
    /// What all runs share: a recipe without name and seed.
    recipe: toml::Table,
    /// What each kind of run has of its own, laid over `recipe`.
    runs: Vec<toml::Table>,
}

/// Where an experiment's text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Data {
    /// The corpus that comes with the program.
    Bundled,
    /// `--data DIR`, with token shards in `DIR/training` and `DIR/validation`.
    Given,
    /// Each recipe names its own.
    #[serde(skip)]
    OfRecipes,
}

/// One run of an experiment.
#[derive(Clone, Debug)]
pub(crate) struct PlannedRun {
    /// The name of its folder: `g-stack-seed-1`.
    pub name: String,
    /// The recipe as TOML. All that it names is absolute, as it is run from a file elsewhere.
    pub table: toml::Table,
    /// The same, read.
    pub recipe: Recipe,
}

impl Definition {
    /// All experiments.
    pub(crate) fn all() -> Vec<Self> {
        let definition = |text: &&str| toml::from_str(text).expect("a test reads all that are compiled in");
        DEFINITIONS.iter().map(definition).collect()
    }

    /// The experiment with this name.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let mut all = Self::all();
        if let Some(index) = all.iter().position(|definition| definition.name == name) {
            return Ok(all.swap_remove(index));
        }
        let names: Vec<_> = all.iter().map(|definition| definition.name.as_str()).collect();
        let names = names.join(", ");
        Err(BadInput(format!("no experiment `{name}`, and no folder of recipes: there are {names}")).into())
    }

    /// The recipes of a folder, `*.toml`, as one experiment. Each keeps its own data, and none its seed.
    ///
    /// # Errors
    /// A folder without recipes; otherwise all that is wrong with them, each with its file.
    pub(crate) fn of_recipes(folder: &Path) -> Result<Self> {
        // The recipes are run from copies elsewhere, so what they name has to be absolute.
        let folder = folder.canonicalize().map_err(Error::at(folder))?;
        let entries = fs::read_dir(&folder).map_err(Error::at(&folder))?;
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort();
        if paths.is_empty() {
            return Err(BadInput(format!("{}: holds no recipes (*.toml)", folder.display())).into());
        }
        let (mut runs, mut problems) = (Vec::new(), Vec::new());
        for path in &paths {
            match Recipe::read(path) {
                Ok(recipe) => runs.push(toml::Table::try_from(&recipe)?),
                Err(error) => problems.push(error.one_line()),
            }
        }
        if !problems.is_empty() {
            return Err(BadInput(problems.join("; ")).into());
        }
        let name = folder.file_name().map_or_else(|| "recipes".into(), |name| name.to_string_lossy());
        Ok(Self {
            name: name.into_owned(),
            description: format!("the recipes in {}", folder.display()),
            data: Data::OfRecipes,
            seeds: vec![1],
            recipe: toml::Table::new(),
            runs,
        })
    }

    /// The runs, seed by seed, so that every kind has a first result early. They read `data/training` and
    /// `data/validation`, where it is given, and what their recipes say otherwise.
    ///
    /// # Errors
    /// A run that is no recipe, with the run's name.
    pub(crate) fn runs(&self, seeds: &[u64], data: Option<&Path>) -> Result<Vec<PlannedRun>> {
        let mut planned = Vec::new();
        for seed in seeds {
            let Ok(number) = i64::try_from(*seed) else {
                let problem = format!("seed {seed}: TOML's numbers end at {}", i64::MAX);
                return Err(BadInput(problem).into());
            };
            for run in &self.runs {
                let mut table = self.recipe.clone();
                lay_over(&mut table, run.clone());
                let kind = table.get("name").and_then(toml::Value::as_str).unwrap_or_default();
                let name = format!("{kind}-seed-{seed}");
                table.insert("name".into(), name.clone().into());
                table.insert("seed".into(), number.into());
                if let Some(folder) = data {
                    let data = table.entry("data").or_insert_with(|| toml::Table::new().into());
                    for split in ["training", "validation"] {
                        let shards = folder.join(split).to_string_lossy().into_owned();
                        data.as_table_mut().and_then(|data| data.insert(split.into(), shards.into()));
                    }
                }
                let recipe = Recipe::from_table(table.clone()).map_err(|problems| {
                    BadInput(format!("{}: run {name}: {}", self.name, problems.join("; ")))
                })?;
                planned.push(PlannedRun { name, table, recipe });
            }
        }
        Ok(planned)
    }
}

/// Lays one table over another: tables are merged, anything else is replaced.
fn lay_over(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            // A schedule is of one method: its fields don't mix with another's. A model is sizes or a folder.
            (Some(toml::Value::Table(under)), toml::Value::Table(over))
                if key != "schedule" && under.contains_key("from") == over.contains_key("from") =>
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
    fn every_definition_is_an_experiment_whose_runs_are_recipes() {
        for definition in Definition::all() {
            let runs = definition.runs(&definition.seeds, Some(Path::new("data"))).unwrap();
            assert_eq!(runs.len(), definition.runs.len() * definition.seeds.len());
        }
    }

    #[test]
    fn an_unknown_experiment_is_refused_with_the_names_that_exist() {
        let message = Definition::named("quickstrat").unwrap_err().to_string();
        assert!(
            message
                .starts_with("no experiment `quickstrat`, and no folder of recipes: there are quickstart,"),
            "{message}"
        );
    }

    #[test]
    fn a_run_keeps_what_it_does_not_override() {
        let mut under: toml::Table = "a = 1\n[training]\nx = 1\ny = 2".parse().unwrap();
        lay_over(&mut under, "[training]\ny = 3".parse().unwrap());
        assert_eq!(under, "a = 1\n[training]\nx = 1\ny = 3".parse().unwrap());
    }
}
