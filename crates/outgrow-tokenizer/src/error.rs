//! Everything that can go wrong with a tokenizer.json, one line each: what, where, and what would be right. It does not
//! decide what to do about it.

use std::{
    io,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::io_error;

/// An error of this crate. Its `Display` is one line meant for the person who gave the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// The operating system refused a file operation.
    #[error("{}: cannot {action}", path.display())]
    Io {
        /// What was tried, as a verb phrase (`read`).
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// There is no tokenizer, or none that can be made of what there is exactly.
    #[error("{}: {problem}", path.display())]
    NoTokenizer {
        /// The folder, or the file that it can't be made of.
        path: PathBuf,
        /// Why, and what would be right.
        problem: String,
    },
    /// A word that is no [`TokenizerSource`](crate::pretrained::TokenizerSource).
    #[error("`{word}` decides on no tokenizer: expected class or file")]
    UnknownSource {
        /// The word.
        word: String,
    },
    /// The file is no tokenizer, or none that can be run.
    #[error("{}: not a usable tokenizer.json: {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

impl TokenizerError {
    /// Whether what the user gave is at fault and can be mended: all but what the operating system refuses for reasons
    /// of its own.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Io { source, .. } => io_error::is_input(source),
            Self::NoTokenizer { .. } | Self::UnknownSource { .. } | Self::Unusable { .. } => true,
        }
    }

    /// Whether a disk is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if io_error::is_disk_full(source))
    }

    /// For `map_err` on file operations.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
