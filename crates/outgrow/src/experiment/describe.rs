//! An experiment as experiment.json tells it, which the report reads.

use std::collections::BTreeMap;

use outgrow_report::{Claim, Drawing, ExperimentDescription, Figure, PlannedCell, Program, Rule};

use crate::{
    error::{BadInput, Result},
    experiment::{
        cells::{Cells, PlannedRun},
        definition::Definition,
        kinds::{Kind, equal_numbers},
        scale::Scale,
        sweep::RunningSweep,
    },
};

/// The version of the file's layout.
const FORMAT: u32 = 1;

/// No share and no difference of losses is as large.
const MOST: f64 = 1000.0;
/// Fewer sizes say nothing of a law.
const LEAST_OF_A_LAW: usize = 3;

/// What was asked for beside the definition.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    /// The scale.
    pub scale: &'a Scale,
    /// The command that makes it again.
    pub command: String,
    /// The program that runs it.
    pub program: Program,
}

/// Describes an experiment. `alone` says whether a run had the machine for itself.
///
/// # Errors
/// Claims and figures of kinds or axes that there aren't.
pub(crate) fn describe(
    definition: &Definition,
    cells: &Cells<'_>,
    asked: &Asked<'_>,
    sweeps: &[RunningSweep],
    runs: &[PlannedRun],
    alone: impl Fn(&PlannedRun) -> bool,
) -> Result<ExperimentDescription> {
    let kinds: Vec<_> = cells.kinds.iter().map(|kind| kind.run_kind.clone()).collect();
    let names = Names {
        kinds: kinds.iter().map(|kind| kind.name.as_str()).collect(),
        baselines: kinds.iter().map(|kind| kind.baseline.as_deref()).collect(),
        axes: kinds.iter().flat_map(|kind| kind.axes.keys().map(String::as_str)).collect(),
        places: cells.kinds.iter().flat_map(Kind::places).collect(),
        twins: cells.kinds.iter().flat_map(twins).collect(),
    };
    let mut problems = Vec::new();
    let (mut figures, mut claims) = (cells.figures.clone(), cells.claims.clone());
    for figure in &mut figures {
        let Figure { title, draws, .. } = figure;
        if let Err(problem) = names.check_drawing(draws) {
            problems.push(format!("figure {title:?}: {problem}"));
        }
    }
    for Claim { says, rule, .. } in &mut claims {
        if let Err(problem) = names.check_rule(rule) {
            problems.push(format!("claim {says:?}: {problem}"));
        }
    }
    if !problems.is_empty() {
        return Err(BadInput(format!("{}: {}", definition.name, problems.join("; "))).into());
    }
    let cell = |run: &PlannedRun| PlannedCell {
        kind: run.kind.clone(),
        seed: run.seed,
        folder: run.folder.to_string_lossy().replace('\\', "/"),
        alone: alone(run),
    };
    Ok(ExperimentDescription {
        format: FORMAT,
        name: definition.name.clone(),
        title: definition.title.clone(),
        source: definition.source.clone(),
        notes: definition.notes.clone(),
        scale: asked.scale.name.clone(),
        scale_description: asked.scale.description.clone(),
        command: asked.command.clone(),
        program: asked.program.clone(),
        kinds,
        usual_seeds: Some(definition.seeds.unwrap_or(asked.scale.seeds)),
        runs: runs.iter().map(cell).collect(),
        sweeps: sweeps.iter().map(RunningSweep::to_description).collect(),
        claims,
        figures,
    })
}

/// What claims and figures can be about.
struct Names<'a> {
    kinds: Vec<&'a str>,
    /// The kind that each is held against.
    baselines: Vec<Option<&'a str>>,
    axes: Vec<&'a str>,
    /// The name of a place on an axis, as a file has it, and how it is written.
    places: Vec<[String; 3]>,
    /// Axes on which two places have one number, and what is said of it.
    twins: Vec<(&'a str, String)>,
}

fn twins(kind: &Kind) -> impl Iterator<Item = (&str, String)> {
    kind.cell.each.iter().filter_map(|(axis, places)| {
        let (number, [one, other]) = equal_numbers(places)?;
        Some((axis.as_str(), format!("each.{axis}: `{one}` and `{other}` both have number = {number}")))
    })
}

