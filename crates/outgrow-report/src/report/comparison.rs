//! A method against scratch: which runs are paired, what the speed-up is, and what speaks against one. Its words are
//! those of sentences.rs.

use serde::Serialize;

use crate::{
    error::ReportError,
    report::{
        curve::Curve,
        method::Group,
        mismatch::{Mismatch, mismatches},
        optimizers,
        speed_up::{LossReading, Pair, SpeedUp, at_parts_of_the_budget, mean, over_seeds},
    },
    run::{
        measure::Measure,
        record::{BaseCost, ChangeRecord, Cost, RunRecord, StageSpan, ValidationPoint},
    },
};

/// The parts of scratch's budget whose losses a method is also read at.
const PARTS: [f64; 5] = [0.3, 0.45, 0.6, 0.75, 0.9];

/// The seeds of one method.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MethodRuns {
    /// What a reader calls it.
    pub label: String,
    /// The word in `run.json`.
    pub method: String,
    /// The mean of the final validation losses.
    pub mean_final_loss: Option<f64>,
    /// Its runs, by seed.
    pub runs: Vec<RunSummary>,
}

/// One run, without its steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// The run's name.
    pub name: String,
    /// Its seed.
    pub seed: u64,
    /// The device it ran on.
    pub device: String,
    /// The version of Outgrow that ran it.
    pub version: String,
    /// Parameters of the final model, embeddings and head included.
    pub parameters: u64,
    /// Whether it reached its last token.
    pub finished: bool,
    /// What its validation losses were measured on.
    pub measure: Measure,
    /// The model that it began with. What that had cost, as far as it is known, is in all numbers below.
    pub base: Option<BaseCost>,
    /// What was changed on its way.
    pub changes: Vec<ChangeRecord>,
    /// Tokens seen, all stages.
    pub tokens: u64,
    /// Exact FLOPs, all stages.
    pub flops: f64,
    /// 6 · parameters · tokens, all stages.
    pub flops_6nt: f64,
    /// The last validation loss.
    pub final_validation_loss: Option<f64>,
    /// Median over the steps.
    pub tokens_per_second: Option<f64>,
    /// Its stages.
    pub stages: Vec<StageSpan>,
    /// Its evaluations.
    pub validation: Vec<ValidationPoint>,
}

/// A method against scratch, paired by seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The method's label.
    pub label: String,
    /// How many seeds the two have in common.
    pub pairs: usize,
    /// How many of the runs of both are not finished: their numbers can still change.
    pub unfinished: usize,
    /// Why seeds that the two have in common are not compared: other validation data, another final model.
    pub incomparable: Vec<String>,
    /// How many of the runs that are compared don't tell what they were measured on.
    pub unknown_measures: usize,
    /// How the optimizers of runs that are compared differ from scratch's: the number isn't the schedule's alone.
    pub other_optimizers: Vec<String>,
    /// The bases of its runs that are compared, each once.
    pub bases: Vec<BaseCost>,
    /// How many of its runs that are compared began with a base whose exact FLOPs aren't known: they have no speed-up
    /// in FLOPs.
    pub without_base: usize,
    /// The speed-up in exact FLOPs: the one to quote.
    pub exact_flops: Option<SpeedUp>,
    /// The speed-up in 6 · parameters · tokens, to compare with the figures of the paper.
    pub six_times_parameters_flops: Option<SpeedUp>,
    /// The speed-up in tokens.
    pub tokens: Option<SpeedUp>,
    /// In exact FLOPs, at losses on scratch's way.
    pub at_losses: Vec<LossReading>,
}

impl MethodRuns {
    /// The runs of a group, summed up.
    pub(crate) fn of(runs: &[RunRecord], group: &Group) -> Self {
        Self {
            label: group.label.clone(),
            method: group.method.clone(),
            mean_final_loss: mean(&group.final_losses(runs)),
            runs: group.runs.iter().map(|&index| RunSummary::of(&runs[index])).collect(),
        }
    }
}

impl RunSummary {
    /// A run, summed up.
    pub(crate) fn of(run: &RunRecord) -> Self {
        // The last evaluation and the last step, whichever is further on.
        let evaluated = run.validation.last().map(|point| (point.tokens, point.flops, point.flops_6nt));
        let trained = run.training.last().map(|point| (point.tokens, point.flops, point.flops_6nt));
        let (tokens, flops, flops_6nt) = match (evaluated, trained) {
            (Some(evaluated), Some(trained)) => {
                if trained.0 > evaluated.0 {
                    trained
                } else {
                    evaluated
                }
            }
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => (0, 0.0, 0.0),
        };
        Self {
            name: run.name.clone(),
            seed: run.seed,
            device: run.device.clone(),
            version: run.version.clone(),
            parameters: run.parameters,
            finished: run.finished,
            measure: run.measure.clone(),
            base: run.base.clone(),
            changes: run.changes.clone(),
            tokens,
            flops,
            flops_6nt,
            final_validation_loss: run.final_point().map(|point| point.loss),
            tokens_per_second: run.tokens_per_second(),
            stages: run.stages(),
            validation: run.validation.clone(),
        }
    }
}

