//! What came out of each kind of run: its runs, its losses, and how it stands against its baseline.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    experiment::{
        cell::Cell,
        description::{AxisValue, RunKind},
        outcome::{
            difference::PairedDifference,
            over_seeds::{OverSeeds, SeedValue},
            speed_up::SpeedUpOutcome,
            trend::DifferenceTrend,
        },
        reading::Experiment,
    },
    report::comparison::RunSummary,
    run::record::{Cost, RunRecord, StageSpan},
};

/// The parts of the baseline's FLOPs at which losses are compared; the last is the end.
pub(crate) const COMPARED_AT: [f64; 5] = [0.2, 0.4, 0.6, 0.8, 1.0];
/// The parts of the baseline's budget whose losses speed-ups are read at; the last is its final loss.
pub(crate) const SPED_UP_AT: [f64; 4] = [0.4, 0.6, 0.8, 1.0];
/// A learning rate is drawn from so many points.
const RATES_SHOWN: usize = 160;

/// One kind of run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindOutcome {
    /// Its name.
    pub name: String,
    /// As a table or a legend has it.
    pub label: String,
    /// The kind that it is held against; `None` for one from scratch.
    pub baseline: Option<String>,
    /// Where it stands on each axis.
    pub axes: BTreeMap<String, AxisValue>,
    /// Its runs that there are, by seed.
    pub runs: Vec<RunOutcome>,
    /// The final losses of finished runs.
    pub final_loss: Option<OverSeeds>,
    /// Against its baseline at parts of the budget, the last at the end; none without a baseline.
    pub differences: Vec<PairedDifference>,
    /// Against its baseline, for each cost at each of several losses, the last of each cost at the baseline's final
    /// loss; none without a baseline.
    pub speed_ups: Vec<SpeedUpOutcome>,
    /// How the difference to its baseline goes on; `None` without a baseline or a pair.
    pub trend: Option<DifferenceTrend>,
    /// Its validation losses over seeds, in order.
    pub curve: Vec<BandPoint>,
    /// The stages of its first run.
    pub stages: Vec<StageSpan>,
    /// The learning rates of its first run, thinned out.
    pub learning_rates: Vec<RatePoint>,
}

/// A run, with what it comes to against its baseline's run of the same seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunOutcome {
    /// Its kind.
    pub kind: String,
    /// Its seed.
    pub seed: u64,
    /// Its folder, relative to the experiment's.
    pub folder: String,
    /// Whether it had the machine for itself.
    pub alone: bool,
    /// What it is and measured.
    pub summary: RunSummary,
    /// Seconds that its training took, all steps, where each step was measured.
    pub seconds: Option<f64>,
    /// Its final loss less that of its baseline's run at equal FLOPs.
    pub difference: Option<f64>,
    /// Its speed-up at the baseline's final loss, in exact FLOPs.
    pub speed_up: Option<f64>,
    /// All of it: recipe, steps, growths.
    #[serde(skip)]
    pub record: RunRecord,
}

/// One evaluation of a kind, over the seeds that have it. What was paid is that of the first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BandPoint {
    /// The stage it belongs to.
    pub stage: String,
    /// Tokens seen.
    pub tokens: u64,
    /// Exact FLOPs.
    pub flops: f64,
    /// FLOPs as 6 · parameters · tokens.
    pub flops_6nt: f64,
    /// Seconds on average, where each seed's run had the machine for itself.
    pub seconds: Option<f64>,
    /// How many seeds have it.
    pub seeds: usize,
    /// The mean loss.
    pub mean: f64,
    /// The lowest seed's.
    pub lowest: f64,
    /// The highest seed's.
    pub highest: f64,
}

/// A learning rate on its way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RatePoint {
    /// Tokens seen.
    pub tokens: u64,
    /// Exact FLOPs.
    pub flops: f64,
    /// The learning rate of the step.
    pub learning_rate: f64,
}

