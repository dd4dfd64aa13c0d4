//! Documents out of text files, one after the other: a `.txt` file is one document, a line of a `.jsonl` or `.jsonl.zst`
//! file is one. It holds one document at a time and knows nothing of tokens.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::error::DataError;

/// Frames of up to 2 GiB of window (`zstd --long=31`) are read; the format allows no larger ones on any machine.
const ZSTD_WINDOW_LOG_MAX: u32 = 31;

/// One document of a corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its text; never empty.
    pub text: String,
    /// Where it came from, for messages: a file, or a file and a line.
    pub place: String,
}

/// The documents of some files, in the files' order.
///
/// A document without text is passed over and counted. After an error the iterator ends.
pub struct Documents {
    inputs: std::vec::IntoIter<Input>,
    current: Option<Lines>,
    text_field: String,
    empty_documents: u64,
    /// Compressed bytes taken from the files so far, for progress.
    bytes_read: Arc<AtomicU64>,
    total_bytes: u64,
}

struct Input {
    path: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    JsonLines,
    ZstdJsonLines,
}

/// A JSON-lines file that is being read.
struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    lines: u64,
}

impl Documents {
    /// Checks all inputs (each is there, is a file, and is of a known kind) before anything is read.
    ///
    /// # Errors
    /// For the first input that is not so, and for none at all.
    pub fn open(inputs: &[PathBuf], text_field: &str) -> Result<Self, DataError> {
        if inputs.is_empty() {
            return Err(DataError::NoInputs);
        }
        let mut total_bytes = 0;
        let mut known = Vec::with_capacity(inputs.len());
        for path in inputs {
            let metadata = std::fs::metadata(path).map_err(DataError::io("read", path))?;
            if metadata.is_dir() {
                return Err(DataError::InputIsFolder { path: path.clone() });
            }
            let kind = kind_of(path).ok_or_else(|| DataError::UnknownExtension { path: path.clone() })?;
            total_bytes += metadata.len();
            known.push(Input { path: path.clone(), kind });
        }
        Ok(Self {
            inputs: known.into_iter(),
            current: None,
            text_field: text_field.to_owned(),
            empty_documents: 0,
            bytes_read: Arc::default(),
            total_bytes,
        })
    }

    /// Documents without text so far.
    pub fn empty_documents(&self) -> u64 {
        self.empty_documents
    }

    /// Bytes of all input files, as they lie on disk.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Bytes read of them so far; it can be watched from another thread.
    pub(crate) fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes_read)
    }

    /// The next document, with or without text.
    fn advance(&mut self) -> Result<Option<Document>, DataError> {
        loop {
            if let Some(lines) = &mut self.current {
                if let Some(document) = lines.next_document(&self.text_field)? {
                    return Ok(Some(document));
                }
                self.current = None;
            }
            let Some(Input { path, kind }) = self.inputs.next() else { return Ok(None) };
            let file = File::open(&path).map_err(DataError::io("open", &path))?;
            let file = CountedFile { file, bytes: Arc::clone(&self.bytes_read) };
            let reader: Box<dyn BufRead + Send> = match kind {
                Kind::Text => return whole_file(&path, file).map(Some),
                Kind::JsonLines => Box::new(BufReader::with_capacity(1 << 16, file)),
                Kind::ZstdJsonLines => Box::new(BufReader::with_capacity(1 << 16, decompress(&path, file)?)),
            };
            self.current = Some(Lines { path, reader, lines: 0 });
        }
    }
}

impl Iterator for Documents {
    type Item = Result<Document, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.advance() {
                Ok(Some(document)) if document.text.is_empty() => self.empty_documents += 1,
                Ok(document) => return document.map(Ok),
                Err(error) => {
                    self.current = None;
                    self.inputs = Vec::new().into_iter();
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Lines {
    fn next_document(&mut self, text_field: &str) -> Result<Option<Document>, DataError> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = self.reader.read_until(b'\n', &mut line).map_err(|source| {
                DataError::BrokenStream { path: self.path.clone(), lines: self.lines, source }
            })?;
            if read == 0 {
                return Ok(None);
            }
            self.lines += 1;
            if !line.trim_ascii().is_empty() {
                break;
            }
        }
        let text = utf8(&self.path, self.lines, line)?;
        let text = text_of(&text, text_field).map_err(|problem| DataError::BadLine {
            path: self.path.clone(),
            line: self.lines,
            problem,
        })?;
        Ok(Some(Document { text, place: format!("{}, line {}", self.path.display(), self.lines) }))
    }
}

/// What a file's name says it holds.
fn kind_of(path: &Path) -> Option<Kind> {
    let extension = |path: &Path| Some(path.extension()?.to_str()?.to_lowercase());
    match extension(path)?.as_str() {
        "txt" => Some(Kind::Text),
        "jsonl" => Some(Kind::JsonLines),
        "zst" if extension(path.file_stem()?.as_ref())? == "jsonl" => Some(Kind::ZstdJsonLines),
        _ => None,
    }
}

fn whole_file(path: &Path, mut file: CountedFile) -> Result<Document, DataError> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(DataError::io("read", path))?;
    let text = utf8(path, 1, bytes)?;
    Ok(Document { text, place: path.display().to_string() })
}

fn decompress(path: &Path, file: CountedFile) -> Result<impl Read + Send + use<>, DataError> {
    let broken = DataError::io("decompress", path);
    let mut decoder = match zstd::Decoder::new(file) {
        Ok(decoder) => decoder,
        Err(error) => return Err(broken(error)),
    };
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(broken)?;
    Ok(decoder)
}

/// The bytes as text, without the mark that some editors put in front (U+FEFF). `first_line` is the number of the first.
fn utf8(path: &Path, first_line: u64, bytes: Vec<u8>) -> Result<String, DataError> {
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = first_line + valid.split(|&byte| byte == b'\n').count() as u64 - 1;
        let byte = valid.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
        DataError::InvalidUtf8 { path: path.to_path_buf(), line, byte }
    })?;
    if first_line == 1 && text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

/// The text of one line of JSON.
fn text_of(line: &str, text_field: &str) -> Result<String, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))?;
    let Value::Object(mut fields) = value else {
        return Err(format!("not a JSON object; expected {{\"{text_field}\": \"…\"}}"));
    };
    match fields.get_mut(text_field) {
        Some(Value::String(text)) => Ok(std::mem::take(text)),
        Some(_) => Err(format!("field \"{text_field}\" is not a string")),
        None => {
            let found =
                fields.keys().take(8).map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
            Err(format!("no field \"{text_field}\"; the line has [{found}]"))
        }
    }
}

/// A file that counts what is read from it.
struct CountedFile {
    file: File,
    bytes: Arc<AtomicU64>,
}

impl Read for CountedFile {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
