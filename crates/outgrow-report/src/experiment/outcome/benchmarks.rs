//! What benchmarks say of the models at the end of their runs: over seeds, over documents, and whether that is more
//! than guessing gives. Which metric is quoted is the run report's to know.

use outgrow_statistics::{Interval, proportion_interval};
use serde::Serialize;

use crate::{
    experiment::{
        outcome::over_seeds::{LEVEL, OverSeeds, SeedValue},
        reading::Experiment,
    },
    report::benchmark::{Benchmark, BenchmarkRun, benchmarks},
    run::record::RunRecord,
};

/// The benchmarks of an experiment, at the end of its finished runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BenchmarksOutcome {
    /// In the order in which the runs name them.
    pub tasks: Vec<TaskOutcome>,
    /// The tasks of the average: those whose metric is an accuracy.
    pub averaged: Vec<String>,
    /// The plain mean of these, for each kind whose runs have all of them.
    pub averages: Vec<AverageOfKind>,
}

/// One benchmark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskOutcome {
    /// The task's name in lm-evaluation-harness, and what it asked where runs were asked different things.
    pub task: String,
    /// The metric that is quoted.
    pub metric: String,
    /// Whether a higher value is a better one, where that is known of the metric.
    pub higher_is_better: Option<bool>,
    /// How many documents each run answered, where that is known.
    pub documents: Option<u64>,
    /// The share that guessing gets right: one over the number of answers to choose from. `None` where there is none,
    /// or where it isn't known.
    pub chance: Option<f64>,
    /// The kinds that were asked, in the order of the experiment.
    pub kinds: Vec<TaskOfKind>,
}

/// One kind by one benchmark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskOfKind {
    /// The kind's name.
    pub kind: String,
    /// The values of its seeds.
    pub over_seeds: OverSeeds,
    /// Where a share of right answers as large as the mean lies by the number of documents alone.
    pub by_documents: Option<Interval>,
    /// Whether guessing may be as good: it lies in the interval over seeds, or in that over documents. `None` where
    /// there is nothing to compare.
    pub is_at_chance: Option<bool>,
    /// What each seed has.
    pub seeds: Vec<TaskOfSeed>,
}

/// One run by one benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TaskOfSeed {
    /// The seed.
    pub seed: u64,
    /// Its value.
    pub value: f64,
    /// Its standard error over documents, where the run computed it.
    pub standard_error: Option<f64>,
    /// The binomial interval of a share of right answers, by Wilson.
    pub interval: Option<Interval>,
}

/// The average of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AverageOfKind {
    /// The kind's name.
    pub kind: String,
    /// The averages of its seeds.
    pub over_seeds: OverSeeds,
}

impl BenchmarksOutcome {
    /// Of an experiment's finished runs, as they end.
    pub(crate) fn of(experiment: &Experiment) -> Self {
        let finished = |kind| experiment.cells(kind).filter_map(|cell| cell.finished());
        let kinds = experiment.description().kinds.iter().map(|kind| kind.name.as_str());
        let runs: Vec<(&str, &RunRecord)> =
            kinds.flat_map(|kind| finished(kind).map(move |run| (kind, run))).collect();
        let tasks: Vec<TaskOutcome> =
            benchmarks(&runs).iter().filter_map(|benchmark| TaskOutcome::of(benchmark, &runs)).collect();
        let is_averaged = |task: &&TaskOutcome| is_accuracy(&task.metric);
        let shares: Vec<&TaskOutcome> = tasks.iter().filter(is_averaged).collect();
        let averages = if shares.len() > 1 { averages(experiment, &shares) } else { Vec::new() };
        Self { averaged: shares.iter().map(|task| task.task.clone()).collect(), averages, tasks }
    }
}

