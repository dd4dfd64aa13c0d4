//! What a reader gives: a document with what was odd about it, or the reason why what stands there is none.

use std::path::Path;

use crate::{documents::json_text::FoundText, error::DataError};

/// One document of a corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its text; never empty.
    pub text: String,
    /// Where it came from, for messages: a file, or a file and a line, an element or a row.
    pub place: String,
}

/// What stands in the place of a document.
pub(super) enum Record {
    /// A document, whose text may be empty, and what is odd about it.
    Document(Document, Vec<Oddity>),
    /// None, for this reason. It may be passed over, and reading goes on behind it.
    Bad(DataError),
}

/// What a person should know of a document that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    /// Halves of surrogate pairs were read as U+FFFD.
    SurrogatesReplaced,
    /// The field with the text was there more than once.
    FieldRepeated,
    /// Lines end as those of Windows do.
    CarriageReturns,
    /// It looks like HTML or XML.
    Markup,
}

impl Oddity {
    /// Those of a text in JSON.
    pub(crate) fn of(found: &FoundText) -> Vec<Self> {
        let met =
            [(found.surrogates_replaced, Self::SurrogatesReplaced), (found.repeated, Self::FieldRepeated)];
        met.into_iter().filter_map(|(met, oddity)| met.then_some(oddity)).collect()
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
