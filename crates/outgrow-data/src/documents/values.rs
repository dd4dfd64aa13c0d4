//! Documents out of JSON that isn't one object a line: an array of objects, or objects over several lines one behind
//! the other. It finds where a value ends and holds one at a time, so that the size of the file doesn't matter.

use std::{
    io::BufRead,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    documents::{
        json_text::{TextField, text_of},
        record::{Document, Oddity, Record},
        stream,
    },
    error::DataError,
};

/// A file of values that is being read.
pub(super) struct Values {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    field: Arc<TextField>,
    arrangement: Arrangement,
    /// Values taken so far.
    values: u64,
    value: Vec<u8>,
}

/// How the values lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrangement {
    /// `[value, value, …]`.
    Array,
    /// One behind the other.
    Row,
}

impl Values {
    pub(crate) fn new(
        path: PathBuf,
        reader: Box<dyn BufRead + Send>,
        field: Arc<TextField>,
        arrangement: Arrangement,
    ) -> Self {
        Self { path, reader, field, arrangement, values: 0, value: Vec::new() }
    }

    /// The next document, or the reason why a value is none.
    ///
    /// # Errors
    /// If the file can't be read on, or it can't be told where a value begins or ends.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, DataError> {
        if !self.find_value()? {
            return Ok(None);
        }
        self.take_value()?;
        self.values += 1;
        Ok(Some(self.record().unwrap_or_else(Record::Bad)))
    }

    /// Goes to the first byte of the next value; `false` at the end.
    fn find_value(&mut self) -> Result<bool, DataError> {
        if self.arrangement == Arrangement::Row {
            return Ok(self.peek()?.is_some());
        }
        let expected = if self.values == 0 { b'[' } else { b',' };
        match self.peek()? {
            Some(found) if found == expected => self.reader.consume(1),
            Some(b']') if self.values > 0 => return self.end_of_array(),
            Some(_) => return Err(self.broken("what follows is neither a comma nor the end of the array")),
            None => return Err(self.broken("the array has no end; was the file fetched whole?")),
        }
        match self.peek()? {
            Some(b']') if self.values == 0 => self.end_of_array(),
            Some(b']' | b',') => Err(self.broken("a value is missing between commas")),
            Some(_) => Ok(true),
            None => Err(self.broken("the array has no end; was the file fetched whole?")),
        }
    }

    fn end_of_array(&mut self) -> Result<bool, DataError> {
        self.reader.consume(1);
        // Asked once more at the end, there is nothing either.
        self.arrangement = Arrangement::Row;
        match self.peek()? {
            None => Ok(false),
            Some(_) => Err(self.broken("the file goes on behind the end of its array")),
        }
    }

    /// The next byte that is not blank, without taking it.
    fn peek(&mut self) -> Result<Option<u8>, DataError> {
        loop {
            let read = self.reader.fill_buf();
            let bytes = read.map_err(|error| stream::broken_after(&self.path, place(self.values), &error))?;
            if bytes.is_empty() {
                return Ok(None);
            }
            if let Some(blanks) = bytes.iter().position(|byte| !byte.is_ascii_whitespace()) {
                let byte = bytes[blanks];
                self.reader.consume(blanks);
                return Ok(Some(byte));
            }
            let blanks = bytes.len();
            self.reader.consume(blanks);
        }
    }

    /// Copies the value that begins here.
    fn take_value(&mut self) -> Result<(), DataError> {
        self.value.clear();
        let mut end = EndOfValue::default();
        loop {
            let read = self.reader.fill_buf();
            let bytes = read.map_err(|error| stream::broken_after(&self.path, place(self.values), &error))?;
            if bytes.is_empty() {
                return if end.may_end_here() {
                    Ok(())
                } else {
                    Err(self.broken("the next value has no end; was the file fetched whole?"))
                };
            }
            let (used, found) = end.look(bytes);
            self.value.extend_from_slice(&bytes[..used]);
            self.reader.consume(used);
            if found {
                return Ok(());
            }
        }
    }

    fn record(&self) -> Result<Record, DataError> {
        let path = &self.path;
        let bad = |problem| bad_record(path, "element", self.values, problem);
        let json = std::str::from_utf8(&self.value).map_err(|error| {
            bad(format!(
                "not UTF-8 (byte {} of the element); convert the file to UTF-8",
                error.valid_up_to() + 1
            ))
        })?;
        let found = text_of(json, &self.field).map_err(bad)?;
        let oddities = Oddity::of(&found);
        let place = format!("{}, element {}", path.display(), self.values);
        Ok(Record::Document(Document { text: found.text, place }, oddities))
    }

    fn broken(&self, problem: &str) -> DataError {
        DataError::BrokenStream {
            path: self.path.clone(),
            after: place(self.values),
            problem: problem.to_owned(),
        }
    }
}