impl Names<'_> {
    fn kind(&self, name: &str) -> Result<(), String> {
        if self.kinds.contains(&name) { Ok(()) } else { Err(format!("`{name}` is no cell")) }
    }

    fn axis(&self, name: &str) -> Result<(), String> {
        if self.axes.contains(&name) { Ok(()) } else { Err(format!("`{name}` is no axis")) }
    }

    /// Checks an axis along which losses are looked at.
    fn axis_of_numbers(&self, name: &str) -> Result<(), String> {
        self.axis(name)?;
        self.twins.iter().find(|(axis, _)| *axis == name).map_or(Ok(()), |(_, problem)| Err(problem.clone()))
    }

    /// Checks places on other axes, and puts what is written in place of their names.
    fn others(&self, with: &mut BTreeMap<String, String>) -> Result<(), String> {
        for (axis, name) in with {
            self.axis(axis)?;
            let found = self.places.iter().find(|[of, place, _]| of == axis && place == name);
            let [_, _, label] = found.ok_or_else(|| format!("`{name}` is no place on the axis `{axis}`"))?;
            name.clone_from(label);
        }
        Ok(())
    }

    fn check_rule(&self, rule: &mut Rule) -> Result<(), String> {
        match rule {
            Rule::SpeedUp { of, against, paper } => {
                self.pair(of, against)?;
                within("paper", *paper, (-1.0, MOST))
            }
            Rule::Lower { of, against, paper, at, .. } => {
                self.pair(of, against)?;
                paper.map_or(Ok(()), |paper| within("paper", paper, (-MOST, MOST)))?;
                at.map_or(Ok(()), |at| within("at", at, (0.0, 1.0)))
            }
            Rule::Equal { of, against, margin, at, .. } => {
                self.pair(of, against)?;
                within("margin", *margin, (0.0, MOST))?;
                at.map_or(Ok(()), |at| within("at", at, (0.0, 1.0)))
            }
            Rule::Optimum { axis, with, from, to, at } => {
                self.axis_of_numbers(axis)?;
                self.others(with)?;
                at.map_or(Ok(()), |at| within("at", at, (0.0, 1.0)))?;
                if from.is_finite() && to.is_finite() && *from >= 0.0 && from < to {
                    return Ok(());
                }
                Err(format!("from = {from} and to = {to}: no range of an axis"))
            }
            Rule::Law { of, against, paper } => {
                self.expand(of)?;
                self.expand(against)?;
                within("paper", *paper, (-1.0, MOST))?;
                if of.len() == against.len() && of.len() >= LEAST_OF_A_LAW {
                    return Ok(());
                }
                Err(format!(
                    "{} kinds against {}: a law needs {LEAST_OF_A_LAW} of each, or more",
                    of.len(),
                    against.len()
                ))
            }
        }
    }

    fn pair(&self, of: &str, against: &str) -> Result<(), String> {
        self.kind(of)?;
        self.kind(against)?;
        if of == against { Err(format!("`{of}` is held against itself")) } else { Ok(()) }
    }

    /// Checks a drawing, and puts names in place of beginnings and ends.
    fn check_drawing(&self, drawing: &mut Drawing) -> Result<(), String> {
        match drawing {
            Drawing::Differences { against, kinds, .. } => {
                self.kind(against)?;
                if kinds.is_empty() {
                    // Those of other sizes have other FLOPs.
                    kinds.extend(self.held_against(against));
                }
                self.expand(kinds)?;
                kinds.retain(|kind| kind != against);
            }
            Drawing::SpeedUps { against, kinds } => {
                self.kind(against)?;
                self.expand(kinds)?;
                kinds.retain(|kind| kind != against);
            }
            Drawing::Curves { kinds } | Drawing::Stages { kinds } => self.expand(kinds)?,
            Drawing::Valley { axis, with, budgets } | Drawing::HeatMap { axis, with, budgets } => {
                if budgets.is_empty() {
                    return Err("budgets = []: a part of the baseline's FLOPs is needed, as budgets = [1.0]"
                        .to_owned());
                }
                budgets.iter().try_for_each(|budget| within("budgets", *budget, (0.0, 1.0)))?;
                self.axis_of_numbers(axis)?;
                self.others(with)?;
            }
            Drawing::Grid { across, down, with } => {
                self.axis(across)?;
                self.axis(down)?;
                self.others(with)?;
            }
            Drawing::Laws { series } => {
                series.iter_mut().try_for_each(|series| self.expand(&mut series.kinds))?;
            }
        }
        Ok(())
    }

    fn held_against(&self, baseline: &str) -> Vec<String> {
        let pairs = self.kinds.iter().zip(&self.baselines);
        pairs.filter(|(_, of)| **of == Some(baseline)).map(|(kind, _)| (*kind).to_owned()).collect()
    }

    /// `*-short` is all names that end so.
    fn expand(&self, kinds: &mut Vec<String>) -> Result<(), String> {
        let mut expanded: Vec<String> = Vec::new();
        for pattern in kinds.iter() {
            let found: Vec<&str> = match pattern.split_once('*') {
                None => self.kinds.iter().copied().filter(|kind| kind == pattern).collect(),
                Some((beginning, end)) => {
                    let matches = |kind: &&str| {
                        kind.len() >= beginning.len() + end.len()
                            && kind.starts_with(beginning)
                            && kind.ends_with(end)
                    };
                    self.kinds.iter().copied().filter(matches).collect()
                }
            };
            if found.is_empty() {
                return Err(format!("`{pattern}` is no cell"));
            }
            for kind in found {
                if !expanded.iter().any(|one| one == kind) {
                    expanded.push(kind.to_owned());
                }
            }
        }
        *kinds = expanded;
        Ok(())
    }
}

