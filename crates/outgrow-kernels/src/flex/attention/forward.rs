//! Attention's way forward.

use rayon::prelude::*;

use super::{
    Attended, Block, MOST_QUERIES,
    softmax::{Softmax, scale},
};
use crate::flex::{
    buffers::Buffer,
    matrix::{Matrix, Store, Threads, multiply},
    rotary::Heads,
    vector::vectorized,
};

/// Writes the attended values, in the query's layout, and for each query the logarithm of its softmax's denominator.
pub fn attend(output: &mut [f32], logarithms: &mut [f32], attended: Attended<'_>) {
    let Heads { sequence, head_dim, .. } = attended.heads;
    let group = attended.group();
    let parts = output.par_chunks_mut(group * sequence * head_dim);
    let parts = parts.zip(logarithms.par_chunks_mut(group * sequence)).enumerate();
    parts.for_each(|(key_head, (output, logarithms))| {
        let batch = key_head / attended.key_value_heads;
        let mut scores = Buffer::new(attended.block_scores());
        for member in 0..group {
            let output = &mut output[member * sequence * head_dim..][..sequence * head_dim];
            let logarithms = &mut logarithms[member * sequence..][..sequence];
            let heads = [key_head * group + member, key_head];
            for block in attended.blocks(batch) {
                let output = &mut output[block.first_query * head_dim..][..block.queries * head_dim];
                let logarithms = &mut logarithms[block.first_query..][..block.queries];
                attend_block(output, logarithms, &mut scores, &attended, heads, block);
            }
        }
    });
}

/// One block of queries, of the query head and the key head `heads`.
fn attend_block(
    output: &mut [f32],
    logarithms: &mut [f32],
    scores: &mut [f32],
    attended: &Attended<'_>,
    heads: [usize; 2],
    block: Block,
) {
    let [query_head, key_head] = heads;
    let (batch, head_dim) = (key_head / attended.key_value_heads, attended.heads.head_dim);
    let mut softmaxes = [Softmax::EMPTY; MOST_QUERIES];
    for (index, block) in block.by_keys().enumerate() {
        let scores = &mut scores[..block.queries * block.keys];
        attended.scores(scores, query_head, key_head, block);
        vectorized(
            #[inline(always)]
            || {
                let rows = scores.chunks_exact_mut(block.keys).zip(output.chunks_exact_mut(head_dim));
                for (row, (scores, output)) in rows.enumerate() {
                    let rescale = softmaxes[row].extend(scores, attended.visible(batch, block, row));
                    if index > 0 {
                        scale(output, rescale);
                    }
                }
            },
        );
        let weights = Matrix::new(scores, block.queries, block.keys);
        let values = attended.keys(attended.value, key_head, block);
        let store = if index == 0 { Store::Replace } else { Store::Add };
        multiply(output, store, 1.0, weights, values, Threads::One);
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
