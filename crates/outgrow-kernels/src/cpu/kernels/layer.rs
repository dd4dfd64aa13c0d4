//! A whole decoder layer, forward and backward, with intermediate values in buffers of its own.
//!
//! Kept between the two: the layer's input, queries, keys and values as attention reads them, what attention gave, the
//! residual stream between the two blocks, gate and up, and one number a row or query for each norm and softmax. What
//! is cheap to make again (normalised rows, the gated product) is made again. Here is what both precisions share; each
//! has a file of its own.

mod in_bf16;
mod in_f32;

use super::{
    attention::Attended,
    matrix::Store,
    normalization::{Normalized, input_gradient, weight_gradient},
    rotary::{Angles, Heads},
    value::Value,
};
use crate::{LayerWeights, Precision};

/// Sizes and numbers of a layer.
#[derive(Clone, Copy, Debug)]
pub struct LayerShape {
    /// How queries lie.
    pub heads: Heads,
    /// Heads of keys and values.
    pub key_value_heads: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of gate and up.
    pub intermediate_size: usize,
    /// Added to the mean square.
    pub epsilon: f32,
    /// What matrices are multiplied in.
    pub precision: Precision,
}

/// All that a layer reads beside its input.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// Sizes.
    pub shape: LayerShape,
    /// Parameters.
    pub weights: LayerWeights<&'a [f32]>,
    /// Rotary angles of at least the sequence's positions.
    pub angles: Angles<'a>,
    /// The first position that each position sees, where documents are packed.
    pub first_visible: Option<&'a [u32]>,
}

/// What the way back needs from the way forward.
#[derive(Clone, Debug)]
pub enum Saved {
    /// Of a layer in f32.
    F32(in_f32::Saved),
    /// Of a layer in bf16.
    Bf16(in_bf16::Saved),
}

/// Where the gradients go; what is `None` is not computed. All are overwritten.
#[derive(Debug)]
pub struct LayerGradients<'a> {
    /// Of the layer's input.
    pub input: Option<&'a mut [f32]>,
    /// Of the parameters.
    pub weights: LayerWeights<Option<&'a mut [f32]>>,
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

    fn tokens(&self) -> usize {
        self.shape.heads.batch * self.shape.heads.sequence
    }

    fn key_value_layout(&self) -> Heads {
        Heads { heads: self.shape.key_value_heads, ..self.shape.heads }
    }

    fn attended<'b, T>(&'b self, query: &'b [T], key: &'b [T], value: &'b [T]) -> Attended<'b, T> {
        let LayerShape { heads, key_value_heads, .. } = self.shape;
        Attended { query, key, value, heads, key_value_heads, first_visible: self.first_visible }
    }
}

/// The gradients of the first norm's weight and of the layer's input, where they are wanted: from that of the
/// normalised rows, and for the input also from that of the residual stream between the two blocks.
fn first_norm_gradients<T: Value>(
    [weight, input]: [Option<&mut [f32]>; 2],
    middle: &[f32],
    gradient: &[T],
    norm: Normalized<'_>,
) {
    if let Some(target) = weight {
        weight_gradient(target, gradient, norm);
    }
    if let Some(target) = input {
        target.copy_from_slice(middle);
        input_gradient(target, Store::Add, gradient, norm);
    }
}
