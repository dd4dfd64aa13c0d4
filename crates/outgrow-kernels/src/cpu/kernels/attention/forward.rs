//! Attention's way forward.

use rayon::prelude::*;

use super::{
    Attended, Block, Head, MOST_QUERIES,
    softmax::{Softmax, scale},
};
use crate::cpu::kernels::{
    buffers::{Buffer, HalfBuffer},
    dispatch::vectorized,
    matrix::{Matrix, Store, Threads},
    rotary::Heads,
    value::Value,
};

/// Writes the attended values, in the query's layout, and for each query the logarithm of its softmax's denominator.
pub fn attend<T: Value>(output: &mut [f32], logarithms: &mut [f32], attended: Attended<'_, T>) {
    let Heads { sequence, head_dim, .. } = attended.heads;
    let parts = output.par_chunks_mut(sequence * head_dim).zip(logarithms.par_chunks_mut(sequence));
    parts.enumerate().for_each(|(query_head, (output, logarithms))| {
        let key_head = query_head / attended.group();
        let head = Head {
            query: attended.rows(attended.query, query_head),
            key: attended.rows(attended.key, key_head),
            value: attended.rows(attended.value, key_head),
            head_dim,
            batch: key_head / attended.key_value_heads,
        };
        let size = attended.block_scores();
        let mut memory = (Buffer::new(size), T::rounding_memory(size));
        for block in attended.blocks(head.batch) {
            let output = &mut output[block.first_query * head_dim..][..block.queries * head_dim];
            let logarithms = &mut logarithms[block.first_query..][..block.queries];
            attend_block(output, logarithms, &mut memory, &attended, head, block);
        }
    });
}

/// One block of queries.
fn attend_block<T: Value>(
    output: &mut [f32],
    logarithms: &mut [f32],
    (scores, rounded): &mut (Buffer, Option<HalfBuffer>),
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
                        softmaxes[row].extend::<T>(scores, factor, attended.visible(head.batch, block, row));
                    if index > 0 {
                        scale(output, rescale);
                    }
                }
            },
        );
        let weights = Matrix::new(T::rounded(scores, rounded), block.queries, block.keys);
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
