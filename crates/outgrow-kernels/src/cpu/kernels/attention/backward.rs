//! Attention's way back.

use bytemuck::Pod;
use rayon::prelude::*;

use super::{Attended, Block, Head};
use crate::cpu::kernels::{
    buffers::{Buffer, HalfBuffer, Pooled},
    dispatch::vectorized,
    matrix::{Matrix, Store, Threads},
    rotary::Heads,
    value::Value,
    vector::{exponentials, sum_by},
};

/// The gradients, each in the layout of what it belongs to.
#[derive(Debug)]
pub struct AttentionGradients<'a> {
    /// Of the queries.
    pub query: &'a mut [f32],
    /// Of the keys.
    pub key: &'a mut [f32],
    /// Of the values.
    pub value: &'a mut [f32],
}

/// What the way forward gave, and its gradient: both `[batch, sequence, heads, head_dim]`, as the output projection has
/// them.
#[derive(Clone, Copy, Debug)]
pub struct AttentionOutput<'a, T = f32> {
    /// Its gradient.
    pub gradient: &'a [T],
    /// The attended values, in f32 whatever the gradient: with rounded ones, a query's gradients of scores wouldn't add
    /// up to zero.
    pub values: &'a [f32],
    /// The logarithms of [`super::attend`].
    pub logarithms: &'a [f32],
}

/// Writes the gradients.
///
/// With weights `P`, `δ = Σ g · output` of a query, `S` the scores and `f` their factor: `∂V = Pᵀ g`,
/// `∂S = f P ∘ (g Vᵀ − δ)`, `∂Q = ∂S K`, `∂K = ∂Sᵀ Q`.
pub fn attend_gradients<T: Value>(
    gradients: AttentionGradients<'_>,
    output: AttentionOutput<'_, T>,
    attended: Attended<'_, T>,
) {
    let Heads { sequence, head_dim, .. } = attended.heads;
    let group = attended.group();
    let AttentionGradients { query, key, value } = gradients;
    let queries = query.par_chunks_mut(group * sequence * head_dim);
    let keys = key.par_chunks_mut(sequence * head_dim);
    let values = value.par_chunks_mut(sequence * head_dim);
    queries.zip(keys).zip(values).enumerate().for_each(|(key_head, ((query, key), value))| {
        key.fill(0.0);
        value.fill(0.0);
        let [keys, values] = [attended.key, attended.value].map(|values| attended.rows(values, key_head));
        let mut work = Work::new(&attended);
        for member in 0..group {
            let query_head = key_head * group + member;
            let queries = attended.rows(attended.query, query_head);
            let batch = key_head / attended.key_value_heads;
            let head = Head { query: queries, key: keys, value: values, head_dim, batch };
            work.gather(output, attended.heads, query_head);
            let logarithms = &output.logarithms[query_head * sequence..][..sequence];
            let query = &mut query[member * sequence * head_dim..][..sequence * head_dim];
            for block in attended.blocks(batch) {
                let query = &mut query[block.first_query * head_dim..][..block.queries * head_dim];
                for (index, block) in block.by_keys().enumerate() {
                    work.weights(head, &attended, logarithms, block);
                    work.score_gradients(head, block);
                    let rows = block.first_key * head_dim..(block.first_key + block.keys) * head_dim;
                    let store = if index == 0 { Store::Replace } else { Store::Add };
                    work.add_gradients([query, &mut key[rows.clone()], &mut value[rows]], store, head, block);
                }
            }
        }
    });
}

/// What a task computes on the way: of a query head, and of a block of it.
struct Work<T: Pod> {
    /// `[sequence, head_dim]`: the gradient of the head's output.
    gradient: Pooled<T>,
    /// `[sequence]`: each query's δ.
    means: Buffer,
    /// A block's attention weights.
    weights: Buffer,
    /// The gradients of a block's scores.
    scores: Buffer,
    /// The same two as they are multiplied, where that isn't in f32.
    rounded: [Option<HalfBuffer>; 2],
}

