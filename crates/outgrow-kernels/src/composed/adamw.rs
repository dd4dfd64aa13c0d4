//! AdamW and the sum of squares, element by element.

use burn::tensor::Tensor;

use crate::{AdamWParameter, AdamWStep};

/// One update: `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`,
/// `w ← keep·w − step_size · m / (sqrt(v) · inverse_root_correction + ε)`.
pub fn adamw(parameter: AdamWParameter, gradient: Tensor<1>, step: AdamWStep) -> AdamWParameter {
    let gradient = gradient * step.gradient_scale;
    let square = gradient.clone().square() * (1.0 - step.beta2);
    let exp_avg = parameter.exp_avg * step.beta1 + gradient * (1.0 - step.beta1);
    let exp_avg_sq = parameter.exp_avg_sq * step.beta2 + square;
    let denominator = exp_avg_sq.clone().sqrt() * step.inverse_root_correction + step.epsilon;
    let change = exp_avg.clone() * step.step_size / denominator;
    AdamWParameter { weight: parameter.weight * step.keep - change, exp_avg, exp_avg_sq }
}

/// `Σ x²`, as a tensor `[1]`.
pub fn sum_of_squares(values: Tensor<1>) -> Tensor<1> {
    values.square().sum()
}
