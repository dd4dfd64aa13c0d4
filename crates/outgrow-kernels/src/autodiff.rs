//! Whether burn will ask for the gradient of a tensor, which it tells nobody but an operation in preparation.

use burn::backend::{
    Flex,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::NoCheckpointing},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
};

use crate::cpu::operations::Tracked;

/// Whether the tensor is trained, or was made of one that is.
pub fn is_wanted(tensor: &Tracked) -> bool {
    let preparation = Never.prepare::<NoCheckpointing>([tensor.node()]).compute_bound();
    matches!(preparation.stateful(), OpsKind::Tracked(_))
}

/// An operation that is prepared and given up.
#[derive(Debug)]
struct Never;

impl Backward<Flex, 1> for Never {
    type State = ();

    fn backward(self, _: Ops<(), 1>, _: &mut Gradients, _: &mut Checkpointer) {}
}
