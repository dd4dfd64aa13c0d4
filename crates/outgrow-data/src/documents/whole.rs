//! A file that is one document, such as a book.

use std::{
    io::{BufRead, Read as _},
    path::PathBuf,
};

use crate::{
    documents::{
        appearance::Appearance,
        record::{Document, Oddity, Record, utf8_problem},
        stream::{Stream, broken_after},
    },
    error::DataError,
};

/// A text file that is being read; its document is given once.
pub(super) struct Whole {
    path: PathBuf,
    reader: Option<Box<dyn BufRead + Send>>,
    appearance: Appearance,
}

impl Whole {
    pub(crate) fn new(path: PathBuf, stream: Stream) -> Self {
        Self { path, reader: Some(stream.reader), appearance: stream.appearance }
    }

    /// The document, or the reason why the file is none.
    ///
    /// # Errors
    /// If the file can't be read to its end.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, DataError> {
        let Some(mut reader) = self.reader.take() else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = reader.read_to_end(&mut bytes);
        read.map_err(|error| broken_after(&self.path, format!("byte {} of its text", bytes.len()), &error))?;
        let mut text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let problem = utf8_problem(&self.path, 1, error.as_bytes(), &error.utf8_error());
                return Ok(Some(Record::Bad(problem)));
            }
        };
        // The mark that some editors put in front.
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let met = [
            (text.contains("\r\n"), Oddity::CarriageReturns),
            (self.appearance == Appearance::Markup, Oddity::Markup),
        ];
        let oddities = met.into_iter().filter_map(|(met, oddity)| met.then_some(oddity)).collect();
        Ok(Some(Record::Document(Document { text, place: self.path.display().to_string() }, oddities)))
    }
}
