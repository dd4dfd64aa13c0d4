//! The report as a value: methods, their runs, and how they compare with scratch. How it looks is decided by the page,
//! which knows this value and not the other way round.

pub(crate) mod curve;
pub(crate) mod speed_up;

pub(crate) mod method;
pub(crate) mod mismatch;
pub(crate) mod optimizers;

pub(crate) mod benchmark;
pub(crate) mod comparison;

pub(crate) mod sentences;

use serde::Serialize;

use crate::{
    error::ReportError,
    report::{
        benchmark::{Benchmark, benchmarks},
        comparison::{Comparison, MethodRuns},
        curve::Curve,
        method::{Group, distinguish, group},
        mismatch::mismatches,
        sentences::sentences,
        speed_up::mean,
    },
    run::{
        BASELINE,
        record::{Cost, RunRecord},
    },
};

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

impl Report {
    /// Compares the runs: those with method `scratch` are the baseline, and of several such (say, learning rates)
    /// that which most of the others can be compared with, and of these the one with the lowest mean final loss.
    /// Without a baseline there are curves and no speed-ups.
    ///
    /// There is no speed-up between runs that were measured on different tokens, read different training data or end
    /// in different models; the sentence says which.
    ///
    /// ```
    /// # use outgrow_report::RunRecord;
    /// # let folder = tempfile::tempdir()?;
    /// # let mut runs = Vec::new();
    /// # for (method, losses) in [("scratch", [8.0, 6.0, 5.0]), ("g-stack", [8.0, 5.0, 4.5])] {
    /// #     let run = folder.path().join(method);
    /// #     std::fs::create_dir(&run)?;
    /// #     let described = serde_json::json!({"format": 1, "name": method, "method": method, "seed": 1,
    /// #         "parameters": 2_630_000, "finished": true});
    /// #     std::fs::write(run.join("run.json"), described.to_string())?;
    /// #     let line = |(index, loss)| serde_json::json!({"step": index, "tokens": index, "stage": "train",
    /// #         "flops": index, "flops_6nt": index, "validation_loss": loss}).to_string() + "\n";
    /// #     std::fs::write(run.join("metrics.jsonl"), losses.into_iter().enumerate().map(line).collect::<String>())?;
    /// #     runs.push(RunRecord::read(&run)?);
    /// # }
    /// use outgrow_report::Report;
    ///
    /// // Scratch reaches a loss of 5 after two units of FLOPs, the grown run after one.
    /// let report = Report::new(&runs)?;
    /// let speed_up = report.comparisons()[0].exact_flops.as_ref().expect("one pair of runs");
    /// assert_eq!(speed_up.mean, 1.0);
    /// assert!(report.sentences()[0].starts_with("G_stack: +100 %"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
            Some(baseline) => groups[1..]
                .iter()
                .map(|group| Comparison::of(runs, baseline, group))
                .collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        for run in runs {
            for cost in Cost::ALL {
                Curve::of_run(run, cost)?;
            }
        }
        let methods: Vec<MethodRuns> = groups.iter().map(|group| MethodRuns::of(runs, group)).collect();
        let baseline = baseline.map(|group| group.label);
        let sentences = sentences(baseline.as_deref(), &comparisons, &methods);
        let labelled: Vec<(&str, &RunRecord)> = groups
            .iter()
            .flat_map(|group| group.runs.iter().map(|&index| (group.label.as_str(), &runs[index])))
            .collect();
        let benchmarks = benchmarks(&labelled);
        let records = labelled.iter().map(|&(_, run)| run.clone()).collect();
        Ok(Self { format: 1, sentences, baseline, comparisons, methods, benchmarks, records })
    }

    /// One plain sentence for each method that is compared with scratch; where there is no scratch, for each method.
    pub fn sentences(&self) -> &[String] {
        &self.sentences
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

    /// Whether there is a method whose runs have a mean.
    pub(crate) fn has_several_seeds(&self) -> bool {
        self.methods().iter().any(|method| method.runs.len() > 1)
    }

    /// What benchmarks said during training; empty where no run was evaluated by any.
    pub fn benchmarks(&self) -> &[Benchmark] {
        &self.benchmarks
    }

    /// The runs in the order of the methods, then by seed.
    pub(crate) fn records(&self) -> &[RunRecord] {
        &self.records
    }

    /// The report for a program: what `report.json` holds.
    #[expect(clippy::missing_panics_doc, reason = "every key is a string, so that it never panics")]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("a report has only string keys")
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
        let loss = mean(&group.final_losses(runs)).unwrap_or(f64::INFINITY);
        (group.method != BASELINE, others, if group.method == BASELINE { loss } else { 0.0 })
    };
    let ranks = (0..groups.len()).map(|index| (rank(index), index));
    let first =
        ranks.min_by(|((one_other, one_count, one_loss), _), ((two_other, two_count, two_loss), _)| {
            (one_other, one_count).cmp(&(two_other, two_count)).then(one_loss.total_cmp(two_loss))
        });
    first.map_or(0, |(_, index)| index)
}
