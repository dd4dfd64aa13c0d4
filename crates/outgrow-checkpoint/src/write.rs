//! Writing one safetensors file, tensor after tensor, from values or from ranges of other files.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use crate::{config::Dtype, error::CheckpointError, layout::TensorSpec};

/// Data starts at a multiple of this, as the safetensors format asks.
const ALIGNMENT: usize = 8;

/// A safetensors file that is being written: its header is there, its tensors follow in the header's order.
#[derive(Debug)]
pub struct ShardWriter {
    path: PathBuf,
    file: File,
}

impl ShardWriter {
    /// Creates the file and writes the header for `tensors`.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn create(path: &Path, tensors: &[TensorSpec]) -> Result<Self, CheckpointError> {
        let file = File::create(path).map_err(|source| CheckpointError::io("create", path, source))?;
        let mut writer = Self { path: path.to_owned(), file };
        writer.bytes(&header(tensors))?;
        Ok(writer)
    }

    /// Appends the next tensor's bytes.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), CheckpointError> {
        self.file.write_all(bytes).map_err(|source| CheckpointError::io("write", &self.path, source))
    }

    /// Appends the next tensor from a range of another file, which on Linux never passes through this process.
    ///
    /// # Errors
    /// When a disk refuses, or the other file is shorter than the range.
    pub fn range(&mut self, source_path: &Path, source: &mut File, range: Range<u64>) -> Result<(), CheckpointError> {
        let length = range.end - range.start;
        source.seek(SeekFrom::Start(range.start)).map_err(|error| CheckpointError::io("read", source_path, error))?;
        let copied = io::copy(&mut source.take(length), &mut self.file)
            .map_err(|error| CheckpointError::io("write", &self.path, error))?;
        if copied < length {
            let problem = format!("ends {} bytes before its last tensor does", length - copied);
            return Err(CheckpointError::Damaged { file: source_path.to_owned(), problem });
        }
        Ok(())
    }
}

/// The length of the header, and the header: JSON, padded with spaces.
fn header(tensors: &[TensorSpec]) -> Vec<u8> {
    let mut entries = Map::new();
    // `transformers` asks for it before it opens a file.
    entries.insert("__metadata__".into(), json!({ "format": "pt" }));
    let mut start = 0;
    for tensor in tensors {
        let end = start + tensor.size_bytes();
        let dtype = match tensor.dtype {
            Dtype::F32 => "F32",
            Dtype::F16 => "F16",
            Dtype::BF16 => "BF16",
        };
        let entry = json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": [start, end] });
        entries.insert(tensor.name.clone(), entry);
        start = end;
    }
    let mut json = Value::Object(entries).to_string().into_bytes();
    json.resize(json.len().next_multiple_of(ALIGNMENT), b' ');
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.append(&mut json);
    header
}
