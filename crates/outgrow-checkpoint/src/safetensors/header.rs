//! The header of a safetensors file, in and out. Reading one checks all of it: what comes out describes byte ranges
//! that follow each other without holes, of the sizes that their shapes need. It maps no data.
//!
//! The format: 8 bytes little-endian header size, a JSON header, and the tensors end to end.

use std::{collections::BTreeSet, fmt, io::Read, ops::Range, path::Path};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value, json};

use crate::{
    dtype::stored::StoredDtype,
    error::CheckpointError,
    safetensors::spec::{TensorSpec, offsets},
};

const SIZE_BYTES: u64 = 8;
/// The format's own limit, in bytes.
const LARGEST_HEADER: u64 = 100_000_000;
/// Headers are padded to this, so that tensors of any type lie aligned in a mapped file.
const ALIGNMENT: usize = 8;
const METADATA_KEY: &str = "__metadata__";
/// How the weights of a repository look that was cloned without them.
const LFS_POINTER: &[u8; SIZE_BYTES as usize] = b"version ";

/// What a header says about a tensor; the type may be one that the format doesn't have.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub name: String,
    pub dtype: Result<StoredDtype, String>,
    pub shape: Vec<usize>,
    /// Bytes in the file.
    pub range: Range<u64>,
}

/// Reads and checks the header of a file of `length` bytes. The entries are in the order of their bytes.
pub(crate) fn read_header(
    file: &mut impl Read,
    path: &Path,
    length: u64,
) -> Result<Vec<Entry>, CheckpointError> {
    let io_error = |source| CheckpointError::io("read", path, source);
    let damaged = |problem: String| CheckpointError::Damaged { file: path.to_owned(), problem };
    if length < SIZE_BYTES {
        return Err(damaged(format!("has {length} bytes, too few for a safetensors file; it is truncated")));
    }
    let mut size = [0; SIZE_BYTES as usize];
    file.read_exact(&mut size).map_err(io_error)?;
    if &size == LFS_POINTER {
        return Err(damaged(
            "is a Git LFS pointer, not the weights; fetch them with `git lfs pull`".to_owned(),
        ));
    }
    let (size, rest) = (u64::from_le_bytes(size), length - SIZE_BYTES);
    if size > rest {
        return Err(damaged(format!(
            "its header should have {size} bytes, but {rest} follow; it is truncated or no safetensors file"
        )));
    }
    if size > LARGEST_HEADER {
        return Err(damaged(format!(
            "its header should have {size} bytes, but the format allows {LARGEST_HEADER}; it is no safetensors file"
        )));
    }
    let mut text = vec![0; size as usize];
    file.read_exact(&mut text).map_err(io_error)?;
    let bad_header = |problem| damaged(format!("bad safetensors header: {problem}"));
    let Header(tensors) =
        serde_json::from_slice(&text).map_err(|error: serde_json::Error| bad_header(error.to_string()))?;
    let data_start = SIZE_BYTES + size;
    let (entries, end) = checked_entries(tensors, data_start).map_err(bad_header)?;
    if length != end {
        let kind = if length < end { "truncated" } else { "damaged" };
        return Err(damaged(format!("has {length} bytes, but its header describes {end}; it is {kind}")));
    }
    Ok(entries)
}

/// The entries in the order of their bytes, and where the last ends in the file.
fn checked_entries(
    mut tensors: Vec<(String, Described)>,
    data_start: u64,
) -> Result<(Vec<Entry>, u64), String> {
    tensors.sort_by(|(left_name, left), (right_name, right)| {
        (left.data_offsets, left_name).cmp(&(right.data_offsets, right_name))
    });
    let mut end = 0;
    let mut entries = Vec::with_capacity(tensors.len());
    for (name, Described { dtype, shape, data_offsets: (first, last) }) in tensors {
        if last < first {
            return Err(format!("`{name}` has the bytes {first} to {last}, which end before they begin"));
        }
        if first != end {
            let fault = if first < end { "overlaps the tensor before it" } else { "leaves a hole" };
            return Err(format!("`{name}` begins at byte {first}, expected {end}; it {fault}"));
        }
        end = last;
        let dtype = StoredDtype::named(&dtype).ok_or(dtype);
        if let Ok(dtype) = dtype {
            let values = shape.iter().try_fold(1_u64, |values, side| values.checked_mul(*side));
            let bits = values.map(|values| u128::from(values) * u128::from(dtype.size_bits()));
            if bits.is_some_and(|bits| !bits.is_multiple_of(8)) {
                return Err(format!("`{name}` has shape {shape:?} of {dtype}, which fills no whole bytes"));
            }
            let needed = bits.and_then(|bits| u64::try_from(bits / 8).ok());
            let needed = needed
                .ok_or_else(|| format!("`{name}` has shape {shape:?}, which is larger than any file"))?;
            if last - first != needed {
                let held = last - first;
                return Err(format!(
                    "`{name}` has {held} bytes, but shape {shape:?} of {dtype} needs {needed}"
                ));
            }
        }
        let range = match (data_start.checked_add(first), data_start.checked_add(last)) {
            (Some(first), Some(last)) => first..last,
            _ => return Err(format!("`{name}` ends at byte {last}, beyond any file")),
        };
        let shape = shape.into_iter().map(|side| side as usize).collect();
        entries.push(Entry { name, dtype, shape, range });
    }
    let end = data_start.checked_add(end).ok_or("the tensors end beyond any file")?;
    Ok((entries, end))
}

#[derive(Deserialize)]
struct Described {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// The tensors of a header as they stand in it. A name that is there twice is an error: JSON readers differ in which
/// of the two they take.
struct Header(Vec<(String, Described)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut tensors = Vec::new();
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == METADATA_KEY {
                map.next_value::<IgnoredAny>()?;
            } else {
                tensors.push((name.clone(), map.next_value()?));
            }
            if let Some(twice) = names.replace(name) {
                return Err(A::Error::custom(format!("`{twice}` is there twice")));
            }
        }
        Ok(Header(tensors))
    }
}

/// The first bytes of a file that holds these tensors, up to where their data begins.
pub(crate) fn header_bytes(tensors: &[TensorSpec]) -> Vec<u8> {
    let mut header = Map::new();
    // transformers refuses files that don't say which framework's layout they hold.
    header.insert(METADATA_KEY.to_owned(), json!({ "format": "pt" }));
    for (tensor, range) in tensors.iter().zip(offsets(tensors)) {
        let entry = json!({
            "dtype": tensor.dtype.to_string(), "shape": tensor.shape, "data_offsets": [range.start, range.end],
        });
        header.insert(tensor.name.clone(), entry);
    }
    let mut text = Value::Object(header).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(ALIGNMENT), b' ');
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut text);
    bytes
}
