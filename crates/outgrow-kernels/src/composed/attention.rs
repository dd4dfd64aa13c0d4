//! Causal attention with grouped queries.

use burn::tensor::{Bool, Tensor, TensorData, activation::softmax};

use crate::PackedDocuments;

/// Softmax attention in which a position sees itself and what came before, of its own document where `documents` are given.
///
/// `query` is `[batch, heads, sequence, head_dim]`, `key` and `value` are `[batch, key_value_heads, sequence, head_dim]`, and
/// `heads` is a multiple of `key_value_heads`: consecutive query heads share one key and value head (arXiv 2305.13245). The result has the
/// query's shape. Memory is quadratic in the sequence.
pub fn causal_attention(
    query: Tensor<4>,
    key: Tensor<4>,
    value: Tensor<4>,
    documents: Option<&PackedDocuments>,
) -> Tensor<4> {
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
    let scores = scores.mask_fill(future, f32::NEG_INFINITY);
    let scores = match documents {
        Some(documents) => {
            let others = other_documents(documents, &scores).repeat_dim(1, group);
            let others = others.reshape([batch, 1, rows, sequence]).expand(scores.dims());
            scores.mask_fill(others, f32::NEG_INFINITY)
        }
        None => scores,
    };
    softmax(scores, 3).matmul(value).reshape([batch, heads, sequence, head_dim])
}

/// `[batch, sequence, sequence]`: whether the key lies before the query's document.
fn other_documents(documents: &PackedDocuments, beside: &Tensor<4>) -> Tensor<3, Bool> {
    let [batch, sequence] = documents.dims();
    let first_visible = documents.first_visible().iter();
    let mask: Vec<bool> =
        first_visible.flat_map(|&first| (0..sequence as u32).map(move |key| key < first)).collect();
    Tensor::from_data(TensorData::new(mask, [batch, sequence, sequence]), &beside.device())
}
