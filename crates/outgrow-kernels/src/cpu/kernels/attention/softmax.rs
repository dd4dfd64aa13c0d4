//! A row's softmax, built up from one block of keys after the other (arXiv 1805.02867).

use std::ops::Range;

use crate::cpu::kernels::{
    value::Value,
    vector::{exponential, exponentials, maximum},
};

/// What is known of a row's softmax after the keys so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Softmax {
    /// The largest scaled score.
    pub(crate) largest: f32,
    /// The sum of the weights, relative to the largest.
    pub(crate) sum: f32,
}

impl Softmax {
    /// Of no keys.
    pub(crate) const EMPTY: Self = Self { largest: f32::NEG_INFINITY, sum: 0.0 };

    /// Makes the visible scores, times `factor`, weights relative to the largest so far, and the others zero. Gives
    /// what the weights made before have to be multiplied by. The factor is positive. Weights are rounded to `T`, and
    /// add up as they are multiplied: else what all values have in common would come out of the average a little larger
    /// or smaller.
    #[inline(always)]
    pub(crate) fn extend<T: Value>(&mut self, scores: &mut [f32], factor: f32, visible: Range<usize>) -> f32 {
        let (before, rest) = scores.split_at_mut(visible.start);
        let (seen, after) = rest.split_at_mut(visible.end - visible.start);
        before.fill(0.0);
        after.fill(0.0);
        if seen.is_empty() {
            return 1.0;
        }
        let found = factor * maximum(seen);
        let largest = if found > self.largest { found } else { self.largest };
        let rescale = exponential(self.largest - largest);
        self.sum = self.sum * rescale + exponentials::<T>(seen, factor, largest);
        self.largest = largest;
        rescale
    }
}

/// `row ← factor · row`
#[inline(always)]
pub(crate) fn scale(row: &mut [f32], factor: f32) {
    for value in row {
        *value *= factor;
    }
}
