//! The output head and the cross-entropy of the next token in one, a chunk of tokens at a time: the logits are never there as a whole.
//!
//! The gradients are made on the way forward, while a chunk's logits are at hand, so that no logit is computed twice.

use rayon::prelude::*;

use super::{
    buffers::Buffer,
    matrix::{Matrix, Store, Threads, multiply},
    vector::{exponentials, maximum, vectorized},
};

/// Logits that exist at once: 16 MiB.
const LOGITS: usize = 4 << 20;

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
}

/// Where the gradients go; what is `None` is not computed.
#[derive(Debug, Default)]
pub struct Gradients<'a> {
    /// `[tokens, hidden]`
    pub hidden: Option<&'a mut [f32]>,
    /// `[vocabulary, hidden]`
    pub weight: Option<&'a mut [f32]>,
}

/// `scale · Σ −log softmax(hidden · weightᵀ)[target]` over the tokens, in nats, and its gradients.
pub fn linear_cross_entropy(prediction: Prediction<'_>, mut gradients: Gradients<'_>) -> f32 {
    let Prediction { hidden, weight, targets, scale } = prediction;
    let width = hidden.len() / targets.len();
    let vocabulary = weight.len() / width;
    let chunk = (LOGITS / vocabulary).clamp(64, 1024).min(targets.len());
    let mut logits = Buffer::new(chunk * vocabulary);
    let mut losses = vec![0.0; targets.len()];
    let wanted = gradients.hidden.is_some() || gradients.weight.is_some();
    let weight = Matrix::new(weight, vocabulary, width);
    for (index, targets) in targets.chunks(chunk).enumerate() {
        let (first, tokens) = (index * chunk, targets.len());
        let logits = &mut logits[..tokens * vocabulary];
        let hidden = Matrix::new(&hidden[first * width..(first + tokens) * width], tokens, width);
        multiply(logits, Store::Replace, 1.0, hidden, weight.transposed(), Threads::All);
        let rows = logits.par_chunks_exact_mut(vocabulary).zip(&mut losses[first..first + tokens]);
        rows.zip(targets).for_each(|((logits, loss), &target)| {
            vectorized(
                #[inline(always)]
                || *loss = row_loss(logits, target as usize, wanted.then_some(scale)),
            );
        });
        let logits = Matrix::new(logits, tokens, vocabulary);
        if let Some(gradient) = &mut gradients.hidden {
            let gradient = &mut gradient[first * width..(first + tokens) * width];
            multiply(gradient, Store::Replace, 1.0, logits, weight, Threads::All);
        }
        if let Some(gradient) = &mut gradients.weight {
            let store = if index == 0 { Store::Replace } else { Store::Add };
            multiply(gradient, store, 1.0, logits.transposed(), hidden, Threads::All);
        }
    }
    (f64::from(scale) * losses.iter().map(|&loss| f64::from(loss)).sum::<f64>()) as f32
}

/// One token's loss; where a scale is given, its logits become their gradients, `scale · (softmax − [target])`.
#[inline(always)]
fn row_loss(logits: &mut [f32], target: usize, scale: Option<f32>) -> f32 {
    let largest = maximum(logits);
    let chosen = logits[target] - largest;
    let sum = exponentials(logits, largest);
    if let Some(scale) = scale {
        let share = scale / sum;
        for value in &mut *logits {
            *value *= share;
        }
        logits[target] -= scale;
    }
    sum.ln() - chosen
}
