//! The operations of [`super::kernels`] as burn tensors on the CPU, each with its own backward pass.
//!
//! What they compute is the kernels'; here tensors become slices and results become tensors, and a backward pass asks
//! for the gradients of what is trained, and of nothing else.

mod cross_entropy;
mod host_values;
mod layer;
mod normalization;
mod optimizer;

use burn::{
    backend::Flex,
    tensor::{DType, Tensor, TensorData},
};

pub(crate) use cross_entropy::linear_cross_entropy;
pub use host_values::HostValues;
pub(crate) use layer::decoder_layer;
pub(crate) use normalization::rms_norm;
pub(crate) use optimizer::{adamw, muon, orthogonalized, sum_of_squares};

use crate::autodiff::{self, Primitive};

/// A tensor on the CPU, without autodiff.
type Plain = autodiff::Plain<Flex>;

/// The same with autodiff.
type Tracked = autodiff::Tracked<Flex>;

/// Whether these operations can take the tensor: it is f32, on the CPU, and without burn's gradient checkpointing.
pub(crate) fn takes<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32 && Primitive::<Flex>::new(tensor.clone()).is_some()
}

/// The tensor beside one that these operations [take](takes).
fn beside<const D: usize>(tensor: Tensor<D>) -> Primitive<Flex> {
    Primitive::beside(tensor)
}

/// Its values, row-major.
fn contiguous(tensor: Plain) -> Plain {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

/// The values of a tensor that is [`contiguous`].
fn values(tensor: &Plain) -> &[f32] {
    tensor.as_slice().expect("made contiguous, and f32")
}

fn from_values<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Plain {
    Plain::from_data(TensorData::new(values, shape))
}
