//! Whether an `experiment.json` is whole: whatever it names, it has; and whichever seeds are compared, both kinds have.
//! It opens no run.

use std::collections::{BTreeMap, BTreeSet};

use crate::experiment::description::{Drawing, ExperimentDescription, Rule};

/// A line for each thing that doesn't fit.
pub(crate) fn problems(description: &ExperimentDescription) -> Vec<String> {
    let mut problems = Vec::new();
    let names: BTreeSet<&str> = description.kinds.iter().map(|kind| kind.name.as_str()).collect();
    let mut seen = BTreeSet::new();
    for kind in description.kinds.iter().filter(|kind| !seen.insert(&kind.name)) {
        problems.push(format!("kind {} is there twice: names are unique", kind.name));
    }
    let mut check = |place: &str, name: &str| {
        if !names.contains(name) {
            problems.push(format!(
                "{place} names kind {name}, which isn't there: kinds are {}",
                names.iter().copied().collect::<Vec<_>>().join(", ")
            ));
        }
    };
    for kind in &description.kinds {
        if let Some(baseline) = &kind.baseline {
            check(&format!("the baseline of {}", kind.name), baseline);
        }
    }
    for cell in &description.runs {
        check(&format!("run {}", cell.folder), &cell.kind);
    }
    for (number, claim) in (1..).zip(&description.claims) {
        for kind in kinds_of(&claim.rule) {
            check(&format!("claim {number}"), kind);
        }
    }
    for figure in &description.figures {
        for kind in kinds_drawn(&figure.draws).filter(|kind| !kind.contains('*')) {
            check(&format!("figure {:?}", figure.title), kind);
        }
    }
    problems.extend(unpaired(description));
    problems
}

/// The kinds that a rule names.
pub(crate) fn kinds_of(rule: &Rule) -> Vec<&str> {
    match rule {
        Rule::SpeedUp { of, against, .. }
        | Rule::Lower { of, against, .. }
        | Rule::Equal { of, against, .. } => vec![of, against],
        Rule::Law { of, against, .. } => of.iter().chain(against).map(String::as_str).collect(),
        Rule::Optimum { .. } => Vec::new(),
    }
}

/// The kinds that a drawing names, or patterns of names.
fn kinds_drawn(drawing: &Drawing) -> Box<dyn Iterator<Item = &str> + '_> {
    match drawing {
        Drawing::Differences { against, kinds, .. } | Drawing::SpeedUps { against, kinds } => {
            Box::new(std::iter::once(against).chain(kinds).map(String::as_str))
        }
        Drawing::Curves { kinds } | Drawing::Stages { kinds } => Box::new(kinds.iter().map(String::as_str)),
        Drawing::Valley { .. } | Drawing::HeatMap { .. } | Drawing::Grid { .. } => {
            Box::new(std::iter::empty())
        }
        Drawing::Laws { series } => {
            Box::new(series.iter().flat_map(|series| &series.kinds).map(String::as_str))
        }
    }
}

/// A line for each kind whose seeds its baseline or the other kind of a claim doesn't have.
fn unpaired(description: &ExperimentDescription) -> Vec<String> {
    let mut seeds: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    let mut lines = Vec::new();
    for cell in &description.runs {
        if !seeds.entry(&cell.kind).or_default().insert(cell.seed) {
            lines.push(format!("kind {} has seed {} twice: a kind has one run a seed", cell.kind, cell.seed));
        }
    }
    let baselines =
        description.kinds.iter().filter_map(|kind| Some((kind.name.as_str(), kind.baseline.as_deref()?)));
    let claimed = description.claims.iter().filter_map(|claim| match &claim.rule {
        Rule::SpeedUp { of, against, .. }
        | Rule::Lower { of, against, .. }
        | Rule::Equal { of, against, .. } => Some((of.as_str(), against.as_str())),
        Rule::Optimum { .. } | Rule::Law { .. } => None,
    });
    let mut compared: Vec<(&str, &str)> = baselines.chain(claimed).collect();
    compared.sort_unstable();
    compared.dedup();
    for (of, against) in compared {
        let none = BTreeSet::new();
        let (own, others) = (seeds.get(of).unwrap_or(&none), seeds.get(against).unwrap_or(&none));
        let lacking: Vec<String> = own.difference(others).map(u64::to_string).collect();
        if !lacking.is_empty() {
            lines.push(format!(
                "seeds don't pair: {of} has seed {}, which {against} lacks; compared kinds have the \
                 same seeds",
                lacking.join(", ")
            ));
        }
    }
    lines
}
