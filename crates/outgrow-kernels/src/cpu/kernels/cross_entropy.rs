//! The output head and the cross-entropy of the next token in one, a chunk of tokens at a time: the logits are never
//! there as a whole.
//!
//! The gradients are made on the way forward, while a chunk's logits are at hand, so that no logit is computed twice.
//! Here is what both precisions share; each has a file of its own.

mod in_bf16;
mod in_f32;

use super::vector::{exponentials, maximum};
use crate::Precision;

/// The head and what it is asked to predict.
#[derive(Clone, Copy, Debug)]
pub struct Prediction<'a> {
    /// `[tokens, hidden]`
    pub hidden: &'a [f32],
    /// `[vocabulary, hidden]`
    pub weight: &'a [f32],
    /// `[tokens]`, each below `vocabulary`.
    pub targets: &'a [i32],
    /// Multiplied into the loss and its gradients.
    pub scale: f32,
    /// What matrices are multiplied in.
    pub precision: Precision,
}

/// Where the gradients go; what is `None` is not computed.
#[derive(Debug, Default)]
pub struct PredictionGradients<'a> {
    /// `[tokens, hidden]`
    pub hidden: Option<&'a mut [f32]>,
    /// `[vocabulary, hidden]`
    pub weight: Option<&'a mut [f32]>,
}

impl PredictionGradients<'_> {
    fn are_wanted(&self) -> bool {
        self.hidden.is_some() || self.weight.is_some()
    }
}

/// `scale · Σ −log softmax(hidden · weightᵀ)[target]` over the tokens, in nats, and its gradients.
pub fn linear_cross_entropy(prediction: Prediction<'_>, gradients: PredictionGradients<'_>) -> f32 {
    let losses = match prediction.precision {
        Precision::F32 => in_f32::losses(prediction, gradients),
        Precision::Bf16 => in_bf16::losses(prediction, gradients),
    };
    (f64::from(prediction.scale) * losses.iter().map(|&loss| f64::from(loss)).sum::<f64>()) as f32
}

/// One token's loss; where a scale is given, its logits become their gradients, `scale · (softmax − [target])`.
#[inline(always)]
fn row_loss(logits: &mut [f32], target: usize, scale: Option<f32>) -> f32 {
    let largest = maximum(logits);
    let chosen = logits[target] - largest;
    let sum = exponentials::<f32>(logits, 1.0, largest);
    if let Some(scale) = scale {
        let share = scale / sum;
        for value in &mut *logits {
            *value *= share;
        }
        logits[target] -= scale;
    }
    sum.ln() - chosen
}