impl TaskOutcome {
    fn of(benchmark: &Benchmark, runs: &[(&str, &RunRecord)]) -> Option<Self> {
        let of_benchmark = |(kind, run): &&(&str, &RunRecord)| benchmark.run(kind, run.seed).is_some();
        let asked = runs.iter().filter(of_benchmark).find_map(|(_, run)| run.asked_by(&benchmark.task));
        let documents = asked.and_then(|asked| asked.documents);
        let is_share = is_accuracy(&benchmark.metric);
        let chance = is_share.then(|| chance_of(&benchmark.task)).flatten();
        let binomial = |share: f64| proportion_interval(share, documents.filter(|_| is_share)?, LEVEL).ok();
        let of_seed = |run: &BenchmarkRun| {
            let last = run.values.last()?;
            let value = last.value?;
            Some(TaskOfSeed {
                seed: run.seed,
                value,
                standard_error: last.standard_error,
                interval: binomial(value),
            })
        };
        let mut labels: Vec<&str> = benchmark.runs.iter().map(|run| run.label.as_str()).collect();
        labels.dedup();
        let of_kind = |kind: &str| {
            let own = benchmark.runs.iter().filter(|run| run.label == kind);
            let seeds: Vec<TaskOfSeed> = own.filter_map(of_seed).collect();
            let values = seeds.iter().map(|seed| SeedValue { seed: seed.seed, value: seed.value });
            let over_seeds = OverSeeds::of(values.collect())?;
            let by_documents = binomial(over_seeds.mean);
            let may_be = |interval: Option<Interval>| Some(interval?.contains(chance?));
            let is_at_chance = match (may_be(over_seeds.interval), may_be(by_documents)) {
                (None, None) => None,
                (one, other) => Some(one.unwrap_or(false) || other.unwrap_or(false)),
            };
            Some(TaskOfKind { kind: kind.to_owned(), over_seeds, by_documents, is_at_chance, seeds })
        };
        let kinds: Vec<TaskOfKind> = labels.into_iter().filter_map(of_kind).collect();
        (!kinds.is_empty()).then(|| Self {
            task: benchmark.title(),
            metric: benchmark.metric.clone(),
            higher_is_better: benchmark.higher_is_better,
            documents,
            chance,
            kinds,
        })
    }

    /// What a kind has.
    pub fn kind(&self, name: &str) -> Option<&TaskOfKind> {
        self.kinds.iter().find(|kind| kind.kind == name)
    }
}

/// The plain mean of some tasks, of each seed that has all of them.
fn averages(experiment: &Experiment, tasks: &[&TaskOutcome]) -> Vec<AverageOfKind> {
    let of_kind = |kind: &str| {
        let value = |task: &TaskOutcome, seed: u64| {
            Some(task.kind(kind)?.seeds.iter().find(|found| found.seed == seed)?.value)
        };
        let of_seed = |seed: u64| {
            let values: Option<Vec<f64>> = tasks.iter().map(|task| value(task, seed)).collect();
            Some(SeedValue { seed, value: values?.iter().sum::<f64>() / tasks.len() as f64 })
        };
        let seeds = experiment.cells(kind).filter_map(|cell| of_seed(cell.planned.seed));
        OverSeeds::of(seeds.collect())
    };
    let kinds = experiment.description().kinds.iter();
    kinds
        .filter_map(|kind| Some(AverageOfKind { kind: kind.name.clone(), over_seeds: of_kind(&kind.name)? }))
        .collect()
}

/// Whether a metric is a share of right answers.
fn is_accuracy(metric: &str) -> bool {
    matches!(metric, "acc" | "acc_norm")
}

/// The share of right answers that guessing gets: one over the number of answers that a task's documents have. In a few
/// documents of ARC there are three or five. TruthfulQA has another number in each document, LAMBADA and WikiText have
/// none.
fn chance_of(task: &str) -> Option<f64> {
    match task {
        "piqa" | "winogrande" | "boolq" => Some(0.5),
        "arc_easy" | "arc_challenge" | "logiqa" | "sciq" | "hellaswag" | "openbookqa" => Some(0.25),
        of_mmlu if of_mmlu.starts_with("mmlu") => Some(0.25),
        _ => None,
    }
}