impl<T: Value> Work<T> {
    fn new(attended: &Attended<'_, T>) -> Self {
        let Heads { sequence, head_dim, .. } = attended.heads;
        let [weights, scores] = [(); 2].map(|()| Buffer::new(attended.block_scores()));
        let rounded = [(); 2].map(|()| T::rounding_memory(attended.block_scores()));
        let gradient = Pooled::new(sequence * head_dim);
        Self { gradient, means: Buffer::new(sequence), weights, scores, rounded }
    }

    /// Takes a query head's gradients, and their means, from where the heads of a token lie side by side.
    fn gather(&mut self, output: AttentionOutput<'_, T>, heads: Heads, query_head: usize) {
        let Heads { sequence, heads: count, head_dim, .. } = heads;
        let first_token = query_head / count * sequence;
        vectorized(
            #[inline(always)]
            || {
                let rows = self.gradient.chunks_exact_mut(head_dim).zip(&mut *self.means);
                for (position, (gradient, mean)) in rows.enumerate() {
                    let start = ((first_token + position) * count + query_head % count) * head_dim;
                    gradient.copy_from_slice(&output.gradient[start..start + head_dim]);
                    let values = &output.values[start..start + head_dim];
                    *mean = sum_by(values, gradient, |value, gradient| value * gradient.widen());
                }
            },
        );
    }

    /// The block's attention weights, once more.
    fn weights(&mut self, head: Head<'_, T>, attended: &Attended<'_, T>, logarithms: &[f32], block: Block) {
        let target = &mut self.weights[..block.queries * block.keys];
        head.scores(target, block);
        let (logarithms, factor) = (&logarithms[block.first_query..], head.factor());
        vectorized(
            #[inline(always)]
            || {
                for (row, weights) in target.chunks_exact_mut(block.keys).enumerate() {
                    let visible = attended.visible(head.batch, block, row);
                    weights[..visible.start].fill(0.0);
                    weights[visible.end..].fill(0.0);
                    exponentials::<f32>(&mut weights[visible], factor, logarithms[row]);
                }
            },
        );
    }

    /// The gradients of the block's scores.
    fn score_gradients(&mut self, head: Head<'_, T>, block: Block) {
        let size = block.queries * block.keys;
        let (target, weights) = (&mut self.scores[..size], &self.weights[..size]);
        let gradient = head.queries(&self.gradient, block);
        let values = head.keys(head.value, block).transposed();
        T::multiply(target, Store::Replace, gradient, values, Threads::One);
        let factor = head.factor();
        let means = &self.means[block.first_query..];
        vectorized(
            #[inline(always)]
            || {
                let rows = target.chunks_exact_mut(block.keys).zip(weights.chunks_exact(block.keys));
                for ((target, weights), mean) in rows.zip(means) {
                    for (target, weight) in target.iter_mut().zip(weights) {
                        *target = factor * weight * (*target - mean);
                    }
                }
            },
        );
    }

    /// `∂Q (+)= ∂S K`, `∂K += ∂Sᵀ Q` and `∂V += Pᵀ g`
    fn add_gradients(
        &mut self,
        [query, key, value]: [&mut [f32]; 3],
        store: Store,
        head: Head<'_, T>,
        block: Block,
    ) {
        let Self { gradient, weights, scores, rounded: [rounded_weights, rounded_scores], .. } = self;
        let size = block.queries * block.keys;
        let matrix = |values| Matrix::new(values, block.queries, block.keys);
        let weights = matrix(T::rounded(&weights[..size], rounded_weights));
        let scores = matrix(T::rounded(&scores[..size], rounded_scores));
        T::multiply(query, store, scores, head.keys(head.key, block), Threads::One);
        T::multiply(key, Store::Add, scores.transposed(), head.queries(head.query, block), Threads::One);
        T::multiply(value, Store::Add, weights.transposed(), head.queries(gradient, block), Threads::One);
    }
}
