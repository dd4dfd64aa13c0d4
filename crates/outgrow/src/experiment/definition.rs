//! What an experiment is: a TOML file with the kinds of runs that it has, in parts of a scale, what is claimed of them
//! and what is drawn. How it becomes runs is the expansion's to know.
//!
//! The definitions are in the crate's `experiments/` folder and compiled in. A file of one's own is an experiment, too,
//! and so is a folder of recipes.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Deserialize;

use crate::{
    error::{BadInput, Error, Result},
    terminal::spelling::edits,
};

/// The definitions that are compiled in, in the order of the list.
const DEFINITIONS: [&str; 13] = [
    include_str!("../../experiments/quickstart.toml"),
    include_str!("../../experiments/operators.toml"),
    include_str!("../../experiments/originals.toml"),
    include_str!("../../experiments/scaling.toml"),
    include_str!("../../experiments/law.toml"),
    include_str!("../../experiments/timing.toml"),
    include_str!("../../experiments/factor.toml"),
    include_str!("../../experiments/gradual.toml"),
    include_str!("../../experiments/patterns.toml"),
    include_str!("../../experiments/preservation.toml"),
    include_str!("../../experiments/after_growth.toml"),
    include_str!("../../experiments/late.toml"),
    include_str!("../../experiments/benchmarks.toml"),
];

/// How many names an unknown one is answered with.
const NEAREST: usize = 3;

/// An experiment.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    /// What to call it on the command line.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// Which figures of which paper it repeats.
    #[serde(default)]
    pub source: String,
    /// One line for `experiment list`: what it compares.
    pub description: String,
    /// What a reader of the report has to know besides.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The scale, unless another is asked for.
    #[serde(default = "nano")]
    pub scale: String,
    /// How many seeds, where that isn't the scale's.
    #[serde(default)]
    pub seeds: Option<u64>,
    /// Whether it is nothing without the documents of benchmarks.
    #[serde(default)]
    pub needs_benchmarks: bool,
    /// What `{name}` stands for in cells.
    #[serde(default)]
    pub values: toml::Table,
    /// What all runs share beside the scale's recipe, laid over it.
    #[serde(default)]
    pub recipe: toml::Table,
    /// The learning rates that are chosen before anything else.
    #[serde(default)]
    pub sweeps: Vec<SweepDefinition>,
    /// The kinds of runs.
    pub cells: Vec<CellDefinition>,
    /// What is claimed of them, with places for the ladder's sizes.
    #[serde(default)]
    pub claims: Vec<toml::Value>,
    /// What is drawn, likewise.
    #[serde(default)]
    pub figures: Vec<toml::Value>,
}

/// A learning rate that a sweep chooses: `"1 NAME"` in a cell is the shape's rate by the chosen factor.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SweepDefinition {
    /// The rate's name, as cells have it.
    pub name: String,
    /// The kind of run that is tried, with places for the ladder's sizes.
    pub kind: String,
    /// The factors, rising. Where the best is the first or the last, the sweep goes on beyond it.
    pub factors: Vec<f64>,
}

/// A kind of run, or several that differ along axes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CellDefinition {
    /// Its name, with places for what differs.
    pub name: String,
    /// Likewise, as a reader sees it; the name, where it is left out.
    #[serde(default)]
    pub label: Option<String>,
    /// The scale's shape of the final model.
    #[serde(default = "standard")]
    pub shape: String,
    /// The kind that it is held against.
    #[serde(default)]
    pub baseline: Option<String>,
    /// The axes along which it differs, by name.
    #[serde(default)]
    pub each: BTreeMap<String, Axis>,
    /// Laid over the recipe of all.
    #[serde(default)]
    pub recipe: toml::Table,
    /// Its schedule.
    pub schedule: toml::Table,
}

/// An axis of a kind of run.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Axis {
    /// Its places; each has a `name`, and may have a `label`, a `number` and whatever the cell has places for.
    Places(Vec<toml::Table>),
    /// `"ladder"`: the scale's sizes, smallest first.
    Word(String),
}

impl Axis {
    /// The word for the scale's sizes.
    pub(crate) const LADDER: &str = "ladder";
}

fn nano() -> String {
    Definition::USUAL_SCALE.to_owned()
}

fn standard() -> String {
    "standard".to_owned()
}

impl Definition {
    /// The scale of a definition that names none.
    pub(crate) const USUAL_SCALE: &str = "nano";

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
        let nearest = nearest(name, &names);
        Err(BadInput(format!(
            "no experiment `{name}`, and no file or folder of that name: nearest are {}; `experiment list` has all",
            nearest.join(", ")
        ))
        .into())
    }

    /// The experiment of a file of one's own.
    ///
    /// # Errors
    /// A file that can't be read or isn't a definition.
    pub(crate) fn of_file(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Error::at(path))?;
        toml::from_str(&text).map_err(|error| {
            let line = 1 + text[..error.span().map_or(0, |span| span.start)].matches('\n').count();
            let reason = error.message().trim_end().replace('\n', " ");
            BadInput(format!("{}, line {line}: {reason}", path.display())).into()
        })
    }
}

/// The names that differ least from one that isn't there.
fn nearest<'a>(name: &str, names: &[&'a str]) -> Vec<&'a str> {
    let mut ranked: Vec<_> = names.iter().map(|known| (edits(name, known), *known)).collect();
    // What begins alike is meant more often than what happens to be as long.
    ranked.sort_by_key(|(distance, known)| (!known.starts_with(name), *distance));
    ranked.into_iter().take(NEAREST).map(|(_, known)| known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_experiment_is_refused_with_the_nearest_names() {
        let message = Definition::named("quickstrat").unwrap_err().to_string();
        let expected =
            "no experiment `quickstrat`, and no file or folder of that name: nearest are quickstart, ";
        assert!(message.starts_with(expected), "{message}");
    }

    #[test]
    fn words_are_as_far_apart_as_letters_differ() {
        for (one, two, distance) in
            [("", "abc", 3), ("abc", "abc", 0), ("factor", "factro", 2), ("late", "late_", 1)]
        {
            assert_eq!(edits(one, two), distance, "{one} {two}");
            assert_eq!(edits(two, one), distance, "{two} {one}");
        }
    }
}
