//! Biases of projections: added to rows, and their gradients, which are sums over rows.
//!
//! Those of queries, keys and values are added where heads are split (rotary.rs), in a pass that is made anyway.

use rayon::prelude::*;

use super::{buffers::Buffer, dispatch::vectorized, rotary::Columns, value::Value};

/// Rows that one task does. Sums over rows are made in blocks of so many, whatever the number of threads.
const ROWS: usize = 32;

/// Adds a bias to each row.
pub(crate) fn add_bias(rows: &mut [f32], bias: &[f32]) {
    rows.par_chunks_mut(ROWS * bias.len()).for_each(|rows| {
        vectorized(
            #[inline(always)]
            || {
                for row in rows.chunks_exact_mut(bias.len()) {
                    for (value, bias) in row.iter_mut().zip(bias) {
                        *value += bias;
                    }
                }
            },
        );
    });
}

/// The gradient of a bias, `Σ g` over the rows of a gradient, of which it is so many columns: each block of rows by
/// itself, then the blocks in order.
pub(crate) fn bias_gradient<T: Value>(target: &mut [f32], gradient: &[T], columns: Columns) {
    let (width, Columns { first, row_width }) = (target.len(), columns);
    let rows = gradient.len() / row_width;
    let mut blocks = Buffer::new(rows.div_ceil(ROWS) * width);
    let parts = blocks.par_chunks_mut(width).zip(gradient.par_chunks(ROWS * row_width));
    parts.for_each(|(part, gradient)| {
        vectorized(
            #[inline(always)]
            || {
                part.fill(0.0);
                for row in gradient.chunks_exact(row_width) {
                    for (part, gradient) in part.iter_mut().zip(&row[first..]) {
                        *part += gradient.widen();
                    }
                }
            },
        );
    });
    target.fill(0.0);
    for part in blocks.chunks_exact(width) {
        for (target, part) in target.iter_mut().zip(part) {
            *target += part;
        }
    }
}
