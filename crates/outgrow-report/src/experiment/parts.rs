//! One experiment in several folders, as machines without a shared disk make it: whether they are of one experiment,
//! and what they have of a run together. It opens no file.

use std::path::Path;

use serde_json::Value;

use crate::{
    experiment::{cell::CellState, description::ExperimentDescription},
    run::record::RunRecord,
};

/// What differs between the descriptions of two parts; nothing where both are of one experiment. Which runs had a
/// machine for themselves is each part's own.
pub(super) fn difference(one: &ExperimentDescription, two: &ExperimentDescription) -> Option<String> {
    let [one, two] = [one, two].map(|description| {
        let mut description = description.clone();
        description.runs.iter_mut().for_each(|run| run.alone = false);
        serde_json::to_value(description).unwrap_or_default()
    });
    let (place, own, others) = first_difference(String::new(), &one, &two)?;
    Some(format!("{place} is {others} there and {own} here"))
}

/// Where two values first differ, and what each has there.
fn first_difference(place: String, one: &Value, two: &Value) -> Option<(String, String, String)> {
    match (one, two) {
        _ if one == two => None,
        (Value::Object(first), Value::Object(second)) => {
            let keys = first.keys().chain(second.keys().filter(|key| !first.contains_key(*key)));
            let at = |key: &String| {
                let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                first_difference(
                    place,
                    one.get(key).unwrap_or(&Value::Null),
                    two.get(key).unwrap_or(&Value::Null),
                )
            };
            keys.into_iter().find_map(at)
        }
        (Value::Array(first), Value::Array(second)) if first.len() == second.len() => {
            let pairs = first.iter().zip(second).enumerate();
            let mut found = pairs.filter(|(_, (one, two))| one != two);
            let (index, (one, two)) = found.next()?;
            first_difference(format!("{place}[{index}]"), one, two)
        }
        (Value::Array(first), Value::Array(second)) => {
            Some((format!("the number of {place}"), first.len().to_string(), second.len().to_string()))
        }
        _ => Some((place, one.to_string(), two.to_string())),
    }
}

/// What parts have of one run, and which part that is of: the finished one, or the one that has come furthest. Each
/// other has to be the same as far as it goes; a line for each that isn't.
pub(super) fn joined(states: Vec<CellState>, problems: &mut Vec<String>) -> (Option<usize>, CellState) {
    let come = |state: &CellState| match state {
        CellState::Missing => (false, 0),
        CellState::Unfinished(run) => (false, 1 + run.validation.len()),
        CellState::Finished(run) => (true, 1 + run.validation.len()),
    };
    // Of equals the first.
    let furthest = (0..states.len()).rev().max_by_key(|part| come(&states[*part]));
    let chosen = furthest.filter(|part| states[*part].run().is_some());
    if let Some(run) = chosen.and_then(|part| states[part].run()) {
        let others = states.iter().enumerate().filter(|(part, _)| Some(*part) != chosen);
        for other in others.filter_map(|(_, state)| state.run()) {
            problems.extend(other_run(other, run));
        }
    }
    let state = chosen.and_then(|part| states.into_iter().nth(part)).unwrap_or(CellState::Missing);
    (chosen, state)
}

/// Why a run isn't the one that stands in another part, as far as it goes. Devices and times are each machine's own.
fn other_run(other: &RunRecord, run: &RunRecord) -> Option<String> {
    let place = |folder: &Path| folder.display().to_string();
    let said = |what: String| {
        Some(format!("{}: is another run than {}: {what}", place(&other.folder), place(&run.folder)))
    };
    if (&other.measure, &other.training_sha256) != (&run.measure, &run.training_sha256) {
        return said("its data is other data".to_owned());
    }
    if (other.parameters, &other.model) != (run.parameters, &run.model) {
        return said("its model is another".to_owned());
    }
    let validation = other.validation.iter().zip(&run.validation);
    let mut differing = validation
        .filter(|(one, two)| (one.tokens, &one.stage, one.loss) != (two.tokens, &two.stage, two.loss));
    if let Some((one, two)) = differing.next() {
        return said(format!(
            "its validation loss at {} tokens is {}, and {} at {} there",
            one.tokens, one.loss, two.loss, two.tokens
        ));
    }
    let training = other.training.iter().zip(&run.training);
    let mut differing = training.filter(|(one, two)| {
        (one.tokens, one.loss, one.learning_rate) != (two.tokens, two.loss, two.learning_rate)
    });
    if let Some((one, two)) = differing.next() {
        return said(format!("its step {} has a loss of {}, and {} there", one.step, one.loss, two.loss));
    }
    if other.finished && other.validation.len() != run.validation.len() {
        return said(format!(
            "it is done after {} evaluations, and the other after {}",
            other.validation.len(),
            run.validation.len()
        ));
    }
    None
}
