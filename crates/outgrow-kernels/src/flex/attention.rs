//! Causal attention over heads `[batch, heads, sequence, head_dim]`, and its gradients, in memory linear in the sequence.
//!
//! A task has one key-value head of one sequence and goes through its queries in blocks: scores of a block against all that it sees,
//! softmax, product with the values. For the gradients the scores are made again; one number a query, the logarithm of its
//! softmax's denominator, is kept. (The blocks of arXiv 2205.14135, without its running rescaling: a block's scores against a whole
//! sequence fit the cache.)

use rayon::prelude::*;

use super::{
    buffers::Buffer,
    matrix::{Into, Matrix, Threads, multiply},
    rotary::Heads,
    vector::{exponentials, maximum, sum_by, vectorized},
};

/// What attention is computed between.
#[derive(Clone, Copy, Debug)]
pub struct Attended<'a> {
    /// `[batch, heads, sequence, head_dim]`
    pub query: &'a [f32],
    /// `[batch, key_value_heads, sequence, head_dim]`
    pub key: &'a [f32],
    /// `[batch, key_value_heads, sequence, head_dim]`
    pub value: &'a [f32],
    /// How the queries lie.
    pub heads: Heads,
    /// Heads of keys and values; a divisor of the query's.
    pub key_value_heads: usize,
    /// `[batch, sequence]`: the first position that a position sees, where documents are packed. It never falls along a sequence.
    pub first_visible: Option<&'a [u32]>,
}

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

/// A block of queries of one head, and the keys that it sees.
#[derive(Clone, Copy, Debug)]
struct Block {
    first_query: usize,
    queries: usize,
    first_key: usize,
    keys: usize,
}

impl Attended<'_> {
    fn group(&self) -> usize {
        self.heads.heads / self.key_value_heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.heads.head_dim as f32).sqrt()
    }

    /// Queries that are done at once: fewer for a long sequence, so that their scores stay in the second-level cache.
    fn block_queries(&self) -> usize {
        (65_536 / self.heads.sequence.max(1)).clamp(16, 64)
    }

    fn first_visible(&self, batch: usize, position: usize) -> usize {
        self.first_visible.map_or(0, |first| first[batch * self.heads.sequence + position] as usize)
    }

    fn blocks(&self, batch: usize) -> impl Iterator<Item = Block> {
        let sequence = self.heads.sequence;
        let size = self.block_queries();
        (0..sequence).step_by(size).map(move |first_query| {
            let queries = size.min(sequence - first_query);
            let first_key = self.first_visible(batch, first_query);
            Block { first_query, queries, first_key, keys: first_query + queries - first_key }
        })
    }

    /// Where key-value head `index` (of all sequences) has its rows, as a matrix of the block's keys.
    fn keys<'b>(&self, values: &'b [f32], index: usize, block: Block) -> Matrix<'b> {
        let Heads { sequence, head_dim, .. } = self.heads;
        let start = (index * sequence + block.first_key) * head_dim;
        Matrix::new(&values[start..start + block.keys * head_dim], block.keys, head_dim)
    }

    /// The block's queries of query head `index` (of all sequences).
    fn queries<'b>(&self, values: &'b [f32], index: usize, block: Block) -> Matrix<'b> {
        let Heads { sequence, head_dim, .. } = self.heads;
        let start = (index * sequence + block.first_query) * head_dim;
        Matrix::new(&values[start..start + block.queries * head_dim], block.queries, head_dim)
    }

    /// The scores of a block, scaled but not masked.
    fn scores(&self, target: &mut [f32], query_head: usize, key_head: usize, block: Block) {
        let query = self.queries(self.query, query_head, block);
        let key = self.keys(self.key, key_head, block).transposed();
        multiply(target, Into::Fresh, self.scale(), query, key, Threads::One);
    }

    /// The keys of a block that one of its queries sees.
    fn visible(&self, batch: usize, block: Block, row: usize) -> std::ops::Range<usize> {
        let position = block.first_query + row;
        self.first_visible(batch, position) - block.first_key..position + 1 - block.first_key
    }
}

