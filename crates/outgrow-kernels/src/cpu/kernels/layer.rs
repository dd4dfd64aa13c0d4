//! A whole decoder layer, forward and backward, with intermediate values in buffers of its own.
//!
//! Kept between the two: the layer's input, queries, keys and values as attention reads them, what attention gave, the
//! residual stream between the two blocks, gate and up, and one number per row or query for each norm and softmax. What
//! is cheap to make again (normalised rows, the gated product) is made again. Here is what both precisions share; each
//! has a file of its own.

mod inputs;

mod in_bf16;
mod in_f32;

pub use inputs::{Layer, LayerGradients, LayerShape};

use crate::Precision;

/// What the way back needs from the way forward.
#[derive(Clone, Debug)]
pub enum Saved {
    /// Of a layer in f32.
    F32(in_f32::Saved),
    /// Of a layer in bf16.
    Bf16(in_bf16::Saved),
}

impl Layer<'_> {
    /// Writes the layer's output, `[tokens, hidden]` like its input.
    pub fn forward(&self, output: &mut [f32], input: &[f32]) -> Saved {
        match self.shape.precision {
            Precision::F32 => Saved::F32(self.forward_in_f32(output, input)),
            Precision::Bf16 => Saved::Bf16(self.forward_in_bf16(output, input)),
        }
    }

    /// Writes the gradients that are wanted, from the output's gradient.
    pub fn backward(&self, gradient: &[f32], input: &[f32], saved: Saved, gradients: LayerGradients<'_>) {
        match saved {
            Saved::F32(saved) => self.backward_in_f32(gradient, input, saved, gradients),
            Saved::Bf16(saved) => self.backward_in_bf16(gradient, input, saved, gradients),
        }
    }
}
