//! AdamW in one pass over memory, and the sum of squares that the clip factor comes from.

use rayon::prelude::*;

use super::{dispatch::vectorized, vector::sum_by};

/// Elements that one task does. Sums are made in blocks of so many, whatever the number of threads.
const ELEMENTS: usize = 16_384;

/// The numbers of one update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// `1 − ηλ`, or one where the parameter doesn't decay.
    pub keep: f32,
    /// Multiplied into the gradient: the clip factor.
    pub gradient_scale: f32,
    /// `β₁`
    pub beta1: f32,
    /// `β₂`
    pub beta2: f32,
    /// `η / (1 − β₁ᵗ)`
    pub step_size: f32,
    /// `1 / sqrt(1 − β₂ᵗ)`
    pub inverse_root_correction: f32,
    /// `ε`
    pub epsilon: f32,
}

/// A parameter's value and moments.
#[derive(Debug)]
pub struct Updated<'a> {
    /// The parameter.
    pub weight: &'a mut [f32],
    /// The running mean of its gradients.
    pub exp_avg: &'a mut [f32],
    /// The running mean of their squares.
    pub exp_avg_sq: &'a mut [f32],
}

/// Updates in place: `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`,
/// `w ← keep·w − step_size · m / (sqrt(v)·inverse_root_correction + ε)`.
pub fn update(updated: Updated<'_>, gradient: &[f32], step: Step) {
    let Updated { weight, exp_avg, exp_avg_sq } = updated;
    let moments = exp_avg.par_chunks_mut(ELEMENTS).zip(exp_avg_sq.par_chunks_mut(ELEMENTS));
    let parts = weight.par_chunks_mut(ELEMENTS).zip(moments).zip(gradient.par_chunks(ELEMENTS));
    parts.for_each(|((weight, (exp_avg, exp_avg_sq)), gradient)| {
        vectorized(
            #[inline(always)]
            || {
                let moments = exp_avg.iter_mut().zip(exp_avg_sq);
                for ((weight, (exp_avg, exp_avg_sq)), gradient) in
                    weight.iter_mut().zip(moments).zip(gradient)
                {
                    let gradient = gradient * step.gradient_scale;
                    *exp_avg = step.beta1 * *exp_avg + (1.0 - step.beta1) * gradient;
                    *exp_avg_sq = step.beta2 * *exp_avg_sq + (1.0 - step.beta2) * gradient * gradient;
                    let denominator = exp_avg_sq.sqrt() * step.inverse_root_correction + step.epsilon;
                    *weight = step.keep * *weight - step.step_size * *exp_avg / denominator;
                }
            },
        );
    });
}

/// `Σ x²`, block by block, the blocks in order and in f64.
pub fn sum_of_squares(values: &[f32]) -> f64 {
    let block = |values: &[f32]| {
        f64::from(vectorized(
            #[inline(always)]
            || sum_by(values, values, |left, right| left * right),
        ))
    };
    let blocks: Vec<f64> = values.par_chunks(ELEMENTS).map(block).collect();
    blocks.into_iter().sum()
}