/// Refuses a number that isn't above the first and at most the second.
fn within(what: &str, number: f64, (above, most): (f64, f64)) -> Result<(), String> {
    if number > above && number <= most {
        return Ok(());
    }
    Err(format!("{what} = {number}: a number above {above} and at most {most} is needed"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct ClaimsAndFigures {
        #[serde(default)]
        claims: Vec<Claim>,
        #[serde(default)]
        figures: Vec<Figure>,
    }

    fn document() -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/EXPERIMENT_FILES.md");
        std::fs::read_to_string(path).unwrap()
    }

    /// The blocks of TOML of the document: a whole definition, then claims, then figures.
    fn blocks(document: &str) -> Vec<&str> {
        document.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
    }

    /// The words that are expected where one isn't known, from what is said of it. Of a table that an enum has, the
    /// crate for TOML says it in its own words.
    fn expected<T: serde::de::DeserializeOwned + std::fmt::Debug>(text: &str) -> Vec<String> {
        let error = toml::from_str::<T>(text).unwrap_err();
        if let Some((_, keys)) = error.message().split_once("available keys: ") {
            return keys.trim().split(", ").map(str::to_owned).collect();
        }
        let (_, expected) = error.message().split_once("expected ").unwrap();
        expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    fn described(text: &str) -> Result<ExperimentDescription> {
        let definition: Definition = toml::from_str(text).unwrap();
        let scale = Scale::named("pulse").unwrap();
        let cells = Cells::new(&definition, &scale)?;
        let program = Program { version: String::new(), training_code: String::new() };
        let asked = Asked { scale: &scale, command: String::new(), program };
        describe(&definition, &cells, &asked, &[], &[], |_| true)
    }

    #[test]
    fn the_definition_in_the_document_is_one() {
        let document = document();
        let description = described(blocks(&document)[0]).unwrap();
        assert_eq!(description.kinds.len(), 3);
    }

    #[test]
    fn each_rule_and_each_drawing_has_an_example_in_the_document_and_a_row_with_its_fields() {
        let document = document();
        let blocks = blocks(&document);
        let [claims, figures] =
            [1, 2].map(|block| toml::from_str::<ClaimsAndFigures>(blocks[block]).unwrap());
        let word =
            |value: toml::Table, key: &str| value[key].as_table().unwrap().keys().next().unwrap().clone();
        let claims = claims.claims.iter().map(|claim| word(toml::Table::try_from(claim).unwrap(), "rule"));
        let figures =
            figures.figures.iter().map(|figure| word(toml::Table::try_from(figure).unwrap(), "draws"));
        let claim = |rule: &str| format!("says = ''\npaper = ''\nrule.{rule} = {{ nothing = 1 }}");
        let figure = |draws: &str| format!("title = ''\ndraws.{draws} = {{ nothing = 1 }}");
        assert_eq!(claims.collect::<Vec<_>>(), expected::<Claim>(&claim("nothing")));
        assert_eq!(figures.collect::<Vec<_>>(), expected::<Figure>(&figure("nothing")));
        let fields = expected::<Claim>(&claim("nothing")).into_iter().map(|rule| {
            let fields = expected::<Claim>(&claim(&rule));
            (rule, fields)
        });
        let of_figures = expected::<Figure>(&figure("nothing")).into_iter().map(|draws| {
            let fields = expected::<Figure>(&figure(&draws));
            (draws, fields)
        });
        for (word, mut fields) in fields.chain(of_figures) {
            let row = document.lines().find(|line| line.starts_with(&format!("| `{word}` |"))).unwrap();
            let last = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
            let mut named: Vec<String> = last.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            named.sort();
            fields.sort();
            assert_eq!(named, fields, "{word}");
        }
    }

    #[test]
    fn an_axis_along_which_losses_are_looked_at_has_each_number_once() {
        let document = document();
        let twins = blocks(&document)[0].replace("number = 4", "number = 2");
        let along = format!(
            "{twins}\n[[figures]]\ntitle = 'x'\ndraws.valley = {{ axis = 'factor', budgets = [1.0] }}"
        );
        assert!(described(&twins).is_ok());
        let budgets = |budgets: &str| described(&along.replace("[1.0]", budgets)).unwrap_err().one_line();
        assert_eq!(
            budgets("[0.5, 1.5]"),
            "depth: figure \"x\": budgets = 1.5: a number above 0 and at most 1 is needed"
        );
        assert_eq!(
            budgets("[]"),
            "depth: figure \"x\": budgets = []: a part of the baseline's FLOPs is needed, as budgets = [1.0]"
        );
        assert_eq!(
            described(&along).unwrap_err().one_line(),
            "depth: figure \"x\": each.factor: `2` and `4` both have number = 2"
        );
    }
}
