//! Tensors as a backend of burn has them, with autodiff and without: what every device's operations begin and end with.
//!
//! Generic over the backend. What an operation computes, and what it keeps for its backward pass, is the device's.

use burn::{
    backend::{
        Autodiff, Backend, DispatchKindConversion, DispatchTensor,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
            grads::Gradients as Tape,
            ops::{Backward, Ops, OpsKind},
        },
        tensor::FloatTensor,
    },
    tensor::Tensor,
};

/// A tensor of the backend, without autodiff.
pub(crate) type Plain<B> = FloatTensor<B>;

/// The same with autodiff.
pub(crate) type Tracked<B> = FloatTensor<Autodiff<B>>;

/// A tensor as one of the two.
pub(crate) enum Primitive<B: Backend> {
    Plain(Plain<B>),
    Tracked(Tracked<B>),
}

impl<B: Backend> Primitive<B>
where
    DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Autodiff<B>>,
{
    /// `None` where the tensor is another backend's, or under burn's gradient checkpointing.
    pub(crate) fn new<const D: usize>(tensor: Tensor<D>) -> Option<Self> {
        if tensor.is_autodiff() {
            tensor.try_into_primitive::<Autodiff<B>>().ok().map(Self::Tracked)
        } else {
            tensor.try_into_primitive::<B>().ok().map(Self::Plain)
        }
    }

    /// A tensor beside one that is the backend's.
    pub(crate) fn beside<const D: usize>(tensor: Tensor<D>) -> Self {
        Self::new(tensor).expect("all tensors of an operation are on one device")
    }

    pub(crate) fn plain(self) -> Plain<B> {
        match self {
            Self::Plain(tensor) => tensor,
            Self::Tracked(tensor) => tensor.into_primitive(),
        }
    }

    /// With autodiff; without a gradient of its own if it had none.
    pub(crate) fn tracked<const D: usize>(self) -> Tracked<B> {
        match self {
            Self::Tracked(tensor) => tensor,
            Self::Plain(tensor) => {
                let lifted = Tensor::<D>::from_inner(Tensor::from_primitive::<B>(tensor));
                lifted.try_into_primitive::<Autodiff<B>>().expect("lifted from the same backend")
            }
        }
    }
}

/// Whether the tensor is trained, or was made of one that is: whether burn will ask for its gradient.
///
/// burn says so only to an operation in preparation.
pub(crate) fn is_wanted<B: Backend>(tensor: &Tracked<B>) -> bool {
    let preparation = Backward::<B, 1>::prepare::<NoCheckpointing>(Never, [tensor.node()]).compute_bound();
    matches!(preparation.stateful(), OpsKind::Tracked(_))
}

/// An operation that is prepared and given up.
#[derive(Debug)]
struct Never;

impl<B: Backend> Backward<B, 1> for Never {
    type State = ();

    fn backward(self, _: Ops<(), 1>, _: &mut Tape, _: &mut Checkpointer) {}
}
