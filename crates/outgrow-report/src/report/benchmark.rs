//! What each benchmark came to during training, run by run: one metric per task, the one to quote. It draws
//! nothing.

use serde::Serialize;

use crate::run::{
    measure::Asked,
    record::{MetricValue, RunRecord},
};

/// Metrics to quote, the first that a task has. So arXiv 2405.15319 quotes its eight: `acc_norm` where answers differ
/// in length, `acc` where there is no other, the word perplexity of WikiText.
const HEADLINES: [&str; 3] = ["acc_norm", "acc", "word_perplexity"];

/// A benchmark with the runs that were evaluated by it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Benchmark {
    /// The task's name in lm-evaluation-harness.
    pub task: String,
    /// What it asked, where runs were asked different things by a task of this name: these are benchmarks of their own.
    pub asked: Option<String>,
    /// The metric that is quoted.
    pub metric: String,
    /// Whether a higher value is a better one, where that is known of the metric.
    pub higher_is_better: Option<bool>,
    /// In the order of the report's methods, then by seed.
    pub runs: Vec<BenchmarkRun>,
}

/// One run by one benchmark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchmarkRun {
    /// The label of its method.
    pub label: String,
    /// Its seed.
    pub seed: u64,
    /// At least one, in the order in which they were measured.
    pub values: Vec<BenchmarkValue>,
}

/// The metric at one place of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchmarkValue {
    /// Tokens seen so far, all stages.
    pub tokens: u64,
    /// The stage it belongs to.
    pub stage: String,
    /// FLOPs so far, counted exactly.
    pub flops: f64,
    /// FLOPs so far, as 6 · parameters · tokens.
    pub flops_6nt: f64,
    /// The value; `None` where it was no finite number.
    pub value: Option<f64>,
    /// Its standard error over the documents, where the run computed it.
    pub standard_error: Option<f64>,
}

impl Benchmark {
    /// The run of a method with a seed, `None` if it wasn't evaluated by this benchmark.
    pub(crate) fn run(&self, label: &str, seed: u64) -> Option<&BenchmarkRun> {
        self.runs.iter().find(|run| run.label == label && run.seed == seed)
    }

    /// The task's name, and what it asked where that tells it from others.
    pub(crate) fn title(&self) -> String {
        match &self.asked {
            Some(asked) => format!("{} ({asked})", self.task),
            None => self.task.clone(),
        }
    }

    /// The metric with an arrow to where it is better: `acc_norm ↑`, as lm-evaluation-harness prints it.
    pub(crate) fn metric_with_direction(&self) -> String {
        match self.higher_is_better {
            Some(true) => format!("{} ↑", self.metric),
            Some(false) => format!("{} ↓", self.metric),
            None => self.metric.clone(),
        }
    }
}

/// The benchmarks of runs with their methods' labels, in the order in which the runs name them.
pub(crate) fn benchmarks(runs: &[(&str, &RunRecord)]) -> Vec<Benchmark> {
    let mut tasks: Vec<&str> = Vec::new();
    for task in runs.iter().flat_map(|(_, run)| &run.benchmarks).flat_map(|point| &point.tasks) {
        if !tasks.contains(&task.task.as_str()) {
            tasks.push(&task.task);
        }
    }
    tasks.into_iter().flat_map(|task| of_task(task, runs)).collect()
}

/// A benchmark for each group of runs that were asked the same. What isn't known to differ belongs together.
fn of_task(task: &str, runs: &[(&str, &RunRecord)]) -> Vec<Benchmark> {
    let is_evaluated = |run: &RunRecord| {
        run.benchmarks.iter().flat_map(|point| &point.tasks).any(|result| result.task == task)
    };
    let mut groups: Vec<Vec<(&str, &RunRecord)>> = Vec::new();
    for &(label, run) in runs.iter().filter(|(_, run)| is_evaluated(run)) {
        let belongs = |group: &&mut Vec<(&str, &RunRecord)>| {
            let differs = |other: &RunRecord| {
                run.asked_by(task).zip(other.asked_by(task)).is_some_and(|(one, two)| one.differs(two))
            };
            group.iter().all(|(_, other)| !differs(other))
        };
        match groups.iter_mut().find(belongs) {
            Some(group) => group.push((label, run)),
            None => groups.push(vec![(label, run)]),
        }
    }
    let words = |group: &[(&str, &RunRecord)]| {
        group.iter().find_map(|(_, run)| run.asked_by(task)).map(Asked::words).unwrap_or_default()
    };
    let all_words: Vec<String> = groups.iter().map(|group| words(group)).collect();
    let asked = |index: usize| {
        if groups.len() == 1 {
            return None;
        }
        // Other documents in the same number.
        let same = all_words[..index].iter().filter(|words| **words == all_words[index]).count();
        let another = if same > 0 { format!(", documents {}", same + 1) } else { String::new() };
        Some(format!("{}{another}", all_words[index]))
    };
    let benchmarks = groups.iter().enumerate();
    benchmarks.filter_map(|(index, group)| benchmark(task, asked(index), group)).collect()
}

fn benchmark(task: &str, asked: Option<String>, runs: &[(&str, &RunRecord)]) -> Option<Benchmark> {
    let metric = headline(task, runs)?;
    let of_run = |(label, run): &(&str, &RunRecord)| {
        let values: Vec<BenchmarkValue> = values(task, metric, run);
        (!values.is_empty()).then(|| BenchmarkRun { label: (*label).to_owned(), seed: run.seed, values })
    };
    Some(Benchmark {
        task: task.to_owned(),
        asked,
        metric: metric.to_owned(),
        higher_is_better: higher_is_better(metric),
        runs: runs.iter().filter_map(of_run).collect(),
    })
}

fn values(task: &str, metric: &str, run: &RunRecord) -> Vec<BenchmarkValue> {
    let measured =
        run.benchmarks.iter().flat_map(|point| point.tasks.iter().map(move |result| (point, result)));
    let of_task = measured.filter(|(_, result)| result.task == task);
    let of_metric = of_task.filter_map(|(point, result)| {
        let found = result.metrics.iter().find(|value| value.metric == metric)?;
        Some(BenchmarkValue {
            tokens: point.tokens,
            stage: point.stage.clone(),
            flops: point.flops,
            flops_6nt: point.flops_6nt,
            value: found.value,
            standard_error: found.standard_error,
        })
    });
    of_metric.collect()
}

/// The metric to quote of a task; the first that it has, if it has none of the known ones.
fn headline<'a>(task: &str, runs: &[(&str, &'a RunRecord)]) -> Option<&'a str> {
    let points = runs.iter().flat_map(|&(_, run)| &run.benchmarks);
    let results = points.flat_map(|point| &point.tasks).filter(|result| result.task == task);
    let metrics: Vec<&MetricValue> = results.flat_map(|result| &result.metrics).collect();
    let named = |name: &&str| metrics.iter().find(|value| value.metric == *name);
    let quoted = HEADLINES.iter().find_map(named).or_else(|| metrics.first())?;
    Some(&quoted.metric)
}

fn higher_is_better(metric: &str) -> Option<bool> {
    match metric {
        "acc" | "acc_norm" => Some(true),
        "word_perplexity" | "byte_perplexity" | "perplexity" | "bits_per_byte" => Some(false),
        _ => None,
    }
}