impl KindOutcome {
    /// What a kind came to.
    pub(crate) fn of(experiment: &Experiment, kind: &RunKind) -> Self {
        let against = kind.baseline.as_deref();
        let differences: Vec<PairedDifference> = against
            .map(|against| {
                COMPARED_AT.map(|at| PairedDifference::between(experiment, &kind.name, against, at)).into()
            })
            .unwrap_or_default();
        let speed_ups: Vec<SpeedUpOutcome> = against
            .map(|against| {
                let at_losses = |cost| {
                    SPED_UP_AT.map(|at| SpeedUpOutcome::between(experiment, &kind.name, against, cost, at))
                };
                Cost::ALL.into_iter().flat_map(at_losses).collect()
            })
            .unwrap_or_default();
        let cells: Vec<&Cell> = experiment.cells(&kind.name).collect();
        let at_the_end = differences.last().and_then(|difference| difference.over_seeds.as_ref());
        let sped_up = speed_ups.iter().find(|found| found.cost == Cost::ExactFlops && found.at >= 1.0);
        let runs: Vec<RunOutcome> = cells
            .iter()
            .filter_map(|cell| {
                let record = cell.run()?;
                let of_seed = |all: &OverSeeds| {
                    all.seeds.iter().find(|found| found.seed == cell.planned.seed).map(|found| found.value)
                };
                Some(RunOutcome {
                    kind: kind.name.clone(),
                    seed: cell.planned.seed,
                    folder: cell.planned.folder.clone(),
                    alone: cell.planned.alone,
                    summary: RunSummary::of(record),
                    seconds: record.validation.last().and_then(|point| point.seconds),
                    difference: at_the_end.and_then(of_seed),
                    speed_up: sped_up.and_then(|found| found.over_seeds.as_ref()).and_then(of_seed),
                    record: record.clone(),
                })
            })
            .collect();
        let finals = cells.iter().filter_map(|cell| {
            let value = cell.finished()?.final_point()?.loss;
            Some(SeedValue { seed: cell.planned.seed, value })
        });
        let first = runs.first().map(|run| &run.record);
        Self {
            name: kind.name.clone(),
            label: kind.label.clone(),
            baseline: kind.baseline.clone(),
            axes: kind.axes.clone(),
            final_loss: OverSeeds::of(finals.collect()),
            differences,
            speed_ups,
            trend: against.and_then(|against| DifferenceTrend::of(experiment, &kind.name, against)),
            curve: band(&runs),
            stages: first.map(RunRecord::stages).unwrap_or_default(),
            learning_rates: first.map(learning_rates).unwrap_or_default(),
            runs,
        }
    }

    /// Against its baseline at the end.
    pub fn difference(&self) -> Option<&PairedDifference> {
        self.differences.last()
    }

    /// Against its baseline at the baseline's final loss, in this cost.
    pub fn speed_up(&self, cost: Cost) -> Option<&SpeedUpOutcome> {
        self.speed_ups.iter().rfind(|found| found.cost == cost)
    }
}

/// The evaluations of all seeds, one over the other: those at the same tokens of the same stage are one.
fn band(runs: &[RunOutcome]) -> Vec<BandPoint> {
    let Some(longest) = runs.iter().map(|run| &run.record).max_by_key(|run| run.validation.len()) else {
        return Vec::new();
    };
    let is_timed = runs.iter().all(|run| run.alone);
    longest
        .validation
        .iter()
        .map(|point| {
            let same = runs.iter().filter_map(|run| {
                run.record.validation.iter().find(|other| {
                    other.tokens == point.tokens && other.stage == point.stage && other.step == point.step
                })
            });
            let same: Vec<_> = same.collect();
            let losses = || same.iter().map(|point| point.loss);
            let seconds: Option<Vec<f64>> = same.iter().map(|point| point.seconds).collect();
            let count = same.len() as f64;
            BandPoint {
                stage: point.stage.clone(),
                tokens: point.tokens,
                flops: point.flops,
                flops_6nt: point.flops_6nt,
                seconds: seconds.filter(|_| is_timed).map(|seconds| seconds.iter().sum::<f64>() / count),
                seeds: same.len(),
                mean: losses().sum::<f64>() / count,
                lowest: losses().fold(f64::INFINITY, f64::min),
                highest: losses().fold(f64::NEG_INFINITY, f64::max),
            }
        })
        .collect()
}

/// Every so many steps, and the first and last of each stage.
fn learning_rates(run: &RunRecord) -> Vec<RatePoint> {
    let every = run.training.len().div_ceil(RATES_SHOWN).max(1);
    let is_end = |index: usize| {
        let other = |other: usize| {
            run.training.get(other).is_none_or(|other| other.stage != run.training[index].stage)
        };
        index == 0 || other(index - 1) || other(index + 1)
    };
    let shown = (0..run.training.len()).filter(|index| index.is_multiple_of(every) || is_end(*index));
    shown
        .map(|index| {
            let point = &run.training[index];
            RatePoint { tokens: point.tokens, flops: point.flops, learning_rate: point.learning_rate }
        })
        .collect()
}
