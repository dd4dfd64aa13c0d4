//! Attention's way back.

use rayon::prelude::*;

use super::{Attended, Block};
use crate::flex::{
    buffers::Buffer,
    matrix::{Matrix, Store, Threads, multiply},
    rotary::Heads,
    vector::{exponentials, sum_by, vectorized},
};

/// The gradients, each in the layout of what it belongs to.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// Of the queries.
    pub query: &'a mut [f32],
    /// Of the keys.
    pub key: &'a mut [f32],
    /// Of the values.
    pub value: &'a mut [f32],
}

/// Writes the gradients, from the output's gradient and the output itself (both `[batch, sequence, heads, head_dim]`, as the output
/// projection has them) and the logarithms of [`super::attend`].
///
/// With weights `P`, `δ = Σ g · output` of a query and `S` the scores: `∂V = Pᵀ g`, `∂S = P ∘ (g Vᵀ − δ)`, `∂Q = ∂S K`, `∂K = ∂Sᵀ Q`.
pub fn attend_gradients(
    gradients: Gradients<'_>,
    gradient: &[f32],
    output: &[f32],
    logarithms: &[f32],
    attended: Attended<'_>,
) {
    let Heads { sequence, head_dim, .. } = attended.heads;
    let group = attended.group();
    let Gradients { query, key, value } = gradients;
    let queries = query.par_chunks_mut(group * sequence * head_dim);
    let keys = key.par_chunks_mut(sequence * head_dim);
    let values = value.par_chunks_mut(sequence * head_dim);
    queries.zip(keys).zip(values).enumerate().for_each(|(key_head, ((query, key), value))| {
        key.fill(0.0);
        value.fill(0.0);
        let mut scores = Buffer::new(attended.block_scores());
        let mut weights = Buffer::new(attended.block_scores());
        for member in 0..group {
            let head =
                OneHead { attended, key_head, query_head: key_head * group + member, gradient, output };
            let logarithms = &logarithms[head.query_head * sequence..][..sequence];
            let query = &mut query[member * sequence * head_dim..][..sequence * head_dim];
            for block in attended.blocks(head.batch()) {
                let query = &mut query[block.first_query * head_dim..][..block.queries * head_dim];
                let logarithms = &logarithms[block.first_query..];
                for (index, block) in block.by_keys().enumerate() {
                    let size = block.queries * block.keys;
                    let (scores, weights) = (&mut scores[..size], &mut weights[..size]);
                    head.weights(weights, logarithms, block);
                    head.score_gradients(scores, weights, block);
                    let rows = block.first_key * head_dim..(block.first_key + block.keys) * head_dim;
                    let store = if index == 0 { Store::Replace } else { Store::Add };
                    head.query_gradients(query, store, scores, block);
                    head.key_value_gradients(
                        &mut key[rows.clone()],
                        &mut value[rows],
                        scores,
                        weights,
                        block,
                    );
                }
            }
        }
    });
}

/// One query head, on the way back.
struct OneHead<'a> {
    attended: Attended<'a>,
    key_head: usize,
    query_head: usize,
    gradient: &'a [f32],
    output: &'a [f32],
}

impl OneHead<'_> {
    fn batch(&self) -> usize {
        self.key_head / self.attended.key_value_heads
    }

    /// Where the block's first query has its values, with the heads of a token side by side.
    fn start(&self, block: Block) -> usize {
        let Heads { sequence, heads, head_dim, .. } = self.attended.heads;
        let token = self.batch() * sequence + block.first_query;
        (token * heads + self.query_head % heads) * head_dim
    }

    /// The block's queries, from values that have the heads of a token side by side.
    fn tokens<'b>(&self, values: &'b [f32], block: Block) -> Matrix<'b> {
        let Heads { heads, head_dim, .. } = self.attended.heads;
        Matrix::strided(&values[self.start(block)..], block.queries, head_dim, heads * head_dim)
    }

    /// The block's attention weights, once more.
    fn weights(&self, target: &mut [f32], logarithms: &[f32], block: Block) {
        self.attended.scores(target, self.query_head, self.key_head, block);
        vectorized(
            #[inline(always)]
            || {
                for (row, weights) in target.chunks_exact_mut(block.keys).enumerate() {
                    let visible = self.attended.visible(self.batch(), block, row);
                    weights[..visible.start].fill(0.0);
                    weights[visible.end..].fill(0.0);
                    exponentials(&mut weights[visible], logarithms[row]);
                }
            },
        );
    }

    /// The gradients of the block's scores.
    fn score_gradients(&self, target: &mut [f32], weights: &[f32], block: Block) {
        let Heads { heads, head_dim, .. } = self.attended.heads;
        let values = self.attended.keys(self.attended.value, self.key_head, block).transposed();
        multiply(target, Store::Replace, 1.0, self.tokens(self.gradient, block), values, Threads::One);
        let (start, stride) = (self.start(block), heads * head_dim);
        vectorized(
            #[inline(always)]
            || {
                let rows = target.chunks_exact_mut(block.keys).zip(weights.chunks_exact(block.keys));
                for (row, (target, weights)) in rows.enumerate() {
                    let token = start + row * stride..start + row * stride + head_dim;
                    let mean = sum_by(&self.gradient[token.clone()], &self.output[token], |left, right| {
                        left * right
                    });
                    for (target, weight) in target.iter_mut().zip(weights) {
                        *target = weight * (*target - mean);
                    }
                }
            },
        );
    }

    /// `∂Q (+)= ∂S K`
    fn query_gradients(&self, query: &mut [f32], store: Store, scores: &[f32], block: Block) {
        let scores = Matrix::new(scores, block.queries, block.keys);
        let keys = self.attended.keys(self.attended.key, self.key_head, block);
        multiply(query, store, self.attended.scale(), scores, keys, Threads::One);
    }

    /// `∂K += ∂Sᵀ Q` and `∂V += Pᵀ g`
    fn key_value_gradients(
        &self,
        key: &mut [f32],
        value: &mut [f32],
        scores: &[f32],
        weights: &[f32],
        block: Block,
    ) {
        let [scores, weights] = [scores, weights]
            .map(|block_values| Matrix::new(block_values, block.queries, block.keys).transposed());
        let queries = self.attended.queries(self.attended.query, self.query_head, block);
        multiply(key, Store::Add, self.attended.scale(), scores, queries, Threads::One);
        multiply(value, Store::Add, 1.0, weights, self.tokens(self.gradient, block), Threads::One);
    }
}
