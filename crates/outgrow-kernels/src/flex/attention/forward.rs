//! Attention's way forward.

use rayon::prelude::*;

use super::{
    Attended, Block, Head, MOST_QUERIES,
    softmax::{Softmax, scale},
};
use crate::flex::{
    buffers::{Buffer, HalfBuffer},
    matrix::{Matrix, Store, Threads},
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
        let [key, value] = [attended.key, attended.value].map(|values| attended.rows(values, key_head));
        let mut memory = (Buffer::new(attended.block_scores()), attended.narrowed_scores());
        for member in 0..group {
            let output = &mut output[member * sequence * head_dim..][..sequence * head_dim];
            let logarithms = &mut logarithms[member * sequence..][..sequence];
            let query = attended.rows(attended.query, key_head * group + member);
            let head = Head { query, key, value, head_dim, batch };
            for block in attended.blocks(batch) {
                let output = &mut output[block.first_query * head_dim..][..block.queries * head_dim];
                let logarithms = &mut logarithms[block.first_query..][..block.queries];
                attend_block(output, logarithms, &mut memory, &attended, head, block);
            }
        }
    });
}

/// One block of queries.
fn attend_block<T: Value>(
    output: &mut [f32],
    logarithms: &mut [f32],
    (scores, narrowed): &mut (Buffer, HalfBuffer),
    attended: &Attended<'_, T>,
    head: Head<'_, T>,
    block: Block,
) {
    let (head_dim, factor) = (head.head_dim, head.factor());
    let mut softmaxes = [Softmax::EMPTY; MOST_QUERIES];
    for (index, block) in block.by_keys().enumerate() {
        let scores = &mut scores[..block.queries * block.keys];
        head.scores(scores, block);
        vectorized(
            #[inline(always)]
            || {
                let rows = scores.chunks_exact_mut(block.keys).zip(output.chunks_exact_mut(head_dim));
                for (row, (scores, output)) in rows.enumerate() {
                    let rescale =
                        softmaxes[row].extend(scores, factor, attended.visible(head.batch, block, row));
                    if index > 0 {
                        scale(output, rescale);
                    }
                }
            },
        );
        let weights = Matrix::new(T::narrowed(scores, narrowed), block.queries, block.keys);
        let store = if index == 0 { Store::Replace } else { Store::Add };
        T::multiply(output, store, weights, head.keys(head.value, block), Threads::One);
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
