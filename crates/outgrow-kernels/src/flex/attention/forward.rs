//! Attention's way forward.

use rayon::prelude::*;

use super::{
    Attended, Block, Head, MOST_QUERIES,
    softmax::{Softmax, scale},
};
use crate::flex::{
    buffers::Buffer,
    matrix::{Matrix, Store, Threads, multiply},
    rotary::Heads,
    value::Value,
    vector::vectorized,
};

/// Writes the attended values, in the query's layout, and for each query the logarithm of its softmax's denominator.
pub fn attend<T: Value>(output: &mut [f32], logarithms: &mut [f32], attended: Attended<'_, T>) {
    let Heads { sequence, head_dim, .. } = attended.heads;
    let group = attended.group();
    let parts = output.par_chunks_mut(group * sequence * head_dim);
    let parts = parts.zip(logarithms.par_chunks_mut(group * sequence)).enumerate();
    parts.for_each(|(key_head, (output, logarithms))| {
        let batch = key_head / attended.key_value_heads;
        let [mut query_memory, mut key_memory, mut value_memory] = [const { None }; 3];
        let key = T::widened(attended.rows(attended.key, key_head), &mut key_memory);
        let value = T::widened(attended.rows(attended.value, key_head), &mut value_memory);
        let mut scores = Buffer::new(attended.block_scores());
        for member in 0..group {
            let output = &mut output[member * sequence * head_dim..][..sequence * head_dim];
            let logarithms = &mut logarithms[member * sequence..][..sequence];
            let query = attended.rows(attended.query, key_head * group + member);
            let query = T::widened(query, &mut query_memory);
            let head = Head { query, key, value, head_dim, batch };
            for block in attended.blocks(batch) {
                let output = &mut output[block.first_query * head_dim..][..block.queries * head_dim];
                let logarithms = &mut logarithms[block.first_query..][..block.queries];
                attend_block(output, logarithms, &mut scores, &attended, head, block);
            }
        }
    });
}

/// One block of queries.
fn attend_block<T: Value>(
    output: &mut [f32],
    logarithms: &mut [f32],
    scores: &mut [f32],
    attended: &Attended<'_, T>,
    head: Head<'_>,
    block: Block,
) {
    let head_dim = head.head_dim;
    let mut softmaxes = [Softmax::EMPTY; MOST_QUERIES];
    for (index, block) in block.by_keys().enumerate() {
        let scores = &mut scores[..block.queries * block.keys];
        head.scores(scores, block);
        vectorized(
            #[inline(always)]
            || {
                let rows = scores.chunks_exact_mut(block.keys).zip(output.chunks_exact_mut(head_dim));
                for (row, (scores, output)) in rows.enumerate() {
                    let rescale = softmaxes[row].extend(scores, attended.visible(head.batch, block, row));
                    if index > 0 {
                        scale(output, rescale);
                    }
                }
            },
        );
        let weights = Matrix::new(scores, block.queries, block.keys);
        let store = if index == 0 { Store::Replace } else { Store::Add };
        multiply(output, store, 1.0, weights, head.keys(head.value, block), Threads::One);
    }
    vectorized(
        #[inline(always)]
        || {
            let rows = output.chunks_exact_mut(head_dim).zip(logarithms).zip(&softmaxes);
            for ((output, logarithm), softmax) in rows {
                scale(output, 1.0 / softmax.sum);
                *logarithm = softmax.largest + softmax.sum.ln();
            }
        },
    );
}
