//! A tensor's values where the CPU reads them.

use std::ops::Deref;

use burn::{
    backend::Flex,
    tensor::{DType, Tensor},
};

use super::{Plain, contiguous, values};
use crate::autodiff::Primitive;

/// The values of a tensor on the CPU, row-major: shared with the tensor, not copied.
#[derive(Clone, Debug)]
pub struct HostValues(Plain);

impl HostValues {
    /// `None` where the tensor is on another device, or isn't f32.
    pub fn of<const D: usize>(tensor: Tensor<D>) -> Option<Self> {
        let tensor = if tensor.is_autodiff() { tensor.inner() } else { tensor };
        let is_float = tensor.dtype() == DType::F32;
        Primitive::<Flex>::new(tensor)
            .filter(|_| is_float)
            .map(|primitive| Self(contiguous(primitive.plain())))
    }
}

impl Deref for HostValues {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        values(&self.0)
    }
}
