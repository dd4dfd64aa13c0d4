//! What the head is asked, where its gradients go, and one token's loss: what both precisions share.

use crate::{
    Precision,
    cpu::kernels::vector::{exponentials, maximum},
};

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
    pub(super) fn are_wanted(&self) -> bool {
        self.hidden.is_some() || self.weight.is_some()
    }
}

/// One token's loss; where a scale is given, its logits become their gradients, `scale · (softmax − [target])`.
#[inline(always)]
pub(super) fn row_loss(logits: &mut [f32], target: usize, scale: Option<f32>) -> f32 {
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
