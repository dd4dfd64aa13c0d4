//! Runs that lie in an experiment's folder and that it doesn't name: those of further seeds, made when it was asked for
//! more of them. They are only named.

use std::{collections::BTreeSet, fs, path::Path};

use crate::experiment::description::ExperimentDescription;

/// Between the kind and the seed in a folder's name.
const SEED: &str = "-seed-";

/// The folders of such runs, by name.
pub(super) fn unplanned(folder: &Path, description: &ExperimentDescription) -> Vec<String> {
    let planned: BTreeSet<&str> = description.runs.iter().map(|run| run.folder.as_str()).collect();
    let is_of_a_kind = |name: &str| {
        name.rsplit_once(SEED).is_some_and(|(kind, seed)| {
            seed.parse::<u64>().is_ok() && description.kinds.iter().any(|other| other.name == kind)
        })
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut found: Vec<String> = names
        .filter(|name| !planned.contains(name.as_str()) && is_of_a_kind(name))
        .filter(|name| folder.join(name).join("run.json").is_file())
        .collect();
    found.sort();
    found
}
