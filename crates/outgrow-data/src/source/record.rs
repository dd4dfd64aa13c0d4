//! What a reader gives: a document with what was odd about it, or the reason why what stands there is none.

use std::path::Path;

use super::Document;
use super::json_text::FoundText;
use crate::error::DataError;

/// What stands in the place of a document.
pub(super) enum Record {
    /// A document; its text may be empty.
    Document(Document, Oddities),
    /// None, for this reason. It may be passed over, and reading goes on behind it.
    Bad(DataError),
}

/// What a person should know of a document that was read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Oddities {
    /// Halves of surrogate pairs were read as U+FFFD.
    pub surrogates_replaced: bool,
    /// The field with the text was there more than once.
    pub field_repeated: bool,
    /// Lines end as those of Windows do.
    pub carriage_returns: bool,
    /// It looks like HTML or XML.
    pub markup: bool,
}

impl Oddities {
    pub fn of(found: &FoundText) -> Self {
        Self {
            surrogates_replaced: found.surrogates_replaced,
            field_repeated: found.repeated,
            ..Self::default()
        }
    }
}

/// Where bytes stop being UTF-8. `first_line` is the number of the first line in them.
pub(super) fn utf8_problem(
    path: &Path,
    first_line: u64,
    bytes: &[u8],
    error: &std::str::Utf8Error,
) -> DataError {
    let valid = &bytes[..error.valid_up_to()];
    let line = first_line + valid.split(|&byte| byte == b'\n').count() as u64 - 1;
    let byte = valid.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
    DataError::InvalidUtf8 { path: path.to_path_buf(), line, byte }
}
