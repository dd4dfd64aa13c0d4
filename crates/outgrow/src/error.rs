//! What can go wrong in the runner: what it finds itself, and what the crates below it return. Whose fault an error is,
//! each crate says of its own; how it is printed is the terminal's.

use std::{error::Error as _, io, path::Path};

use outgrow_checkpoint::{CheckpointError, io_error};
use outgrow_data::DataError;
use outgrow_eval::EvalError;
use outgrow_kernels::DeviceError;
use outgrow_model::ModelError;
use outgrow_operators::{GrowthError, recipe::RecipeFileError};
use outgrow_report::ReportError;
use outgrow_schedules::ScheduleError;
use outgrow_tokenizer::TokenizerError;
use outgrow_train::TrainError;

use crate::{
    problems::Problems,
    terminal::hints::{of_data, of_device, of_growth, with_flags},
};

/// What the runner returns.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Input that can't be used, found by the runner itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadInput(pub String);

/// Whatever ends a command before it is done. A message is one line, and its causes are its sources.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Input that can't be used, found by the runner itself.
    #[error(transparent)]
    Input(#[from] BadInput),
    /// All that is wrong with a recipe.
    #[error(transparent)]
    Recipe(#[from] Problems),
    /// A model's folder.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A tokenizer, or a text that it can't read.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A corpus or its shards.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Benchmarks.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// A device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A decoder.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A growth.
    #[error(transparent)]
    Growth(#[from] GrowthError),
    /// A file of growths.
    #[error(transparent)]
    RecipeFile(#[from] RecipeFileError),
    /// Stages that can't be.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// Training, apart from refusals for which there is a flag: these are input.
    #[error(transparent)]
    Train(TrainError),
    /// Runs that can't be reported.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// Values that can't be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Values that can't be written as TOML.
    #[error(transparent)]
    Toml(#[from] toml::ser::Error),
    /// A refusal of the operating system.
    #[error("{place}")]
    Io {
        /// The file or stream.
        place: String,
        /// The system's reason.
        source: io::Error,
    },
    /// An error of one thing among several.
    #[error("{place}")]
    Within {
        /// The thing: a run, a file.
        place: String,
        /// The error.
        source: Box<Error>,
    },
    /// Neither the user's fault nor a cause below.
    #[error("{0}")]
    Failed(String),
}

impl From<TrainError> for Error {
    fn from(error: TrainError) -> Self {
        with_flags(&error).map_or(Self::Train(error), |words| Self::Input(BadInput(words)))
    }
}

impl Error {
    /// Says of a refusal of the operating system which file or stream it is about.
    pub(crate) fn at<P: AsRef<Path> + ?Sized>(place: &P) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { place: place.as_ref().display().to_string(), source }
    }

    /// The same error, of one thing among several.
    pub(crate) fn within(self, place: impl Into<String>) -> Self {
        Self::Within { place: place.into(), source: Box::new(self) }
    }

    /// The error and its causes in one line: where, and then why.
    pub fn one_line(&self) -> String {
        let mut line = self.to_string();
        let mut next = self.source();
        while let Some(cause) = next {
            line = format!("{line}: {cause}");
            next = cause.source();
        }
        match self.hint() {
            Some(hint) => format!("{line}; {hint}"),
            None => line,
        }
    }

    /// The same for a terminal: several problems of a recipe have a line each.
    pub(crate) fn on_lines(&self) -> String {
        match self {
            Self::Recipe(problems) => problems.on_lines(),
            _ => self.one_line(),
        }
    }

    /// What a command of this program does about it, which no crate below knows.
    fn hint(&self) -> Option<String> {
        match self {
            Self::Growth(error) => of_growth(error),
            Self::Data(error) => of_data(error),
            Self::Device(error) | Self::Train(TrainError::Device(error)) => of_device(error),
            Self::Within { source, .. } => source.hint(),
            _ => None,
        }
    }

    /// Whether what the user gave is at fault and can be mended.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Input(_) | Self::Recipe(_) => true,
            Self::Checkpoint(error) => error.is_input(),
            Self::Tokenizer(error) => error.is_input(),
            Self::Data(error) => error.is_input(),
            Self::Eval(error) => error.is_input(),
            Self::Device(error) => error.is_input(),
            Self::Model(error) => error.is_input(),
            Self::Growth(error) => error.is_input(),
            Self::RecipeFile(error) => error.is_input(),
            Self::Schedule(error) => error.is_input(),
            Self::Train(error) => error.is_input(),
            Self::Report(error) => error.is_input(),
            Self::Io { source, .. } => io_error::is_input(source),
            Self::Within { source, .. } => source.is_input(),
            Self::Json(_) | Self::Toml(_) | Self::Failed(_) => false,
        }
    }

    /// Whether the disk that was written to is full.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Checkpoint(error) => error.is_disk_full(),
            Self::Tokenizer(error) => error.is_disk_full(),
            Self::Data(error) => error.is_disk_full(),
            Self::Eval(error) => error.is_disk_full(),
            Self::Device(error) => error.is_disk_full(),
            Self::Model(error) => error.is_disk_full(),
            Self::Growth(error) => error.is_disk_full(),
            Self::RecipeFile(error) => error.is_disk_full(),
            Self::Schedule(error) => error.is_disk_full(),
            Self::Train(error) => error.is_disk_full(),
            Self::Report(error) => error.is_disk_full(),
            Self::Io { source, .. } => io_error::is_disk_full(source),
            Self::Within { source, .. } => source.is_disk_full(),
            Self::Input(_) | Self::Recipe(_) | Self::Json(_) | Self::Toml(_) | Self::Failed(_) => false,
        }
    }
}
