//! One safetensors file: its header, and its bytes mapped into memory. It knows no model.
//!
//! The format: 8 bytes little-endian header size, a JSON header, and the tensors end to end.

use std::{
    fs::File,
    io::Read,
    ops::Range,
    path::{Path, PathBuf},
};

use memmap2::Mmap;
use safetensors::tensor::Metadata;
use serde_json::{Map, Value, json};

use crate::{
    config::Dtype,
    error::CheckpointError,
    layout::{TensorSpec, offsets},
};

const HEADER_SIZE_BYTES: u64 = 8;
/// The format's own limit, in bytes.
const LARGEST_HEADER: u64 = 100_000_000;
/// Headers are padded to this, so that tensors of any type lie aligned in a mapped file.
const ALIGNMENT: usize = 8;
const METADATA_KEY: &str = "__metadata__";

/// An opened safetensors file.
#[derive(Debug)]
pub(crate) struct SafetensorsFile {
    pub path: PathBuf,
    metadata: Metadata,
    data_start: u64,
    bytes: Mmap,
}

/// What a header says about a tensor; the type may be one that this crate doesn't read.
pub(crate) struct Entry {
    pub name: String,
    pub dtype: Result<Dtype, String>,
    pub shape: Vec<usize>,
    /// Bytes in the file.
    pub range: Range<u64>,
}

impl SafetensorsFile {
    /// Opens, maps and checks a file: the header is sound and the file is exactly as long as it says.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let io_error = |source| CheckpointError::io("read", path, source);
        let mut file = File::open(path).map_err(io_error)?;
        let length = file.metadata().map_err(io_error)?.len();
        let (metadata, data_start) = read_header(&mut file, path, length)?;
        // SAFETY: the map is only read, and lives no longer than `self`. A mapped file must not be changed or cut while
        // it is mapped; weights are files that nobody writes in place: this crate replaces files by renaming only.
        let bytes = unsafe { Mmap::map(&file) }.map_err(io_error)?;
        Ok(Self { path: path.to_owned(), metadata, data_start, bytes })
    }

    /// All tensors, in the order of their bytes.
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |name: String| {
            let info = self.metadata.info(&name)?;
            let (start, end) = info.data_offsets;
            let dtype = match info.dtype {
                safetensors::Dtype::F32 => Ok(Dtype::F32),
                safetensors::Dtype::F16 => Ok(Dtype::F16),
                safetensors::Dtype::BF16 => Ok(Dtype::BF16),
                other => Err(other.to_string()),
            };
            let range = self.data_start + start as u64..self.data_start + end as u64;
            Some(Entry { dtype, shape: info.shape.clone(), range, name })
        };
        self.metadata.offset_keys().into_iter().filter_map(entry).collect()
    }

    /// The bytes of a range that came from [`Self::entries`].
    pub fn bytes(&self, range: &Range<u64>) -> &[u8] {
        &self.bytes[range.start as usize..range.end as usize]
    }
}

fn read_header(file: &mut File, path: &Path, length: u64) -> Result<(Metadata, u64), CheckpointError> {
    let io_error = |source| CheckpointError::io("read", path, source);
    let damaged = |problem: String| CheckpointError::Damaged { file: path.to_owned(), problem };
    if length < HEADER_SIZE_BYTES {
        return Err(damaged(format!("has {length} bytes, too few for a safetensors file; it is truncated")));
    }
    let mut size = [0; HEADER_SIZE_BYTES as usize];
    file.read_exact(&mut size).map_err(io_error)?;
    if &size == b"version " {
        return Err(damaged(
            "is a Git LFS pointer, not the weights; fetch them with `git lfs pull`".to_owned(),
        ));
    }
    let size = u64::from_le_bytes(size);
    let rest = length - HEADER_SIZE_BYTES;
    if size > rest || size > LARGEST_HEADER {
        return Err(damaged(format!(
            "its header should have {size} bytes, but {rest} follow; it is truncated or no safetensors file"
        )));
    }
    let mut header = vec![0; size as usize];
    file.read_exact(&mut header).map_err(io_error)?;
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|error| damaged(format!("bad safetensors header: {error}")))?;
    let data_start = HEADER_SIZE_BYTES + size;
    let expected = data_start + metadata.data_len() as u64;
    if length != expected {
        let kind = if length < expected { "truncated" } else { "damaged" };
        return Err(damaged(format!(
            "has {length} bytes, but its header describes {expected}; it is {kind}"
        )));
    }
    Ok((metadata, data_start))
}

/// The first bytes of a file that holds these tensors, up to where their data begins.
pub(crate) fn header_bytes(tensors: &[TensorSpec]) -> Vec<u8> {
    let mut header = Map::new();
    // transformers refuses files that don't say which framework's layout they hold.
    header.insert(METADATA_KEY.to_owned(), json!({ "format": "pt" }));
    for (tensor, range) in tensors.iter().zip(offsets(tensors)) {
        let dtype = match tensor.dtype {
            Dtype::F32 => "F32",
            Dtype::F16 => "F16",
            Dtype::BF16 => "BF16",
        };
        let entry =
            json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": [range.start, range.end] });
        header.insert(tensor.name.clone(), entry);
    }
    let mut text = Value::Object(header).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(ALIGNMENT), b' ');
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut text);
    bytes
}
