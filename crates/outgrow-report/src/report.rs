//! The report as a value: methods, their runs, and how they compare with scratch. What it looks like is html.rs and
//! charts.rs.

pub(crate) mod curve;
pub(crate) mod speed_up;

pub(crate) mod benchmark;
pub(crate) mod method;

pub(crate) mod sentences;

use serde::Serialize;

use crate::{
    error::ReportError,
    page::{self, charts},
    report::{
        benchmark::{Benchmark, benchmarks},
        curve::Curve,
        method::{BASELINE, Group, distinguish, group},
        speed_up::{LossReading, Pair, SpeedUp, at_parts_of_the_budget, mean, over_seeds},
    },
    run::{
        measure::{Measure, Mismatch, mismatches},
        record::{ChangeRecord, Cost, RunRecord, StageSpan, ValidationPoint},
    },
};

/// The parts of scratch's budget whose losses a method is also read at.
const PARTS: [f64; 5] = [0.3, 0.45, 0.6, 0.75, 0.9];

/// Everything that the runs say together. Serialises to `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    format: u32,
    sentences: Vec<String>,
    baseline: Option<String>,
    comparisons: Vec<Comparison>,
    methods: Vec<MethodRuns>,
    benchmarks: Vec<Benchmark>,
    /// The runs as they were read: the page also shows recipes and learning rates.
    #[serde(skip)]
    records: Vec<RunRecord>,
}

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
    /// The speed-up in exact FLOPs: the one to quote.
    pub exact_flops: Option<SpeedUp>,
    /// The speed-up in 6 · parameters · tokens, to compare with the figures of the paper.
    pub six_times_parameters_flops: Option<SpeedUp>,
    /// The speed-up in tokens.
    pub tokens: Option<SpeedUp>,
    /// In exact FLOPs, at losses on scratch's way.
    pub at_losses: Vec<LossReading>,
}

impl Report {
    /// Compares the runs: those with method `scratch` are the baseline, and of several such (say, learning rates)
    /// that which most of the others can be compared with, and of these the one with the lowest mean final loss.
    /// Without a baseline there are curves and no speed-ups.
    ///
    /// There is no speed-up between runs that were measured on different tokens, read different training data or end
    /// in different models; the sentence says which.
    ///
    /// # Errors
    /// No runs, one run twice, or validation points that are no curve.
    pub fn new(runs: &[RunRecord]) -> Result<Self, ReportError> {
        if runs.is_empty() {
            return Err(ReportError::NoRuns);
        }
        let mut groups = group(runs)?;
        let reference = reference(&groups, runs);
        distinguish(&mut groups, reference, runs);
        let baseline = (groups[reference].method == BASELINE).then(|| groups.remove(reference));
        if let Some(baseline) = &baseline {
            groups.insert(0, baseline.clone());
        }
        let comparisons = match &baseline {
            Some(baseline) => {
                groups[1..].iter().map(|group| compare(runs, baseline, group)).collect::<Result<_, _>>()?
            }
            None => Vec::new(),
        };
        for run in runs {
            for cost in [Cost::ExactFlops, Cost::SixTimesParametersFlops, Cost::Tokens] {
                Curve::of_run(run, cost)?;
            }
        }
        let methods: Vec<MethodRuns> = groups.iter().map(|group| method_runs(runs, group)).collect();
        let baseline = baseline.map(|group| group.label);
        let sentences = sentences::sentences(baseline.as_deref(), &comparisons, &methods);
        let labelled: Vec<(&str, &RunRecord)> = groups
            .iter()
            .flat_map(|group| group.runs.iter().map(|&index| (group.label.as_str(), &runs[index])))
            .collect();
        let benchmarks = benchmarks(&labelled);
        let records = labelled.iter().map(|&(_, run)| run.clone()).collect();
        Ok(Self { format: 1, sentences, baseline, comparisons, methods, benchmarks, records })
    }

    /// One plain sentence for each method that is compared with scratch; where there is no scratch, for each method.
    pub fn sentences(&self) -> Vec<String> {
        self.sentences.clone()
    }

    /// The label of the baseline, if there is one.
    pub fn baseline(&self) -> Option<&str> {
        self.baseline.as_deref()
    }

    /// The methods, the baseline first.
    pub fn methods(&self) -> &[MethodRuns] {
        &self.methods
    }

