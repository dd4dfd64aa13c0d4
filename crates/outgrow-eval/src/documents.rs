//! Files of documents: JSON lines or parquet, each line or row with the fields of the Hugging Face data set in its
//! order. Documents are read whole, and their fields are looked at when a task asks for them. It knows no task.

pub(crate) mod parquet;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{documents::parquet::rows, error::EvalError};

/// A file that was read: what makes a result traceable to its documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// Where it is.
    pub path: PathBuf,
    /// The SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// Documents in it.
    pub rows: usize,
    /// Documents of the official split, which several files may be parts of.
    pub official_rows: usize,
}

/// One document: an object with the data set's fields, and the line that it is from.
#[derive(Clone, Debug)]
pub struct Document {
    fields: Map<String, Value>,
    path: Arc<PathBuf>,
    line: usize,
}

impl PartialEq for Document {
    /// Equal fields, whatever the line and the order of keys: what Python's `==` asks of two dictionaries.
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl Document {
    /// The fields in the order of the file.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// The document with one more field, as the harness adds those that it computes.
    pub(crate) fn with(mut self, field: &str, value: Value) -> Self {
        self.fields.insert(field.to_owned(), value);
        self
    }

    /// The text of a field; `a.b` is the field `b` of the object `a`.
    pub(crate) fn text(&self, field: &str) -> Result<&str, EvalError> {
        let value = self.value(field)?;
        value.as_str().ok_or_else(|| self.wrong_type(field, value, "a text"))
    }

    /// The texts of a field that is a list.
    pub(crate) fn texts(&self, field: &str) -> Result<Vec<String>, EvalError> {
        let value = self.value(field)?;
        let texts =
            value.as_array().and_then(|values| values.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        let texts = texts.ok_or_else(|| self.wrong_type(field, value, "a list of texts"))?;
        Ok(texts.into_iter().map(str::to_owned).collect())
    }

    /// The integers of a field that is a list.
    pub(crate) fn integers(&self, field: &str) -> Result<Vec<i64>, EvalError> {
        let value = self.value(field)?;
        let integers = value.as_array().and_then(|values| values.iter().map(Value::as_i64).collect());
        integers.ok_or_else(|| self.wrong_type(field, value, "a list of integers"))
    }

    /// A field that says which of `choices` is right, as an integer from 0.
    pub(crate) fn index(&self, field: &str, choices: usize) -> Result<usize, EvalError> {
        let value = self.value(field)?;
        let integer = value.as_i64().ok_or_else(|| self.wrong_type(field, value, "an integer"))?;
        let index = usize::try_from(integer).ok().filter(|&index| index < choices);
        index.ok_or_else(|| {
            self.wrong(format!(
                "{field:?} is {integer}, but there are {choices} choices, the first of them 0"
            ))
        })
    }

    /// An error about this document.
    pub(crate) fn wrong(&self, problem: String) -> EvalError {
        EvalError::BadLine { path: self.path.to_path_buf(), line: self.line, problem }
    }

    fn value(&self, field: &str) -> Result<&Value, EvalError> {
        let mut names = field.split('.');
        let first = names.next().and_then(|name| self.fields.get(name));
        let value = names.fold(first, |value, name| value?.get(name));
        value.filter(|value| !value.is_null()).ok_or_else(|| {
            let known: Vec<_> = self.fields.keys().take(12).map(String::as_str).collect();
            self.wrong(format!("no field {field:?}; it has {}", known.join(", ")))
        })
    }

    fn wrong_type(&self, field: &str, value: &Value, expected: &str) -> EvalError {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.wrong(format!("{field:?} is {found}, not {expected}"))
    }
}

/// Reads a file whole: parquet if its name says so, JSON lines otherwise. Empty lines are passed over.
///
/// # Errors
/// [`EvalError::Io`] if it can't be read, [`EvalError::BadLine`] for every line that is no document,
/// [`EvalError::BadFile`] if it is no parquet.
pub(crate) fn read(path: &Path, official_rows: usize) -> Result<(DataFile, Vec<Document>), EvalError> {
    let bytes = std::fs::read(path).map_err(EvalError::io("read", path))?;
    let is_parquet = path.extension().is_some_and(|extension| extension == "parquet");
    if let Some(problem) = another_kind(&bytes, is_parquet) {
        return Err(EvalError::BadFile { path: path.to_path_buf(), problem: problem.into() });
    }
    let documents = if is_parquet { parquet_documents(path)? } else { json_documents(path, &bytes)? };
    let sha256 = hexadecimal(&Sha256::digest(&bytes));
    Ok((DataFile { path: path.to_path_buf(), sha256, rows: documents.len(), official_rows }, documents))
}

/// Files that aren't what their names say, by their first bytes; anything else is left to whoever reads it.
fn another_kind(bytes: &[u8], is_parquet: bool) -> Option<&'static str> {
    let begins = |magic: &[u8]| bytes.starts_with(magic);
    if begins(b"version https://git-lfs.github.com/spec/") {
        return Some("is a pointer of Git LFS, not the file; fetch it (git lfs pull)");
    }
    if begins(b"\x1f\x8b") {
        return Some("is compressed by gzip; decompress it first");
    }
    if begins(b"\x28\xb5\x2f\xfd") {
        return Some("is compressed by zstd; decompress it first");
    }
    (begins(b"PAR1") && !is_parquet).then_some("is parquet; name it .parquet")
}

fn json_documents(path: &Path, bytes: &[u8]) -> Result<Vec<Document>, EvalError> {
    let shared = Arc::new(path.to_path_buf());
    // The mark that some editors put in front.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let lines =
        bytes.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    EvalError::collect(lines.map(|(index, line)| {
        let bad = |problem| EvalError::BadLine { path: path.to_path_buf(), line: index + 1, problem };
        let value: Value = serde_json::from_slice(line).map_err(|error| bad(format!("not JSON: {error}")))?;
        match value {
            Value::Object(fields) => Ok(Document { fields, path: Arc::clone(&shared), line: index + 1 }),
            _ => Err(bad("not an object of JSON with the data set's fields".into())),
        }
    }))
}

fn parquet_documents(path: &Path) -> Result<Vec<Document>, EvalError> {
    let file = std::fs::File::open(path).map_err(EvalError::io("read", path))?;
    let rows = rows(file).map_err(|problem| EvalError::BadFile { path: path.to_path_buf(), problem })?;
    let shared = Arc::new(path.to_path_buf());
    let document = |(index, fields)| Document { fields, path: Arc::clone(&shared), line: index + 1 };
    Ok(rows.into_iter().enumerate().map(document).collect())
}

/// Lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
