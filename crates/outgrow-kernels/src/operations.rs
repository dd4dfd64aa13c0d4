//! The operations of a decoder as a model calls them: fused on the CPU, composed of burn's elsewhere.
//!
//! Both give the same numbers to rounding, gradients included.

use burn::tensor::Tensor;

use crate::{LayerNumbers, LayerWeights, PackedDocuments, Precision, composed::RotaryTable, home::at_home};

/// One decoder layer, `[batch, sequence, hidden]` to the same: `h = x + attention(norm(x))`, then
/// `h + feed_forward(norm(h))`.
///
/// With `documents`, a position sees its own document only; positions still count from the beginning of the sequence.
/// Memory is linear in the sequence where the layer is fused.
///
/// # Panics
/// When the sequence is longer than the rotary table, or `documents` is of another shape.
pub fn decoder_layer(
    hidden: Tensor<3>,
    weights: LayerWeights<Tensor<1>, Tensor<2>>,
    numbers: LayerNumbers,
    rotary: &RotaryTable,
    documents: Option<&PackedDocuments>,
) -> Tensor<3> {
    at_home!(hidden, decoder_layer(hidden, weights, numbers, rotary, documents))
}

/// `input / sqrt(mean(input²) + epsilon) · weight` over the last dimension (arXiv 1910.07467): `input` is
/// `[batch, sequence, hidden]`, `weight` is `[hidden]`; the shape is kept.
pub fn rms_norm(input: Tensor<3>, weight: Tensor<1>, epsilon: f64) -> Tensor<3> {
    at_home!(input, rms_norm(input, weight, epsilon))
}

/// `scale · Σ −log softmax(hidden · weightᵀ)[target]` over all tokens, in nats, `[1]`.
///
/// `hidden` is `[batch, sequence, hidden]`, `weight` `[vocabulary, hidden]`, `targets` `[batch, sequence]` row-major,
/// each below `vocabulary`. It is a sum, so that losses of parts of a batch add up to the loss of the batch whatever
/// the parts are. Where it is fused, the logits exist a chunk at a time.
///
/// # Panics
/// When there isn't a target for each token.
pub fn linear_cross_entropy(
    hidden: Tensor<3>,
    weight: Tensor<2>,
    targets: &[i32],
    scale: f64,
    precision: Precision,
) -> Tensor<1> {
    let [batch, sequence, _] = hidden.dims();
    assert_eq!(targets.len(), batch * sequence, "targets for {batch} sequences of {sequence} tokens");
    at_home!(hidden, linear_cross_entropy(hidden, weight, targets, scale, precision))
}
