//! Causal attention with grouped queries.

use burn::tensor::{Bool, Tensor, TensorData, activation::softmax};

use crate::PackedDocuments;

/// Softmax attention in which a position sees itself and what came before, of its own document where `documents` are
/// given.
///
/// `query` is `[batch, heads, sequence, head_dim]`, `key` and `value` are
/// `[batch, key_value_heads, sequence, head_dim]`, and `heads` is a multiple of `key_value_heads`: consecutive query
/// heads share one key and value head (arXiv 2305.13245). The result has the query's shape. Memory is quadratic in the
/// sequence.
pub fn causal_attention(
    query: Tensor<4>,
    key: Tensor<4>,
    value: Tensor<4>,
    documents: Option<&PackedDocuments>,
) -> Tensor<4> {
    let [_, _, sequence, _] = query.dims();
    let future = Tensor::<3, Bool>::tril_mask([1, sequence, sequence], 0, &query.device());
    let unseen = match documents {
        Some(documents) => {
            let others = other_documents(documents, &query);
            future.expand(others.dims()).bool_or(others)
        }
        None => future,
    };
    attention(query, key, value, unseen)
}

/// Softmax attention in which a row sees all keys but those for which `unseen` holds, `[batch or 1, rows, keys]`. There
/// are as many keys as values; otherwise shapes are as for [`causal_attention`].
pub(super) fn attention(
    query: Tensor<4>,
    key: Tensor<4>,
    value: Tensor<4>,
    unseen: Tensor<3, Bool>,
) -> Tensor<4> {
    let [batch, heads, rows, head_dim] = query.dims();
    let [_, key_value_heads, keys, _] = key.dims();
    // The queries of a group become rows of one product, so keys and values are never repeated.
    let group_rows = heads / key_value_heads * rows;
    let query = query.mul_scalar(1.0 / (head_dim as f64).sqrt());
    let query = query.reshape([batch, key_value_heads, group_rows, head_dim]);
    let scores = query.matmul(key.transpose()).reshape([batch, heads, rows, keys]);
    let unseen = unseen.unsqueeze_dim::<4>(1).expand(scores.dims());
    let weights = softmax(scores.mask_fill(unseen, f32::NEG_INFINITY), 3);
    let weights = weights.reshape([batch, key_value_heads, group_rows, keys]);
    weights.matmul(value).reshape([batch, heads, rows, head_dim])
}

/// `[batch, sequence, sequence]`: whether the key lies before the query's document.
fn other_documents(documents: &PackedDocuments, beside: &Tensor<4>) -> Tensor<3, Bool> {
    let [batch, sequence] = documents.dims();
    let first_visible = documents.first_visible().iter();
    let mask: Vec<bool> =
        first_visible.flat_map(|&first| (0..sequence as u32).map(move |key| key < first)).collect();
    Tensor::from_data(TensorData::new(mask, [batch, sequence, sequence]), &beside.device())
}
