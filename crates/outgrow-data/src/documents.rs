//! Documents out of files as they are published: text, JSON lines, arrays of JSON and parquet, compressed or not, named
//! one by one or by their folder. It holds one document at a time and knows nothing of tokens.
//!
//! Each file has a reader for how documents lie in it (whole, lines, values, table), all of which give the same
//! records. What is no document is refused here, or counted and passed over.

mod inputs;
pub(crate) mod kind;

mod appearance;
mod stream;

mod json_text;
mod lines;
pub(crate) mod record;
mod table;
mod values;
mod whole;

pub(crate) mod findings;

use std::{
    collections::VecDeque,
    fmt,
    io::{BufRead, Cursor, Read as _},
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};

use outgrow_tokenizer::with_causes;

use crate::{
    documents::{
        findings::Findings,
        inputs::Input,
        json_text::TextField,
        kind::{Kind, Layout},
        lines::Lines,
        record::{Document, Record},
        stream::Progress,
        table::Table,
        values::{Arrangement, Values},
        whole::Whole,
    },
    error::DataError,
};

/// What can be chosen about reading documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// The field of an object of JSON, or the column of a table, that holds the text; `text` by default. Where there is
    /// none of that name, points in it lead into objects: `data.text`.
    pub text_field: String,
    /// How many lines, elements, rows and files that are no documents are passed over before one is an error; 0 by
    /// default.
    pub skip_bad_lines: u64,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { text_field: "text".into(), skip_bad_lines: 0 }
    }
}

/// The documents of some files, in the files' order.
///
/// A document without text is passed over and counted. After an error the iterator ends.
pub struct Documents {
    inputs: VecDeque<Input>,
    current: Option<Reading>,
    field: Arc<TextField>,
    skip_bad_lines: u64,
    findings: Findings,
    progress: Progress,
    bytes_read: Arc<AtomicU64>,
    total_bytes: u64,
    num_files: usize,
}

/// A file that is being read.
enum Reading {
    Whole(Whole),
    Lines(Lines),
    Values(Values),
    Table(Box<Table>),
}

impl fmt::Debug for Documents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { findings, total_bytes, num_files, .. } = self;
        formatter
            .debug_struct("Documents")
            .field("findings", findings)
            .field("total_bytes", total_bytes)
            .field("num_files", num_files)
            .finish_non_exhaustive()
    }
}

impl Documents {
    /// Finds all files and looks into each (is it there, of a known kind, what its name says, and has a table the
    /// column) before anything is read.
    ///
    /// # Errors
    /// All problems at once, as [`DataError::Several`] if there is more than one.
    pub fn open(inputs: &[PathBuf], options: &ReadOptions) -> Result<Self, DataError> {
        let field = Arc::new(TextField::new(&options.text_field));
        let mut found = inputs::find(inputs);
        for input in found.files.iter().filter(|input| input.is_file) {
            found.problems.extend(Reading::open(input, &field, Progress::default()).err());
        }
        DataError::all(found.problems)?;
        let (progress, bytes_read) = Progress::start();
        Ok(Self {
            total_bytes: found.files.iter().map(|input| input.length).sum(),
            num_files: found.files.len(),
            inputs: found.files.into(),
            current: None,
            field,
            skip_bad_lines: options.skip_bad_lines,
            findings: Findings::of_files(found.notes),
            progress,
            bytes_read,
        })
    }

    /// What was met so far that a person should know of.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Bytes of all input files, as they lie on disk.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Files that are read, each as often as it is read.
    pub fn num_files(&self) -> usize {
        self.num_files
    }

    /// Bytes read of them so far; it can be watched from another thread.
    pub(crate) fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes_read)
    }

    /// What was met, at the end of reading.
    pub(crate) fn into_findings(self) -> Findings {
        self.findings
    }

    /// The next record of any file.
    fn advance(&mut self) -> Result<Option<Record>, DataError> {
        loop {
            if let Some(reading) = &mut self.current {
                if let Some(record) = reading.next()? {
                    return Ok(Some(record));
                }
                self.current = None;
                self.progress.finish_file();
            }
            let Some(input) = self.inputs.pop_front() else { return Ok(None) };
            self.progress.next_file(input.length);
            self.current = Some(Reading::open(&input, &self.field, self.progress.clone())?);
        }
    }

    /// The next document with text.
    fn next_document(&mut self) -> Result<Option<Document>, DataError> {
        while let Some(record) = self.advance()? {
            match record {
                Record::Document(document, oddities) => {
                    self.findings.add_oddities(&oddities, &document.place);
                    if !document.text.is_empty() {
                        return Ok(Some(document));
                    }
                    self.findings.empty_documents += 1;
                }
                Record::Bad(error) if self.skip_bad_lines == 0 => return Err(error),
                Record::Bad(error) => {
                    self.findings.add_bad(with_causes(&error));
                    let (found, allowed) = (self.findings.bad_documents, self.skip_bad_lines);
                    if found > allowed {
                        return Err(DataError::TooManyBad { found, allowed, problems: self.findings.bad() });
                    }
                }
            }
        }
        Ok(None)
    }
}

impl Iterator for Documents {
    type Item = Result<Document, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_document();
        if next.is_err() {
            self.current = None;
            self.inputs.clear();
        }
        next.transpose()
    }
}

impl Reading {
    fn open(input: &Input, field: &Arc<TextField>, progress: Progress) -> Result<Self, DataError> {
        let Input { path, kind, .. } = input;
        let (layout, compression) = match *kind {
            Kind::Parquet => return Ok(Self::Table(Box::new(Table::open(path, field, progress)?))),
            Kind::Stream { layout, compression } => (layout, compression),
        };
        let stream = stream::open(path, layout, compression, progress)?;
        let path = path.clone();
        Ok(match layout {
            Layout::Whole => Self::Whole(Whole::new(path, stream)),
            Layout::Json => Self::of_json(path, stream.reader, field)?,
        })
    }

    /// JSON may be an object a line, an array of objects, or objects over several lines each.
    fn of_json(
        path: PathBuf,
        mut reader: Box<dyn BufRead + Send>,
        field: &Arc<TextField>,
    ) -> Result<Self, DataError> {
        let field = Arc::clone(field);
        let (first, lines_before) = stream::skip_blanks(&path, &mut reader)?;
        if first == Some(b'[') {
            return Ok(Self::Values(Values::new(path, reader, field, Arrangement::Array)));
        }
        let mut lines = Lines::new(path, reader, field, lines_before);
        // Printers that indent put nothing else on the first line, and no line of JSON lines is that.
        if lines.peek()? != b"{" {
            return Ok(Self::Lines(lines));
        }
        let (path, line, reader, field) = lines.into_parts();
        let reader = Box::new(Cursor::new(line).chain(reader));
        Ok(Self::Values(Values::new(path, reader, field, Arrangement::Row)))
    }

    fn next(&mut self) -> Result<Option<Record>, DataError> {
        match self {
            Self::Whole(whole) => whole.next(),
            Self::Lines(lines) => lines.next(),
            Self::Values(values) => values.next(),
            Self::Table(table) => table.next(),
        }
    }
}
