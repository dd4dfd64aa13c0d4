//! Whether two stored tensors hold the same values, told piece by piece. Nothing is converted but what is stored in
//! different types.

use crate::{
    dtype::{Dtype, stored::StoredDtype, values::decode_into},
    error::CheckpointError,
    safetensors::{SafetensorsFile, StoredTensor},
};

/// Values that are in memory at a time.
const PIECE_VALUES: u64 = 1 << 18;

/// A tensor and the file that holds it.
pub(crate) type InFile<'a> = (&'a SafetensorsFile, &'a StoredTensor);

/// Whether two tensors have the same shape and the same values, bit for bit; of different types, as 32-bit floats.
pub(crate) fn same_values(left: InFile<'_>, right: InFile<'_>) -> Result<bool, CheckpointError> {
    if left.1.shape != right.1.shape {
        return Ok(false);
    }
    match (left.1.dtype, right.1.dtype) {
        (left_dtype, right_dtype) if left_dtype == right_dtype => same_bytes(left, right),
        (StoredDtype::Float(left_dtype), StoredDtype::Float(right_dtype)) => {
            same_floats((left, left_dtype), (right, right_dtype))
        }
        _ => Ok(false),
    }
}

fn same_bytes(
    (left_file, left): InFile<'_>,
    (right_file, right): InFile<'_>,
) -> Result<bool, CheckpointError> {
    let size = left.range.end - left.range.start;
    let mut start = 0;
    while start < size {
        let length = (size - start).min(4 * PIECE_VALUES) as usize;
        let [mut ours, mut theirs] = [vec![0; length], vec![0; length]];
        left_file.read_at(left.range.start + start, &mut ours)?;
        right_file.read_at(right.range.start + start, &mut theirs)?;
        if ours != theirs {
            return Ok(false);
        }
        start += length as u64;
    }
    Ok(true)
}

fn same_floats(left: (InFile<'_>, Dtype), right: (InFile<'_>, Dtype)) -> Result<bool, CheckpointError> {
    let count: u64 = left.0.1.shape.iter().map(|side| *side as u64).product();
    let read = |((file, tensor), dtype): (InFile<'_>, Dtype), first: u64, count: usize| {
        let size = dtype.size_bytes();
        let mut bytes = vec![0; count * size];
        file.read_at(tensor.range.start + first * size as u64, &mut bytes)?;
        let mut values = vec![0.0; count];
        decode_into(&bytes, dtype, &mut values);
        Ok::<_, CheckpointError>(values)
    };
    let mut first = 0;
    while first < count {
        let length = (count - first).min(PIECE_VALUES) as usize;
        let (ours, theirs) = (read(left, first, length)?, read(right, first, length)?);
        if ours.iter().zip(&theirs).any(|(ours, theirs)| ours.to_bits() != theirs.to_bits()) {
            return Ok(false);
        }
        first += length as u64;
    }
    Ok(true)
}
