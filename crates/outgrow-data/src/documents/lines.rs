//! Documents out of JSON lines: one object on each, blank lines between them passed over.

use std::{io::BufRead, path::PathBuf, sync::Arc};

use crate::{
    documents::{
        json_text::{TextField, text_of},
        record::{Document, Oddity, Record, utf8_problem},
        stream,
    },
    error::DataError,
};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file of JSON lines that is being read.
pub(super) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    field: Arc<TextField>,
    /// Lines taken so far.
    lines: u64,
    line: Vec<u8>,
    /// The line is the next one still, and not the last one any more.
    pending: bool,
}

impl Lines {
    /// Reads on behind so many lines.
    pub(crate) fn new(
        path: PathBuf,
        reader: Box<dyn BufRead + Send>,
        field: Arc<TextField>,
        lines: u64,
    ) -> Self {
        Self { path, reader, field, lines, line: Vec::new(), pending: false }
    }

    /// The next document, or the reason why a line is none.
    ///
    /// # Errors
    /// If the file can't be read on.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, DataError> {
        if !std::mem::take(&mut self.pending) && !self.take_line()? {
            return Ok(None);
        }
        Ok(Some(self.record().unwrap_or_else(Record::Bad)))
    }

    /// Looks at the first line that is not blank, without taking it.
    ///
    /// # Errors
    /// If the file can't be read.
    pub(crate) fn peek(&mut self) -> Result<&[u8], DataError> {
        self.pending = self.pending || self.take_line()?;
        Ok(if self.pending { content(&self.line) } else { &[] })
    }

    /// What was looked at and what comes after it.
    pub(crate) fn into_parts(self) -> (PathBuf, Vec<u8>, Box<dyn BufRead + Send>, Arc<TextField>) {
        let line = if self.pending { self.line } else { Vec::new() };
        (self.path, line, self.reader, self.field)
    }

    /// Reads up to the next line that is not blank; `false` at the end.
    fn take_line(&mut self) -> Result<bool, DataError> {
        loop {
            self.line.clear();
            let read = self.reader.read_until(b'\n', &mut self.line);
            if read.map_err(|error| stream::broken(&self.path, self.lines, &error))? == 0 {
                return Ok(false);
            }
            self.lines += 1;
            if !content(&self.line).is_empty() {
                return Ok(true);
            }
        }
    }

    fn record(&self) -> Result<Record, DataError> {
        let (path, line) = (&self.path, self.lines);
        let json =
            std::str::from_utf8(&self.line).map_err(|error| utf8_problem(path, line, &self.line, &error))?;
        // A mark in front of a later line comes from files that were put together.
        let json = json.strip_prefix('\u{feff}').unwrap_or(json);
        let found = text_of(json, &self.field).map_err(|problem| DataError::BadLine {
            path: path.clone(),
            line,
            problem,
        })?;
        let oddities = Oddity::of(&found);
        let place = format!("{}, line {line}", path.display());
        Ok(Record::Document(Document { text: found.text, place }, oddities))
    }
}

/// A line without its mark, its end and blanks.
fn content(line: &[u8]) -> &[u8] {
    line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line).trim_ascii()
}