/// The last value that was read whole.
fn place(values: u64) -> String {
    format!("element {values}")
}

/// An element or a row that is no document.
pub(super) fn bad_record(path: &Path, record: &'static str, number: u64, problem: String) -> DataError {
    DataError::BadRecord { path: path.to_path_buf(), record, number, problem }
}

/// Where a value ends, as far as brackets and quotation marks tell; whether it is well formed is not asked.
#[derive(Default)]
struct EndOfValue {
    begun: bool,
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl EndOfValue {
    /// How many of these bytes still belong to the value, and whether it ends with them.
    fn look(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (index, &byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return (index + 1, true);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (index + 1, true);
                    }
                }
                // A number or a word ends in front of what follows it; a bracket that closes nothing is a value of its
                // own.
                b',' | b'}' | b']' if self.depth == 0 => {
                    return (if self.begun { index } else { index + 1 }, true);
                }
                _ if self.depth == 0 && self.begun && byte.is_ascii_whitespace() => return (index, true),
                _ => {}
            }
            self.begun = true;
        }
        (bytes.len(), false)
    }

    /// The file may end behind a number or a word.
    fn may_end_here(&self) -> bool {
        self.begun && self.depth == 0 && !self.in_string
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use proptest::prelude::*;

    use super::*;

    /// The texts of some JSON that is read so many bytes at a time.
    fn texts(json: &str, arrangement: Arrangement, bytes_at_once: usize) -> Vec<String> {
        let reader = Box::new(BufReader::with_capacity(bytes_at_once, Cursor::new(json.to_owned())));
        let field = Arc::new(TextField::new("text"));
        let mut values = Values::new(PathBuf::from("a.json"), reader, field, arrangement);
        let mut texts = Vec::new();
        while let Some(record) = values.next().unwrap() {
            match record {
                Record::Document(document, _) => texts.push(document.text),
                Record::Bad(error) => panic!("{error}"),
            }
        }
        assert!(values.next().unwrap().is_none(), "the end is not the end");
        texts
    }

    proptest! {
        #[test]
        fn values_are_the_same_however_the_bytes_come(
            expected in prop::collection::vec(r#"[\[\]{}",:\\ \na-c\u{e9}\u{1f600}]{0,12}"#, 0..6),
            bytes_at_once in 1_usize..40, indented: bool,
        ) {
            let rows = expected.iter().map(|text| serde_json::json!({ "a": [text, {}], "text": text, "b": 1.5 }));
            let rows = rows.collect::<Vec<_>>();
            let array = if indented { serde_json::to_string_pretty(&rows) } else { serde_json::to_string(&rows) };
            prop_assert_eq!(&texts(&array.unwrap(), Arrangement::Array, bytes_at_once), &expected);
            let row = rows.iter().map(|row| if indented { format!("{row:#}\n") } else { row.to_string() });
            prop_assert_eq!(&texts(&row.collect::<String>(), Arrangement::Row, bytes_at_once), &expected);
        }
    }
}
