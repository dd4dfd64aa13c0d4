//! What can be wrong with the files of a run, or with a set of runs. Each message is one line; it decides no exit
//! status.

use std::{io, path::PathBuf};

/// Why runs can't be reported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file of the run can't be opened or read.
    #[error("{}: can't be read: {cause}; a run folder holds run.json and metrics.jsonl", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said. The message shows it, so it isn't the error's `source`.
        cause: io::Error,
    },
    /// `run.json` isn't what a run writes.
    #[error("{}: not the description of a run", file.display())]
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
    /// `experiment.json` can't be opened or read.
    #[error("{}: can't be read: {cause}; the folder of an experiment holds experiment.json", file.display())]
    UnreadableExperiment {
        /// The file.
        file: PathBuf,
        /// What the system said. The message shows it, so it isn't the error's `source`.
        cause: io::Error,
    },
    /// `experiment.json` isn't what an experiment writes.
    #[error("{}: not the description of an experiment", file.display())]
    ExperimentFile {
        /// The file.
        file: PathBuf,
        /// What is wrong, with its place.
        source: serde_json::Error,
    },
    /// `law.json` can't be opened or read.
    #[error("{}: can't be read: {cause}; an experiment with a law or a minimum writes a law.json", file.display())]
    UnreadableLaw {
        /// The file.
        file: PathBuf,
        /// What the system said. The message shows it, so it isn't the error's `source`.
        cause: io::Error,
    },
    /// `law.json` isn't what an experiment writes.
    #[error("{}: not the fitted laws of an experiment", file.display())]
    LawFile {
        /// The file.
        file: PathBuf,
        /// What is wrong, with its place.
        source: serde_json::Error,
    },
    /// The parts of an experiment don't fit each other.
    #[error("{}", problems.join("\n"))]
    Experiment {
        /// All that is wrong, a line each, with the file or folder.
        problems: Vec<String>,
    },
    /// There is nothing to report.
    #[error("no runs given: a report needs at least one run folder")]
    NoRuns,
    /// Two runs claim to be the same.
    #[error(
        "runs {first:?} and {second:?} have the same method, name and seed ({seed}): give each run once, and two runs \
         names of their own (`name` in a recipe may be changed, and the same command run again)"
    )]
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

impl ReportError {
    /// Whether the runs that were given are at fault, so that whoever gave them can mend it. A file that the system
    /// keeps from being read (no permission, a broken disk) is no such fault; one that isn't there is.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Unreadable { cause, .. }
            | Self::UnreadableExperiment { cause, .. }
            | Self::UnreadableLaw { cause, .. } => is_of_the_input(cause.kind()),
            Self::ExperimentFile { .. }
            | Self::LawFile { .. }
            | Self::Experiment { .. }
            | Self::Description { .. }
            | Self::Format { .. }
            | Self::Metrics { .. }
            | Self::NoRuns
            | Self::SameRun { .. }
            | Self::Curve { .. } => true,
        }
    }

    /// Whether the disk is full. Reports are only read here, so this is rare.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Unreadable { cause, .. }
            | Self::UnreadableExperiment { cause, .. }
            | Self::UnreadableLaw { cause, .. } => cause.kind() == io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}

/// Whether a path or a file is to blame, and not the machine.
fn is_of_the_input(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{
        AlreadyExists, InvalidData, InvalidInput, IsADirectory, NotADirectory, NotFound, UnexpectedEof,
    };
    matches!(
        kind,
        NotFound | AlreadyExists | InvalidData | InvalidInput | UnexpectedEof | NotADirectory | IsADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_the_inputs_fault_and_one_without_permission_is_not() {
        let unreadable =
            |kind: io::ErrorKind| ReportError::Unreadable { file: "run.json".into(), cause: kind.into() };
        assert!(unreadable(io::ErrorKind::NotFound).is_input());
        assert!(!unreadable(io::ErrorKind::PermissionDenied).is_input());
        let full = unreadable(io::ErrorKind::StorageFull);
        assert!(full.is_disk_full() && !full.is_input());
        assert!(ReportError::NoRuns.is_input() && !ReportError::NoRuns.is_disk_full());
    }
}
