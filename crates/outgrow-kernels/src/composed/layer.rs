//! One decoder layer: `h = x + attention(norm(x))`, then `h + feed_forward(norm(h))`.

use burn::tensor::Tensor;

use super::{RotaryTable, causal_attention, linear_in, rms_norm, rotate, rounded, swi_glu};
use crate::{AttentionBiases, LayerNumbers, LayerWeights, PackedDocuments};

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
    let heads = |weight: &Tensor<2>, bias: Option<Tensor<1>>| {
        let projected = with_bias(linear_in(normalized.clone(), weight.clone(), precision), bias);
        let count = projected.dims()[2] / head_dim;
        projected.reshape([batch, sequence, count, head_dim]).swap_dims(1, 2)
    };
    let biases = weights.attention_biases.as_ref();
    let bias = |of: fn(&AttentionBiases<Tensor<1>>) -> &Tensor<1>| biases.map(|biases| of(biases).clone());
    let query = heads(&weights.q_proj, bias(|biases| &biases.query));
    let key = heads(&weights.k_proj, bias(|biases| &biases.key));
    let value = heads(&weights.v_proj, bias(|biases| &biases.value));
    let [query, key] = [query, key].map(|heads| rounded(rotate(heads, rotary), precision));
    // What a projection alone gives is rounded.
    [query, key, if biases.is_some() { rounded(value, precision) } else { value }]
}

/// A bias is added in f32, whatever the precision.
fn with_bias(projected: Tensor<3>, bias: Option<Tensor<1>>) -> Tensor<3> {
    match bias {
        Some(bias) => projected + bias.unsqueeze::<3>(),
        None => projected,
    }
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
    let bias = weights.attention_biases.and_then(|biases| biases.output);
    let hidden = hidden + with_bias(linear(attended, weights.o_proj), bias);

    let normalized = rms_norm(hidden.clone(), weights.post_attention_layernorm, numbers.epsilon);
    let gate = linear(normalized.clone(), weights.gate_proj);
    let up = linear(normalized, weights.up_proj);
    hidden + linear(swi_glu(gate, up), weights.down_proj)
}