/// Writes the attended values, in the query's layout, and for each query the logarithm of its softmax's denominator.
pub fn attend(output: &mut [f32], logarithms: &mut [f32], attended: Attended<'_>) {
    let Heads { sequence, head_dim, .. } = attended.heads;
    let group = attended.group();
    let parts = output.par_chunks_mut(group * sequence * head_dim);
    parts.zip(logarithms.par_chunks_mut(group * sequence)).enumerate().for_each(
        |(key_head, (output, logarithms))| {
            let batch = key_head / attended.key_value_heads;
            let mut scores = Buffer::new(attended.block_queries() * sequence);
            for member in 0..group {
                let output = &mut output[member * sequence * head_dim..][..sequence * head_dim];
                let logarithms = &mut logarithms[member * sequence..][..sequence];
                for block in attended.blocks(batch) {
                    let scores = &mut scores[..block.queries * block.keys];
                    attended.scores(scores, key_head * group + member, key_head, block);
                    let output = &mut output[block.first_query * head_dim..][..block.queries * head_dim];
                    let logarithms = &mut logarithms[block.first_query..][..block.queries];
                    vectorized(
                        #[inline(always)]
                        || {
                            for (row, scores) in scores.chunks_exact_mut(block.keys).enumerate() {
                                logarithms[row] = softmax(scores, attended.visible(batch, block, row));
                            }
                        },
                    );
                    let weights = Matrix::new(scores, block.queries, block.keys);
                    let values = attended.keys(attended.value, key_head, block);
                    multiply(output, Into::Fresh, 1.0, weights, values, Threads::One);
                }
            }
        },
    );
}

/// Makes a row of scores the weights of its visible part, zero elsewhere, and gives the logarithm of the denominator.
#[inline(always)]
fn softmax(scores: &mut [f32], visible: std::ops::Range<usize>) -> f32 {
    let (before, rest) = scores.split_at_mut(visible.start);
    let (seen, after) = rest.split_at_mut(visible.end - visible.start);
    before.fill(0.0);
    after.fill(0.0);
    let largest = maximum(seen);
    let sum = exponentials(seen, largest);
    let share = 1.0 / sum;
    for weight in seen {
        *weight *= share;
    }
    largest + sum.ln()
}

/// Writes the gradients, from the output's gradient and the output itself (both `[batch, sequence, heads, head_dim]`, as the output
/// projection has them) and the logarithms of [`attend`].
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
        let mut scores = Buffer::new(attended.block_queries() * sequence);
        let mut weights = Buffer::new(attended.block_queries() * sequence);
        for member in 0..group {
            let head =
                OneHead { attended, key_head, query_head: key_head * group + member, gradient, output };
            let logarithms = &logarithms[head.query_head * sequence..][..sequence];
            for block in attended.blocks(key_head / attended.key_value_heads) {
                let size = block.queries * block.keys;
                let (scores, weights) = (&mut scores[..size], &mut weights[..size]);
                head.weights(weights, &logarithms[block.first_query..], block);
                head.score_gradients(scores, weights, block);
                let rows = block.first_key * head_dim..(block.first_key + block.keys) * head_dim;
                let transposed = Matrix::new(weights, block.queries, block.keys).transposed();
                multiply(
                    &mut value[rows.clone()],
                    Into::Sum,
                    1.0,
                    transposed,
                    head.tokens(gradient, block),
                    Threads::One,
                );
                let scores = Matrix::new(scores, block.queries, block.keys);
                let query_rows = (member * sequence + block.first_query) * head_dim;
                let query = &mut query[query_rows..query_rows + block.queries * head_dim];
                let scale = attended.scale();
                multiply(
                    query,
                    Into::Fresh,
                    scale,
                    scores,
                    attended.keys(attended.key, key_head, block),
                    Threads::One,
                );
                let queries = attended.queries(attended.query, head.query_head, block);
                multiply(&mut key[rows], Into::Sum, scale, scores.transposed(), queries, Threads::One);
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
        multiply(target, Into::Fresh, 1.0, self.tokens(self.gradient, block), values, Threads::One);
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
}
