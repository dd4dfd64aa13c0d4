//! What can be wrong with the files of a run, or with a set of runs. Each message is one line.

use std::path::PathBuf;

/// Why runs can't be reported.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file of the run can't be opened or read.
    #[error("{}: can't be read: {source}; a run folder holds run.json and metrics.jsonl", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// `run.json` isn't what a run writes.
    #[error("{}: not the description of a run: {source}", file.display())]
    Description {
        /// The file.
        file: PathBuf,
        /// What is wrong, with its place.
        source: serde_json::Error,
    },
    /// `run.json` is of another format.
    #[error("{}: format is {found}, this build reads format {expected}", file.display())]
    Format {
        /// The file.
        file: PathBuf,
        /// The format found.
        found: u64,
        /// The format that this build reads.
        expected: u64,
    },
    /// A line of `metrics.jsonl` isn't a step or an evaluation.
    #[error("{}:{line}: {problem}", file.display())]
    Metrics {
        /// The file.
        file: PathBuf,
        /// Its line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// There is nothing to report.
    #[error("no runs given: a report needs at least one run folder")]
    NoRuns,
    /// Two runs claim to be the same.
    #[error("runs {first:?} and {second:?} have the same method, name and seed ({seed}): give each run once")]
    SameRun {
        /// The folder of the first.
        first: PathBuf,
        /// The folder of the second.
        second: PathBuf,
        /// Their seed.
        seed: u64,
    },
    /// The validation points of a run are not a curve.
    #[error("run {run}: validation point {index}: {problem}")]
    Curve {
        /// The run's name.
        run: String,
        /// The point, counted from 0.
        index: usize,
        /// What is wrong with it.
        problem: String,
    },
}
