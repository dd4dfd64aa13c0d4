//! The output head and the cross-entropy of the next token in one, a chunk of tokens at a time: the logits are never
//! there as a whole.
//!
//! The gradients are made on the way forward, while a chunk's logits are at hand, so that no logit is computed twice.
//! Each precision has a file of its own.

mod prediction;

mod in_bf16;
mod in_f32;

pub use prediction::{Prediction, PredictionGradients};

use crate::Precision;

/// `scale · Σ −log softmax(hidden · weightᵀ)[target]` over the tokens, in nats, and its gradients.
pub fn linear_cross_entropy(prediction: Prediction<'_>, gradients: PredictionGradients<'_>) -> f32 {
    let losses = match prediction.precision {
        Precision::F32 => in_f32::losses(prediction, gradients),
        Precision::Bf16 => in_bf16::losses(prediction, gradients),
    };
    (f64::from(prediction.scale) * losses.iter().map(|&loss| f64::from(loss)).sum::<f64>()) as f32
}
