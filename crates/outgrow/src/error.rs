//! What can go wrong in the runner: what it finds itself, and what the crates below it return. Whose fault an error is,
//! each crate says of its own; how it is printed is the terminal's.

use std::{error::Error as _, io, path::Path};

use outgrow_checkpoint::{CheckpointError, io_error};
use outgrow_data::DataError;
use outgrow_eval::EvalError;
use outgrow_kernels::DeviceError;
use outgrow_model::ModelError;
use outgrow_operators::{GrowthError, RecipeFileError};
use outgrow_report::ReportError;
use outgrow_schedules::ScheduleError;
use outgrow_tokenizer::TokenizerError;
use outgrow_train::TrainError;

/// What the runner returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

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
    /// Training.
    #[error(transparent)]
    Train(#[from] TrainError),
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

impl Error {
    /// Says of a refusal of the operating system which file or stream it is about.
    pub fn at<P: AsRef<Path> + ?Sized>(place: &P) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { place: place.as_ref().display().to_string(), source }
    }

    /// The same error, of one thing among several.
    pub fn within(self, place: impl ToString) -> Self {
        Self::Within { place: place.to_string(), source: Box::new(self) }
    }

    /// The error and its causes in one line: where, and then why.
    pub fn one_line(&self) -> String {
        let mut line = self.to_string();
        let mut next = self.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            // Some crates still show a cause and return it.
            if !line.contains(&text) {
                line = format!("{line}: {text}");
            }
            next = cause.source();
        }
        match self.hint() {
            Some(hint) => format!("{line}; {hint}"),
            None => line,
        }
    }

    /// What a command of this program does about it, which no crate below knows.
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Growth(GrowthError::Masked { .. }) => {
                Some("`outgrow export` folds the mask into the weights")
            }
            Self::Within { source, .. } => source.hint(),
            _ => None,
        }
    }

    /// Whether what the user gave is at fault and can be mended.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Input(_) => true,
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
            Self::Input(_) | Self::Json(_) | Self::Toml(_) | Self::Failed(_) => false,
        }
    }
}

/// Until each crate says it of its own errors.
trait Interim: std::error::Error {
    fn is_input(&self) -> bool;
    fn is_disk_full(&self) -> bool;
}

macro_rules! interim {
    ($($name:ident)*) => { $(
        impl Interim for $name {
            fn is_input(&self) -> bool {
                is_input(self)
            }
            fn is_disk_full(&self) -> bool {
                is_full_disk(self)
            }
        }
    )* };
}

interim! { TokenizerError DataError DeviceError ModelError ScheduleError TrainError }

fn is_full_disk(cause: &(dyn std::error::Error + 'static)) -> bool {
    let growth =
        |error: &GrowthError| matches!(error, GrowthError::Checkpoint(error) if error.is_disk_full());
    let train = |error: &TrainError| match error {
        TrainError::Checkpoint(error) => error.is_disk_full(),
        TrainError::Growth(error) => growth(error),
        _ => false,
    };
    cause.downcast_ref().is_some_and(CheckpointError::is_disk_full)
        || cause.downcast_ref().is_some_and(growth)
        || cause.downcast_ref().is_some_and(train)
}

fn is_input(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(TrainError::NotFinite { .. } | TrainError::ValidationNotFinite { .. }) =
            error.downcast_ref()
        {
            return false;
        }
        if is_full_disk(error) {
            return false;
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return io_error::is_input(error);
        }
        cause = error.source();
    }
    true
}