    /// One comparison for each method other than the baseline.
    pub fn comparisons(&self) -> &[Comparison] {
        &self.comparisons
    }

    /// What benchmarks said during training; empty where no run was evaluated by any.
    pub fn benchmarks(&self) -> &[Benchmark] {
        &self.benchmarks
    }

    /// The runs in the order of the methods, then by seed.
    pub(crate) fn records(&self) -> &[RunRecord] {
        &self.records
    }

    /// The report for a program.
    ///
    /// # Panics
    /// Never: the value holds no map with keys that JSON lacks.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("a report has only string keys")
    }

    /// One self-contained page: no script, and nothing is fetched from anywhere.
    pub fn html(&self) -> String {
        page::page(self)
    }

    /// Validation loss against exact FLOPs as an SVG file of its own, light or dark as the reader's system is.
    pub fn loss_chart_svg(&self) -> String {
        charts::standalone(self)
    }
}

/// The group that the others are held against: one from scratch, if there is any.
fn reference(groups: &[Group], runs: &[RunRecord]) -> usize {
    let is_comparable =
        |one: &Group, two: &Group| mismatches(&runs[one.runs[0]], &runs[two.runs[0]]).is_empty();
    let rank = |index: usize| {
        let group = &groups[index];
        let others = groups.iter().filter(|other| !is_comparable(group, other)).count();
        // A variant without a loss yet comes last.
        let loss = mean(&final_losses(runs, group)).unwrap_or(f64::INFINITY);
        (group.method != BASELINE, others, if group.method == BASELINE { loss } else { 0.0 })
    };
    let ranks = (0..groups.len()).map(|index| (rank(index), index));
    let first =
        ranks.min_by(|((one_other, one_count, one_loss), _), ((two_other, two_count, two_loss), _)| {
            (one_other, one_count).cmp(&(two_other, two_count)).then(one_loss.total_cmp(two_loss))
        });
    first.map_or(0, |(_, index)| index)
}

fn final_losses(runs: &[RunRecord], group: &Group) -> Vec<f64> {
    group.runs.iter().filter_map(|&index| runs[index].final_point()).map(|point| point.loss).collect()
}

fn method_runs(runs: &[RunRecord], group: &Group) -> MethodRuns {
    MethodRuns {
        label: group.label.clone(),
        method: group.method.clone(),
        mean_final_loss: mean(&final_losses(runs, group)),
        runs: group.runs.iter().map(|&index| summarise(&runs[index])).collect(),
    }
}

fn summarise(run: &RunRecord) -> RunSummary {
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
    RunSummary {
        name: run.name.clone(),
        seed: run.seed,
        device: run.device.clone(),
        version: run.version.clone(),
        parameters: run.parameters,
        finished: run.finished,
        measure: run.measure.clone(),
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

fn compare(runs: &[RunRecord], baseline: &Group, group: &Group) -> Result<Comparison, ReportError> {
    let (incomparable, excluded) = incomparable(runs, baseline, group);
    let curves = |group, cost| -> Result<Vec<(u64, Curve)>, ReportError> {
        let mut curves = curves(runs, group, cost)?;
        curves.retain(|(seed, _)| !excluded.contains(seed));
        Ok(curves)
    };
    let speed_up_in = |cost| -> Result<Option<SpeedUp>, ReportError> {
        let (scratch, grown) = (curves(baseline, cost)?, curves(group, cost)?);
        Ok(over_seeds(cost, &pair_up(&scratch, &grown)))
    };
    let scratch = curves(baseline, Cost::ExactFlops)?;
    let grown = curves(group, Cost::ExactFlops)?;
    let pairs = pair_up(&scratch, &grown);
    let is_paired = |run: &&RunRecord| pairs.iter().any(|pair| pair.seed == run.seed);
    let paired = || baseline.runs.iter().chain(&group.runs).map(|&index| &runs[index]).filter(is_paired);
    Ok(Comparison {
        label: group.label.clone(),
        pairs: pairs.len(),
        unfinished: paired().filter(|run| !run.finished).count(),
        incomparable,
        unknown_measures: paired().filter(|run| !run.measure.is_known()).count(),
        exact_flops: over_seeds(Cost::ExactFlops, &pairs),
        six_times_parameters_flops: speed_up_in(Cost::SixTimesParametersFlops)?,
        tokens: speed_up_in(Cost::Tokens)?,
        at_losses: at_parts_of_the_budget(&pairs, &PARTS),
    })
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
