//! Causal attention with grouped queries.

use burn::tensor::{Bool, Tensor, activation::softmax};

/// Softmax attention in which a position sees itself and what came before.
///
/// `query` is `[batch, heads, sequence, head_dim]`, `key` and `value` are `[batch, key_value_heads, sequence, head_dim]`, and
/// `heads` is a multiple of `key_value_heads`: consecutive query heads share one key and value head (arXiv 2305.13245). The result has the
/// query's shape. Memory is quadratic in the sequence.
pub fn causal_attention(query: Tensor<4>, key: Tensor<4>, value: Tensor<4>) -> Tensor<4> {
    let [batch, heads, sequence, head_dim] = query.dims();
    let [_, key_value_heads, _, _] = key.dims();
    let group = heads / key_value_heads;
    // The queries of a group become rows of one product, so keys and values are never repeated.
    let rows = group * sequence;
    let query =
        query.mul_scalar(1.0 / (head_dim as f64).sqrt()).reshape([batch, key_value_heads, rows, head_dim]);
    let scores = query.matmul(key.transpose());
    let future = Tensor::<2, Bool>::tril_mask([sequence, sequence], 0, &scores.device());
    let future = future.repeat_dim(0, group).reshape([1, 1, rows, sequence]).expand(scores.dims());
    let weights = softmax(scores.mask_fill(future, f32::NEG_INFINITY), 3);
    weights.matmul(value).reshape([batch, heads, sequence, head_dim])
}
