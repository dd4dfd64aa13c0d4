//! One decoder layer: `h = x + attention(norm(x))`, then `h + feed_forward(norm(h))`.

use burn::tensor::Tensor;

use super::{RotaryTable, causal_attention, linear_in, rms_norm, rotate, rounded, swi_glu};
use crate::{LayerNumbers, LayerWeights, PackedDocuments};

/// Keeps the shape `[batch, sequence, hidden]`. With `documents`, a position sees its own document only.
pub fn decoder_layer(
    hidden: Tensor<3>,
    weights: LayerWeights<Tensor<1>, Tensor<2>>,
    numbers: LayerNumbers,
    rotary: &RotaryTable,
    documents: Option<&PackedDocuments>,
) -> Tensor<3> {
    let [query, key, value] = project(&hidden, &weights, numbers, rotary);
    onward(hidden, causal_attention(query, key, value, documents), weights, numbers)
}

/// Queries and keys, rotated, and values, of their heads each: `[batch, heads, sequence, head_dim]`.
pub(super) fn project(
    hidden: &Tensor<3>,
    weights: &LayerWeights<Tensor<1>, Tensor<2>>,
    numbers: LayerNumbers,
    rotary: &RotaryTable,
) -> [Tensor<4>; 3] {
    let LayerNumbers { head_dim, epsilon, precision } = numbers;
    let [batch, sequence, _] = hidden.dims();
    let normalized = rms_norm(hidden.clone(), weights.input_layernorm.clone(), epsilon);
    let heads = |weight: &Tensor<2>| {
        let projected = linear_in(normalized.clone(), weight.clone(), precision);
        let count = projected.dims()[2] / head_dim;
        projected.reshape([batch, sequence, count, head_dim]).swap_dims(1, 2)
    };
    let [query, key] =
        [&weights.q_proj, &weights.k_proj].map(|weight| rounded(rotate(heads(weight), rotary), precision));
    [query, key, heads(&weights.v_proj)]
}

/// The layer's output from its input and from what its heads attended to, `[batch, heads, sequence, head_dim]`.
pub(super) fn onward(
    hidden: Tensor<3>,
    attended: Tensor<4>,
    weights: LayerWeights<Tensor<1>, Tensor<2>>,
    numbers: LayerNumbers,
) -> Tensor<3> {
    let linear = |input, weight| linear_in(input, weight, numbers.precision);
    let [batch, heads, sequence, head_dim] = attended.dims();
    let attended = attended.swap_dims(1, 2).reshape([batch, sequence, heads * head_dim]);
    let hidden = hidden + linear(attended, weights.o_proj);

    let normalized = rms_norm(hidden.clone(), weights.post_attention_layernorm, numbers.epsilon);
    let gate = linear(normalized.clone(), weights.gate_proj);
    let up = linear(normalized, weights.up_proj);
    hidden + linear(swi_glu(gate, up), weights.down_proj)
}
