//! Everything that can go wrong between a folder and a model's tensors, one line each: what, where, and what would be
//! right. It does not decide what to do about it.

pub mod io_error;

use std::{
    error::Error,
    fmt, io, iter,
    path::{Path, PathBuf},
};

/// An error of this crate. Its `Display` is one line meant for the person who gave the input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The operating system refused a file operation.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// What was tried, as a verb phrase (`create`, `read`, `write`).
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The disk (or the quota on it) is full.
    #[error("{}: cannot write: no space left on that disk; free some, or write to another", path.display())]
    DiskFull {
        /// The file that was being written.
        path: PathBuf,
    },
    /// The target of a write is there already.
    #[error("{}: exists already; remove it or choose another target", path.display())]
    TargetExists {
        /// The target.
        path: PathBuf,
    },
    /// The target of a write is the folder that is read.
    #[error("{}: is the source itself; choose another target", path.display())]
    TargetIsSource {
        /// The target.
        path: PathBuf,
    },
    /// The target of a write lies in the folder that is read.
    #[error("{}: is inside the source, {}; choose a target beside it", path.display(), folder.display())]
    TargetInSource {
        /// The target.
        path: PathBuf,
        /// The source.
        folder: PathBuf,
    },
    /// A folder is missing.
    #[error("{}: no such folder", path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A folder holds no weights that this crate reads.
    #[error(
        "{}: no weights: expected model.safetensors, or model.safetensors.index.json with the shards it names{}",
        folder.display(),
        found.as_ref().map(|found| format!("; {found}")).unwrap_or_default()
    )]
    NoWeights {
        /// The folder.
        folder: PathBuf,
        /// What is there instead, and what to do with it.
        found: Option<String>,
    },
    /// A path that holds something else than a model.
    #[error("{}: {problem}", path.display())]
    NotAModel {
        /// The path.
        path: PathBuf,
        /// What it is, and what to give instead.
        problem: String,
    },
    /// A model's configuration is not JSON, is inconsistent, or asks for what the decoder can't do.
    #[error("{}: {problems}", file.display())]
    Config {
        /// The file, or just `config.json` where the text came from elsewhere.
        file: PathBuf,
        /// All that is wrong.
        problems: Problems,
    },
    /// A file is not JSON, or not the JSON that was expected.
    #[error("{}: {problem}", file.display())]
    Json {
        /// The file.
        file: PathBuf,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// A safetensors file is damaged.
    #[error("{}: {problem}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// A word that is no [`Dtype`](crate::Dtype).
    #[error("`{word}` is no type that is computed with: expected F64, F32, F16 or BF16")]
    UnknownDtype {
        /// The word.
        word: String,
    },
    /// Tensors are missing, unexpected, or of the wrong shape or type.
    #[error("{}: {problems}", path.display())]
    Tensors {
        /// The file or folder that holds them, or was to hold them.
        path: PathBuf,
        /// All that is wrong.
        problems: Problems,
    },
}

impl CheckpointError {
    /// Wraps a refusal of the operating system; a full disk gets its own words.
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if io_error::is_disk_full(&source) {
            Self::DiskFull { path }
        } else {
            Self::Io { action, path, source }
        }
    }

    /// Whether what the user gave is at fault and can be mended: all but a full disk and what the operating system
    /// refuses for reasons of its own.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Io { source, .. } => io_error::is_input(source),
            Self::DiskFull { .. } => false,
            Self::TargetExists { .. }
            | Self::TargetIsSource { .. }
            | Self::TargetInSource { .. }
            | Self::NoFolder { .. }
            | Self::NoWeights { .. }
            | Self::NotAModel { .. }
            | Self::Config { .. }
            | Self::Json { .. }
            | Self::Damaged { .. }
            | Self::UnknownDtype { .. }
            | Self::Tensors { .. } => true,
        }
    }

    /// Whether the disk that was written to is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::DiskFull { .. })
    }

    /// The file or folder that the error names, if it is about one.
    pub(crate) fn path_mut(&mut self) -> Option<&mut PathBuf> {
        Some(match self {
            Self::UnknownDtype { .. } => return None,
            Self::Io { path, .. }
            | Self::DiskFull { path }
            | Self::TargetExists { path }
            | Self::TargetIsSource { path }
            | Self::TargetInSource { path, .. }
            | Self::NoFolder { path }
            | Self::NotAModel { path, .. }
            | Self::NoWeights { folder: path, .. }
            | Self::Config { file: path, .. }
            | Self::Json { file: path, .. }
            | Self::Damaged { file: path, .. }
            | Self::Tensors { path, .. } => path,
        })
    }
}

/// An error with its causes, as one line: for a message that quotes another.
///
/// ```
/// use outgrow_checkpoint::{Checkpoint, with_causes};
///
/// # let folder = tempfile::tempdir()?;
/// # std::fs::create_dir(folder.path().join("config.json"))?;
/// let error = Checkpoint::open(folder.path()).unwrap_err();
/// assert!(error.to_string().ends_with("config.json: cannot read"));
/// assert!(with_causes(&error).starts_with(&format!("{error}: ")), "the system's reason follows");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A list of problems, printed on one line; long lists are cut and counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

impl Problems {
    const SHOWN: usize = 8;

    /// `Ok` when there is no problem; else the error made of all of them.
    pub(crate) fn into_result(
        self,
        error: impl FnOnce(Self) -> CheckpointError,
    ) -> Result<(), CheckpointError> {
        if self.0.is_empty() { Ok(()) } else { Err(error(self)) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().take(Self::SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(formatter, "{separator}{problem}")?;
        }
        match self.0.len().saturating_sub(Self::SHOWN) {
            0 => Ok(()),
            more => write!(formatter, "; and {more} more"),
        }
    }
}
