//! What a layer reads and where its gradients go, and what both precisions share.

use crate::{
    AttentionBiases, LayerWeights, Precision,
    cpu::kernels::{
        attention::Attended,
        matrix::Store,
        normalization::{Normalized, input_gradient, weight_gradient},
        rotary::{Angles, Heads, Turn},
        value::Value,
    },
};

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

/// Where the gradients go; what is `None` is not computed. All are overwritten.
#[derive(Debug)]
pub struct LayerGradients<'a> {
    /// Of the layer's input.
    pub input: Option<&'a mut [f32]>,
    /// Of the parameters.
    pub weights: LayerWeights<Option<&'a mut [f32]>>,
}

impl Layer<'_> {
    pub(super) fn tokens(&self) -> usize {
        self.shape.heads.batch * self.shape.heads.sequence
    }

    pub(super) fn key_value_layout(&self) -> Heads {
        Heads { heads: self.shape.key_value_heads, ..self.shape.heads }
    }

    /// What becomes of queries, keys and values on their way to their heads.
    pub(super) fn turns(&self) -> [Turn<'_>; 3] {
        let (angles, biases) = (Some(self.angles), self.weights.attention_biases);
        [
            Turn { angles, bias: biases.map(|biases| biases.query) },
            Turn { angles, bias: biases.map(|biases| biases.key) },
            Turn { angles: None, bias: biases.map(|biases| biases.value) },
        ]
    }

    pub(super) fn output_bias(&self) -> Option<&[f32]> {
        self.weights.attention_biases.and_then(|biases| biases.output)
    }

    pub(super) fn attended<'b, T>(&'b self, query: &'b [T], key: &'b [T], value: &'b [T]) -> Attended<'b, T> {
        let LayerShape { heads, key_value_heads, .. } = self.shape;
        Attended { query, key, value, heads, key_value_heads, first_visible: self.first_visible }
    }
}

/// The gradients of biases that are wanted: of queries, keys and values, and of the output.
pub(super) fn wanted_biases(
    biases: Option<AttentionBiases<Option<&mut [f32]>>>,
) -> ([Option<&mut [f32]>; 3], Option<&mut [f32]>) {
    let Some(AttentionBiases { query, key, value, output }) = biases else {
        return ([None, None, None], None);
    };
    ([query, key, value], output.flatten())
}

/// The gradients of the first norm's weight and of the layer's input, where they are wanted: from that of the
/// normalised rows, and for the input also from that of the residual stream between the two blocks.
pub(super) fn first_norm_gradients<T: Value>(
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
