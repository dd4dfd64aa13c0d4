//! Attention of rows to what was stored and to their own span.

use std::ops::Range;

use rayon::prelude::*;

use super::{KeyValueRows, Onward, ReadingLayer, ReadingShape, Rows, Span};
use crate::cpu::kernels::{
    attention::{Softmax, scale},
    buffers::Buffer,
    dispatch::vectorized,
    matrix::{Matrix, Store, Threads, multiply},
};

/// Queries that are done at once.
const QUERIES: usize = 64;

/// Keys that are done at once.
const KEYS: usize = 512;

/// One head's queries of one span.
struct Task<'a> {
    output: &'a mut [f32],
    head: usize,
    /// Row of the first query among all queries.
    first_query: usize,
    queries: usize,
    /// The span's own rows among the stored ones.
    own: Range<usize>,
    before: Range<usize>,
}

impl ReadingLayer<'_> {
    /// What attention gives, the heads of a row side by side, from queries that lie so too. The call's own rows begin
    /// at `first` among the stored ones.
    pub(super) fn attend(
        &self,
        query: &[f32],
        rows: &Rows,
        stored: &KeyValueRows,
        first: usize,
        onward: Onward,
    ) -> Buffer {
        let ReadingShape { heads, head_dim, .. } = self.shape;
        let count = query.len() / (heads * head_dim);
        let mut by_head = Buffer::new(query.len());
        let mut tasks = Vec::with_capacity(heads * rows.spans().len());
        for (head, output) in by_head.chunks_exact_mut(count * head_dim).enumerate() {
            tasks.extend(tasks_of(output, head, rows.spans(), head_dim, first, onward));
        }
        tasks.into_par_iter().for_each_init(
            || Buffer::new(QUERIES * KEYS),
            |scores, task| task.run(scores, self.shape, query, stored),
        );
        let asked: usize = rows.spans().iter().map(|span| queries(span, onward)).sum();
        let mut attended = Buffer::new(query.len());
        attended.par_chunks_mut(heads * head_dim).enumerate().with_min_len(16).for_each(|(row, target)| {
            for (head, target) in target.chunks_exact_mut(head_dim).enumerate() {
                let start = (head * count + row) * head_dim;
                if row < asked {
                    target.copy_from_slice(&by_head[start..start + head_dim]);
                } else {
                    target.fill(0.0);
                }
            }
        });
        attended
    }
}

fn queries(span: &Span, onward: Onward) -> usize {
    match onward {
        Onward::All => span.rows,
        Onward::Wanted => span.wanted,
    }
}

fn tasks_of<'a>(
    mut output: &'a mut [f32],
    head: usize,
    spans: &[Span],
    head_dim: usize,
    first: usize,
    onward: Onward,
) -> Vec<Task<'a>> {
    let (mut first_query, mut own) = (0, first);
    let mut tasks = Vec::with_capacity(spans.len());
    for span in spans {
        let queries = queries(span, onward);
        let (part, rest) = output.split_at_mut(queries * head_dim);
        output = rest;
        let rows = own..own + span.rows;
        if queries > 0 {
            tasks.push(Task {
                output: part,
                head,
                first_query,
                queries,
                own: rows,
                before: span.before.clone(),
            });
        }
        (first_query, own) = (first_query + queries, own + span.rows);
    }
    tasks
}

impl Task<'_> {
    fn run(self, scores: &mut [f32], shape: ReadingShape, query: &[f32], stored: &KeyValueRows) {
        let ReadingShape { heads, key_value_heads, head_dim, .. } = shape;
        let key_head = self.head / (heads / key_value_heads);
        let (query_width, key_width) = (heads * head_dim, key_value_heads * head_dim);
        let before = (self.before.start..self.before.end).step_by(KEYS);
        let before = before.map(|start| (start..(start + KEYS).min(self.before.end), false));
        let skipped = self.own.len() - self.queries;
        for (index, output) in self.output.chunks_mut(QUERIES * head_dim).enumerate() {
            let (first, count) = (index * QUERIES, output.len() / head_dim);
            // Own keys up to the block's last query.
            let last = self.own.start + skipped + first + count;
            let own =
                (self.own.start..last).step_by(KEYS).map(|start| (start..(start + KEYS).min(last), true));
            let start = (self.first_query + first) * query_width + self.head * head_dim;
            let block = Matrix::strided(&query[start..], count, head_dim, query_width);
            let mut softmaxes = [Softmax::EMPTY; QUERIES];
            for (index, (keys, causal)) in before.clone().chain(own).enumerate() {
                let start = keys.start * key_width + key_head * head_dim;
                let rows = |all| Matrix::strided(&(all as &[f32])[start..], keys.len(), head_dim, key_width);
                let scores = &mut scores[..count * keys.len()];
                multiply(scores, Store::Replace, block, rows(&stored.keys).transposed(), Threads::One);
                let visible = |row: usize| {
                    let seen = self.own.start + skipped + first + row + 1;
                    0..if causal { seen.saturating_sub(keys.start).min(keys.len()) } else { keys.len() }
                };
                weigh(scores, output, &mut softmaxes, [keys.len(), head_dim], index > 0, visible);
                let weights = Matrix::new(scores, count, keys.len());
                let store = if index == 0 { Store::Replace } else { Store::Add };
                multiply(output, store, weights, rows(&stored.values), Threads::One);
            }
            vectorized(
                #[inline(always)]
                || {
                    for (output, softmax) in output.chunks_exact_mut(head_dim).zip(&softmaxes) {
                        scale(output, 1.0 / softmax.sum);
                    }
                },
            );
        }
    }
}

/// Turns a block's scores into weights, and brings what was summed before to the same scale.
fn weigh(
    scores: &mut [f32],
    output: &mut [f32],
    softmaxes: &mut [Softmax],
    [keys, head_dim]: [usize; 2],
    rescales: bool,
    visible: impl Fn(usize) -> Range<usize>,
) {
    let factor = 1.0 / (head_dim as f32).sqrt();
    vectorized(
        #[inline(always)]
        || {
            let rows = scores.chunks_exact_mut(keys).zip(output.chunks_exact_mut(head_dim)).zip(softmaxes);
            for (row, ((scores, output), softmax)) in rows.enumerate() {
                let rescale = softmax.extend::<f32>(scores, factor, visible(row));
                if rescales {
                    scale(output, rescale);
                }
            }
        },
    );
}
