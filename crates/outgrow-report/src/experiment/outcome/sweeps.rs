//! How learning rates were chosen: the loss of each value and seed, and whether the best lies at the edge of what was
//! tried.

use serde::Serialize;

use crate::experiment::{
    cell::SweepCell,
    outcome::over_seeds::{OverSeeds, SeedValue},
    reading::Experiment,
};

/// One sweep.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepOutcome {
    /// What was chosen: `scratch_rate`.
    pub name: String,
    /// Of which kind of run.
    pub kind: String,
    /// The values, lowest first.
    pub values: Vec<SweptValue>,
    /// What the experiment runs with; `None` until the sweep is done.
    pub chosen: Option<f64>,
    /// The value with the lowest mean of those that all seeds have.
    pub lowest: Option<f64>,
    /// The end of the values at which the lowest lies: a better one may lie beyond.
    pub edge: Option<Edge>,
}

/// A value that was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweptValue {
    /// The peak learning rate.
    pub value: f64,
    /// The final losses of finished runs.
    pub loss: Option<OverSeeds>,
    /// Runs that are missing or not finished.
    pub unfinished: usize,
}

/// An end of a row of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edge {
    /// The lowest number.
    Lowest,
    /// The highest.
    Highest,
}

impl SweepOutcome {
    /// The sweeps of an experiment.
    pub(crate) fn all(experiment: &Experiment) -> Vec<Self> {
        let sweeps = experiment.description().sweeps.iter().zip(experiment.sweep_cells());
        sweeps
            .map(|(sweep, cells)| {
                let values = values(cells);
                let mean = |value: &SweptValue| {
                    let loss = value.loss.as_ref().filter(|_| value.unfinished == 0)?;
                    Some((loss.mean, value.value))
                };
                let lowest = values.iter().filter_map(mean).min_by(|one, two| one.0.total_cmp(&two.0));
                let lowest = lowest.map(|(_, value)| value);
                let is =
                    |value: Option<&SweptValue>| lowest.is_some() && value.map(|value| value.value) == lowest;
                let edge = match (is(values.first()), is(values.last())) {
                    (true, _) => Some(Edge::Lowest),
                    (false, true) => Some(Edge::Highest),
                    (false, false) => None,
                };
                Self {
                    name: sweep.name.clone(),
                    kind: sweep.kind.clone(),
                    values,
                    chosen: sweep.chosen,
                    lowest,
                    edge,
                }
            })
            .collect()
    }
}

fn values(cells: &[SweepCell]) -> Vec<SweptValue> {
    let mut numbers: Vec<f64> = cells.iter().map(|cell| cell.planned.value).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    numbers
        .into_iter()
        .map(|value| {
            let of_value = || cells.iter().filter(|cell| cell.planned.value.total_cmp(&value).is_eq());
            let losses = of_value().filter_map(|cell| {
                let value = cell.state.finished()?.final_point()?.loss;
                Some(SeedValue { seed: cell.planned.seed, value })
            });
            SweptValue {
                value,
                loss: OverSeeds::of(losses.collect()),
                unfinished: of_value().filter(|cell| cell.state.finished().is_none()).count(),
            }
        })
        .collect()
}
