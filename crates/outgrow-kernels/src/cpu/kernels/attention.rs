//! Causal attention over heads `[batch, heads, sequence, head_dim]`, and its gradients, in memory linear in the
//! sequence.
//!
//! A task has one head of one sequence, or on the way back one of keys and values with all its queries'. It goes
//! through the queries in blocks, and for each through the keys that it sees in blocks: scores, running softmax,
//! product with the values (arXiv 2205.14135). For the gradients the scores are made again; one number per query, the
//! logarithm of its softmax's denominator, is kept. A block's scores fit the second-level cache. With queries, keys and
//! values of bf16, weights and the scores' gradients are rounded to it before they are multiplied; all else is f32.
//! Here is how a sequence is cut into blocks.

mod backward;
mod forward;
mod softmax;

use std::ops::Range;

pub use backward::{AttentionGradients, AttentionOutput, attend_gradients};
pub use forward::attend;
pub(crate) use softmax::{Softmax, scale};

use super::{
    matrix::{Matrix, Store, Threads},
    rotary::Heads,
    value::Value,
};

/// Keys that are done at once.
const KEYS: usize = 512;

/// The most queries of a block.
const MOST_QUERIES: usize = 128;

/// What attention is computed between.
#[derive(Clone, Copy, Debug)]
pub struct Attended<'a, T = f32> {
    /// `[batch, heads, sequence, head_dim]`
    pub query: &'a [T],
    /// `[batch, key_value_heads, sequence, head_dim]`
    pub key: &'a [T],
    /// `[batch, key_value_heads, sequence, head_dim]`
    pub value: &'a [T],
    /// How the queries lie.
    pub heads: Heads,
    /// Heads of keys and values; a divisor of the query's.
    pub key_value_heads: usize,
    /// `[batch, sequence]`: the first position that a position sees, where documents are packed. It never falls along a
    /// sequence.
    pub first_visible: Option<&'a [u32]>,
}

/// A block of queries of one head, and a block of keys.
#[derive(Clone, Copy, Debug)]
struct Block {
    first_query: usize,
    queries: usize,
    first_key: usize,
    keys: usize,
}

impl Block {
    /// The same queries with their keys in blocks, from the first on.
    fn by_keys(self) -> impl Iterator<Item = Self> {
        (0..self.keys).step_by(KEYS).map(move |start| {
            let keys = KEYS.min(self.keys - start);
            Self { first_key: self.first_key + start, keys, ..self }
        })
    }
}

impl<T: Value> Attended<'_, T> {
    fn group(&self) -> usize {
        self.heads.heads / self.key_value_heads
    }

    /// Queries that are done at once. In a short sequence, larger blocks would see too much of what is masked.
    fn block_queries(&self) -> usize {
        if self.heads.sequence <= 512 { 64 } else { MOST_QUERIES }
    }

    /// Values of the largest block of scores.
    fn block_scores(&self) -> usize {
        self.block_queries() * KEYS.min(self.heads.sequence)
    }

    /// The keys of a block that one of its queries sees, counted from the block's first; none where all lie outside.
    fn visible(&self, batch: usize, block: Block, row: usize) -> Range<usize> {
        let position = block.first_query + row;
        let end = (position + 1).saturating_sub(block.first_key).min(block.keys);
        let start = self.first_visible(batch, position).saturating_sub(block.first_key);
        start.min(end)..end
    }

    fn first_visible(&self, batch: usize, position: usize) -> usize {
        self.first_visible.map_or(0, |first| first[batch * self.heads.sequence + position] as usize)
    }

    /// The blocks of a sequence's queries, each with all keys that one of them sees.
    fn blocks(&self, batch: usize) -> impl Iterator<Item = Block> {
        let sequence = self.heads.sequence;
        let size = self.block_queries();
        (0..sequence).step_by(size).map(move |first_query| {
            let queries = size.min(sequence - first_query);
            let first_key = self.first_visible(batch, first_query);
            Block { first_query, queries, first_key, keys: first_query + queries - first_key }
        })
    }

    /// The rows of head `index` (of all sequences).
    fn rows<'b>(&self, values: &'b [T], index: usize) -> &'b [T] {
        let size = self.heads.sequence * self.heads.head_dim;
        &values[index * size..][..size]
    }
}

/// One query head of one sequence and what it attends to, `[sequence, head_dim]` each.
#[derive(Clone, Copy, Debug)]
struct Head<'a, T> {
    query: &'a [T],
    key: &'a [T],
    value: &'a [T],
    head_dim: usize,
    /// Which sequence it is of.
    batch: usize,
}

impl<T: Value> Head<'_, T> {
    /// The block's keys, of values that have a row for each key.
    fn keys<'b>(&self, values: &'b [T], block: Block) -> Matrix<'b, T> {
        Matrix::new(&values[block.first_key * self.head_dim..], block.keys, self.head_dim)
    }

    /// The block's queries, of values that have a row for each query.
    fn queries<'b>(&self, values: &'b [T], block: Block) -> Matrix<'b, T> {
        Matrix::new(&values[block.first_query * self.head_dim..], block.queries, self.head_dim)
    }

    /// What scores are multiplied by.
    fn factor(&self) -> f32 {
        1.0 / (self.head_dim as f32).sqrt()
    }

    /// The scores of a block, neither scaled nor masked.
    fn scores(&self, target: &mut [f32], block: Block) {
        let (query, key) = (self.queries(self.query, block), self.keys(self.key, block));
        T::multiply(target, Store::Replace, query, key.transposed(), Threads::One);
    }
}
