//! The head and its loss in f32.

use rayon::prelude::*;

use super::prediction::{Prediction, PredictionGradients, row_loss};
use crate::cpu::kernels::{
    buffers::Buffer,
    dispatch::vectorized,
    matrix::{Matrix, Store, Threads, multiply},
};

/// Logits that exist at once: 16 MiB.
const LOGITS: usize = 4 << 20;

/// [`super::linear_cross_entropy`] in f32: each token's loss, without the scale.
pub(super) fn losses(prediction: Prediction<'_>, mut gradients: PredictionGradients<'_>) -> Vec<f32> {
    let Prediction { hidden, weight, targets, scale, .. } = prediction;
    let width = hidden.len() / targets.len();
    let vocabulary = weight.len() / width;
    let chunk = (LOGITS / vocabulary).clamp(64, 1024).min(targets.len());
    let mut logits = Buffer::new(chunk * vocabulary);
    let mut losses = vec![0.0; targets.len()];
    let wanted = gradients.are_wanted();
    let weight = Matrix::new(weight, vocabulary, width);
    for (index, targets) in targets.chunks(chunk).enumerate() {
        let (first, tokens) = (index * chunk, targets.len());
        let logits = &mut logits[..tokens * vocabulary];
        let hidden = Matrix::new(&hidden[first * width..(first + tokens) * width], tokens, width);
        multiply(logits, Store::Replace, hidden, weight.transposed(), Threads::All);
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
            multiply(gradient, Store::Replace, logits, weight, Threads::All);
        }
        if let Some(gradient) = &mut gradients.weight {
            let store = if index == 0 { Store::Replace } else { Store::Add };
            multiply(gradient, store, logits.transposed(), hidden, Threads::All);
        }
    }
    losses
}
