//! The operations of [`super::kernels`] as burn tensors on the CPU, each with its own backward pass.
//!
//! What they compute is the kernels'; here tensors become slices and results become tensors, and a backward pass asks for the gradients of what
//! is trained, and of nothing else.

mod cross_entropy;
mod host_values;
mod layer;
mod normalization;
mod optimizer;

use burn::{
    backend::{Autodiff, Flex, tensor::FloatTensor},
    tensor::{DType, Tensor, TensorData},
};

pub use cross_entropy::linear_cross_entropy;
pub use host_values::HostValues;
pub use layer::decoder_layer;
pub use normalization::rms_norm;
pub use optimizer::{adamw, sum_of_squares};

/// A tensor on the CPU, without autodiff.
type Plain = FloatTensor<Flex>;

/// The same with autodiff.
pub(crate) type Tracked = FloatTensor<Autodiff<Flex>>;

/// A tensor as one of the two.
enum Primitive {
    Plain(Plain),
    Tracked(Tracked),
}

/// Whether the fused operations can take the tensor: it is f32, on flex, and without burn's gradient checkpointing.
pub fn runs_on<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.dtype() == DType::F32 && primitive(tensor.clone()).is_some()
}

fn primitive<const D: usize>(tensor: Tensor<D>) -> Option<Primitive> {
    if tensor.is_autodiff() {
        tensor.try_into_primitive::<Autodiff<Flex>>().ok().map(Primitive::Tracked)
    } else {
        tensor.try_into_primitive::<Flex>().ok().map(Primitive::Plain)
    }
}

/// The tensor beside one that [`runs_on`] the CPU.
fn beside<const D: usize>(tensor: Tensor<D>) -> Primitive {
    primitive(tensor).expect("all tensors of an operation are on one device")
}

impl Primitive {
    fn plain(self) -> Plain {
        match self {
            Self::Plain(tensor) => tensor,
            Self::Tracked(tensor) => tensor.into_primitive(),
        }
    }

    /// With autodiff; without a gradient of its own if it had none.
    fn tracked<const D: usize>(self) -> Tracked {
        match self {
            Self::Tracked(tensor) => tensor,
            Self::Plain(tensor) => {
                let lifted = Tensor::<D>::from_inner(Tensor::from_primitive::<Flex>(tensor));
                lifted.try_into_primitive::<Autodiff<Flex>>().expect("lifted from flex")
            }
        }
    }
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
