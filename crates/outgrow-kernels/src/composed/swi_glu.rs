//! The gated activation of LLaMA's feed-forward block (arXiv 2002.05202).

use burn::tensor::{Tensor, activation::sigmoid};

/// `silu(gate) · up`, element by element; both are `[batch, sequence, intermediate]`.
pub fn swi_glu(gate: Tensor<3>, up: Tensor<3>) -> Tensor<3> {
    gate.clone() * sigmoid(gate) * up
}
