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
    let LayerNumbers { head_dim, epsilon, precision } = numbers;
    let linear = |input, weight| linear_in(input, weight, precision);
    let [batch, sequence, _] = hidden.dims();
    let heads = |projected: Tensor<3>| {
        let count = projected.dims()[2] / head_dim;
        projected.reshape([batch, sequence, count, head_dim]).swap_dims(1, 2)
    };
    let normalized = rms_norm(hidden.clone(), weights.input_layernorm, epsilon);
    let query = rounded(rotate(heads(linear(normalized.clone(), weights.q_proj)), rotary), precision);
    let key = rounded(rotate(heads(linear(normalized.clone(), weights.k_proj)), rotary), precision);
    let value = heads(linear(normalized, weights.v_proj));
    let attended = causal_attention(query, key, value, documents).swap_dims(1, 2);
    let [_, _, count, _] = attended.dims();
    let hidden = hidden + linear(attended.reshape([batch, sequence, count * head_dim]), weights.o_proj);

    let normalized = rms_norm(hidden.clone(), weights.post_attention_layernorm, epsilon);
    let gate = linear(normalized.clone(), weights.gate_proj);
    let up = linear(normalized, weights.up_proj);
    hidden + linear(swi_glu(gate, up), weights.down_proj)
}