impl Comparison {
    /// The runs of a group against those of the baseline.
    ///
    /// # Errors
    /// Validation points that are no curve.
    pub(crate) fn of(runs: &[RunRecord], baseline: &Group, group: &Group) -> Result<Self, ReportError> {
        let (incomparable, excluded) = incomparable(runs, baseline, group);
        let curves = |group, cost| -> Result<Vec<(u64, Curve)>, ReportError> {
            let mut curves = curves(runs, group, cost)?;
            curves.retain(|(seed, _)| !excluded.contains(seed));
            Ok(curves)
        };
        let speed_up_in = |cost| -> Result<Option<SpeedUp>, ReportError> {
            let (scratch, mut grown) = (curves(baseline, cost)?, curves(group, cost)?);
            // Tokens may be compared without those of a base; its sentence says so.
            grown.retain(|(seed, _)| cost == Cost::Tokens || is_whole(runs, group, *seed, cost));
            Ok(over_seeds(cost, &pair_up(&scratch, &grown)))
        };
        let scratch = curves(baseline, Cost::ExactFlops)?;
        let grown = curves(group, Cost::ExactFlops)?;
        let pairs = pair_up(&scratch, &grown);
        let is_paired = |run: &&RunRecord| pairs.iter().any(|pair| pair.seed == run.seed);
        let paired = || baseline.runs.iter().chain(&group.runs).map(|&index| &runs[index]).filter(is_paired);
        let of_group = || group.runs.iter().map(|&index| &runs[index]).filter(is_paired);
        let mut bases: Vec<BaseCost> = Vec::new();
        for base in of_group().filter_map(|run| run.base.as_ref()) {
            if !bases.contains(base) {
                bases.push(base.clone());
            }
        }
        let mut other_optimizers: Vec<String> = Vec::new();
        for run in of_group() {
            let scratch =
                baseline.runs.iter().map(|&index| &runs[index]).find(|other| other.seed == run.seed);
            let difference = scratch.and_then(|scratch| optimizers::difference(run, scratch));
            other_optimizers.extend(difference.filter(|difference| !other_optimizers.contains(difference)));
        }
        let is_without = |run: &&RunRecord| !run.is_whole(Cost::ExactFlops);
        let mut paid: Vec<(u64, Curve)> = grown.clone();
        paid.retain(|(seed, _)| is_whole(runs, group, *seed, Cost::ExactFlops));
        let paid = pair_up(&scratch, &paid);
        Ok(Self {
            label: group.label.clone(),
            pairs: pairs.len(),
            unfinished: paired().filter(|run| !run.finished).count(),
            incomparable,
            unknown_measures: paired().filter(|run| !run.measure.is_known()).count(),
            other_optimizers,
            bases,
            without_base: of_group().filter(is_without).count(),
            exact_flops: over_seeds(Cost::ExactFlops, &paid),
            six_times_parameters_flops: speed_up_in(Cost::SixTimesParametersFlops)?,
            tokens: speed_up_in(Cost::Tokens)?,
            at_losses: at_parts_of_the_budget(&paid, &PARTS),
        })
    }
}

/// Whether the run of a group with this seed holds all that was paid by this account.
fn is_whole(runs: &[RunRecord], group: &Group, seed: u64, cost: Cost) -> bool {
    group.runs.iter().map(|&index| &runs[index]).all(|run| run.seed != seed || run.is_whole(cost))
}

/// The curves of the runs of a group, with their seeds; runs without a curve yet are left out.
fn curves(runs: &[RunRecord], group: &Group, cost: Cost) -> Result<Vec<(u64, Curve)>, ReportError> {
    let mut curves = Vec::new();
    for &index in &group.runs {
        if let Some(curve) = Curve::of_run(&runs[index], cost)? {
            curves.push((runs[index].seed, curve));
        }
    }
    Ok(curves)
}

/// The pairs of runs with one seed.
fn pair_up<'a>(scratch: &'a [(u64, Curve)], grown: &'a [(u64, Curve)]) -> Vec<Pair<'a>> {
    let partner = |seed: u64| scratch.iter().find(|(other, _)| *other == seed).map(|(_, curve)| curve);
    grown
        .iter()
        .filter_map(|(seed, grown)| Some(Pair { seed: *seed, scratch: partner(*seed)?, grown }))
        .collect()
}

/// Why runs of two groups with one seed can't be compared, each reason once; and these seeds.
fn incomparable(runs: &[RunRecord], baseline: &Group, group: &Group) -> (Vec<String>, Vec<u64>) {
    let (mut reasons, mut seeds) = (Vec::new(), Vec::new());
    for run in group.runs.iter().map(|&index| &runs[index]) {
        let scratch =
            baseline.runs.iter().map(|&index| &runs[index]).find(|scratch| scratch.seed == run.seed);
        let mismatches = scratch.map(|scratch| mismatches(run, scratch)).unwrap_or_default();
        if mismatches.is_empty() {
            continue;
        }
        seeds.push(run.seed);
        for reason in mismatches.iter().map(Mismatch::sentence) {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
    }
    (reasons, seeds)
}
