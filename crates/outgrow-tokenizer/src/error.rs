//! Everything that can go wrong with a tokenizer.json, one line each: what, where, and what would be right. It does not
//! decide what to do about it.

use std::path::{Path, PathBuf};

/// An error of this crate. Its `Display` is one line meant for the person who gave the file.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The operating system refused a file operation.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// What was tried, as a verb phrase (`read`).
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// There is no tokenizer, or none that can be made of what there is exactly.
    #[error("{}: {problem}", path.display())]
    NoTokenizer {
        /// The folder, or the file that it can't be made of.
        path: PathBuf,
        /// Why, and what would be right.
        problem: String,
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
    /// For `map_err` on file operations.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }
}
