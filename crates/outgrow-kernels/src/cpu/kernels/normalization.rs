//! Root-mean-square normalisation of rows, and its gradient.
//!
//! With `r = (mean(x²) + ε)^(−½)`, `y = x · r · w` (arXiv 1910.07467). Only `r`, one number per row, is kept for the
//! gradient.

use rayon::prelude::*;

use super::{buffers::Buffer, dispatch::vectorized, matrix::Store, value::Value, vector::sum_by};

/// Rows that one task does. Sums over rows are made in blocks of so many, whatever the number of threads.
const ROWS: usize = 32;

/// Writes the normalised rows of `input` and, for each row, its `r`.
pub fn normalize<T: Value>(
    output: &mut [T],
    inverse_roots: &mut [f32],
    input: &[f32],
    weight: &[f32],
    epsilon: f32,
) {
    let width = weight.len();
    let blocks = output.par_chunks_mut(ROWS * width).zip(inverse_roots.par_chunks_mut(ROWS));
    blocks.zip(input.par_chunks(ROWS * width)).for_each(|((output, inverse_roots), input)| {
        vectorized(
            #[inline(always)]
            || {
                let rows = output.chunks_exact_mut(width).zip(input.chunks_exact(width));
                for ((output, input), inverse_root) in rows.zip(inverse_roots) {
                    let mean = sum_by(input, input, |left, right| left * right) / width as f32;
                    *inverse_root = 1.0 / (mean + epsilon).sqrt();
                    scale_row(output, input, weight, *inverse_root);
                }
            },
        );
    });
}

/// Writes the normalised rows again, from the `r` of the first time.
pub(crate) fn normalize_again<T: Value>(
    output: &mut [T],
    inverse_roots: &[f32],
    input: &[f32],
    weight: &[f32],
) {
    let width = weight.len();
    let blocks = output.par_chunks_mut(ROWS * width).zip(inverse_roots.par_chunks(ROWS));
    blocks.zip(input.par_chunks(ROWS * width)).for_each(|((output, inverse_roots), input)| {
        vectorized(
            #[inline(always)]
            || {
                let rows = output.chunks_exact_mut(width).zip(input.chunks_exact(width));
                for ((output, input), &inverse_root) in rows.zip(inverse_roots) {
                    scale_row(output, input, weight, inverse_root);
                }
            },
        );
    });
}

/// What the gradient is computed from.
#[derive(Clone, Copy, Debug)]
pub struct Normalized<'a> {
    /// The rows that were normalised.
    pub input: &'a [f32],
    /// The weight.
    pub weight: &'a [f32],
    /// Each row's `r`.
    pub inverse_roots: &'a [f32],
}

/// The gradient of the input, written or added to what is there: `r · (w·g − x · r² · mean(w·g·x))`.
pub fn input_gradient<T: Value>(target: &mut [f32], store: Store, gradient: &[T], saved: Normalized<'_>) {
    let width = saved.weight.len();
    let blocks = target.par_chunks_mut(ROWS * width).zip(gradient.par_chunks(ROWS * width));
    let saved_blocks = saved.input.par_chunks(ROWS * width).zip(saved.inverse_roots.par_chunks(ROWS));
    blocks.zip(saved_blocks).for_each(|((target, gradient), (input, inverse_roots))| {
        vectorized(
            #[inline(always)]
            || {
                let rows = target.chunks_exact_mut(width).zip(gradient.chunks_exact(width));
                let saved_rows = input.chunks_exact(width).zip(inverse_roots);
                for ((target, gradient), (input, &inverse_root)) in rows.zip(saved_rows) {
                    let weighted = weighted_product(gradient, input, saved.weight) / width as f32;
                    let pull = weighted * inverse_root * inverse_root * inverse_root;
                    let values = target.iter_mut().zip(gradient).zip(input).zip(saved.weight);
                    for (((target, gradient), input), weight) in values {
                        let before = if store == Store::Add { *target } else { 0.0 };
                        *target = before + (gradient.widen() * weight * inverse_root - input * pull);
                    }
                }
            },
        );
    });
}

/// The gradient of the weight, `Σ g · x · r` over the rows: each block of rows by itself, then the blocks in order.
pub fn weight_gradient<T: Value>(target: &mut [f32], gradient: &[T], saved: Normalized<'_>) {
    let width = target.len();
    let rows = saved.inverse_roots.len();
    let mut blocks = Buffer::new(rows.div_ceil(ROWS) * width);
    let inputs = saved.input.par_chunks(ROWS * width).zip(saved.inverse_roots.par_chunks(ROWS));
    let parts = blocks.par_chunks_mut(width).zip(gradient.par_chunks(ROWS * width));
    parts.zip(inputs).for_each(|((part, gradient), (input, inverse_roots))| {
        vectorized(
            #[inline(always)]
            || {
                part.fill(0.0);
                let rows = gradient.chunks_exact(width).zip(input.chunks_exact(width));
                for ((gradient, input), &inverse_root) in rows.zip(inverse_roots) {
                    for ((part, gradient), input) in part.iter_mut().zip(gradient).zip(input) {
                        *part += gradient.widen() * input * inverse_root;
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

#[inline(always)]
fn scale_row<T: Value>(output: &mut [T], input: &[f32], weight: &[f32], inverse_root: f32) {
    for ((output, input), weight) in output.iter_mut().zip(input).zip(weight) {
        *output = T::narrow(input * inverse_root * weight);
    }
}

/// `Σ g · x · w` of one row.
#[inline(always)]
fn weighted_product<T: Value>(gradient: &[T], input: &[f32], weight: &[f32]) -> f32 {
    const LANES: usize = super::vector::LANES;
    let (gradients, gradient_rest) = gradient.as_chunks::<LANES>();
    let (inputs, input_rest) = input.as_chunks::<LANES>();
    let (weights, weight_rest) = weight.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for ((gradient, input), weight) in gradients.iter().zip(inputs).zip(weights) {
        for lane in 0..LANES {
            sums[lane] += gradient[lane].widen() * input[lane] * weight[lane];
        }
    }
    let rest = gradient_rest.iter().zip(input_rest).zip(weight_rest);
    let rest: f32 = rest.map(|((gradient, input), weight)| gradient.widen() * input * weight).sum();
    sum_by(&sums, &[1.0; LANES], |sum, one| sum * one) + rest
}
