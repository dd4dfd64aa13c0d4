//! Tensors that are to be written, and where their bytes will lie. Nothing is written here.

use std::ops::Range;

use crate::dtype::stored::StoredDtype;

/// A tensor that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// The Hugging Face name.
    pub name: String,
    /// How it is stored.
    pub dtype: StoredDtype,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    /// Bytes of its values.
    pub fn size_bytes(&self) -> u64 {
        let values = self.shape.iter().map(|side| *side as u64).product::<u64>();
        values * self.dtype.size_bits() / 8
    }
}

/// Where each tensor's bytes lie, counted from the end of the header.
pub(crate) fn offsets(tensors: &[TensorSpec]) -> impl Iterator<Item = Range<u64>> {
    tensors.iter().scan(0, |end, tensor| {
        let start = *end;
        *end += tensor.size_bytes();
        Some(start..*end)
    })
}
