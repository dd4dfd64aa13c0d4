//! The head and its loss with products of bf16: a chunk's logits are rounded to it, and so are their gradients. The
//! softmax and all sums are in f32.

use half::bf16;
use rayon::prelude::*;

use super::prediction::{Prediction, PredictionGradients, row_loss};
use crate::cpu::kernels::{
    buffers::{Buffer, HalfBuffer},
    dispatch::vectorized,
    matrix::{Matrix, Store, Threads, multiply_bf16},
    value::{convert, narrowed},
};

/// Logits that exist at once: 64 MiB. Each chunk adds to the gradient of the whole head, so there should be few.
const LOGITS: usize = 32 << 20;

/// [`super::linear_cross_entropy`] in bf16: each token's loss, without the scale.
pub(super) fn losses(prediction: Prediction<'_>, mut gradients: PredictionGradients<'_>) -> Vec<f32> {
    let Prediction { hidden, weight, targets, scale, .. } = prediction;
    let width = hidden.len() / targets.len();
    let vocabulary = weight.len() / width;
    let chunk = (LOGITS / vocabulary).clamp(64, 1024).min(targets.len());
    let mut logits = HalfBuffer::new(chunk * vocabulary);
    let mut losses = vec![0.0; targets.len()];
    let gradient_scale = gradients.are_wanted().then_some(scale);
    let weight = narrowed(&[weight]);
    let weight = Matrix::new(&weight, vocabulary, width);
    for (index, targets) in targets.chunks(chunk).enumerate() {
        let (first, tokens) = (index * chunk, targets.len());
        let logits = &mut logits[..tokens * vocabulary];
        let hidden = narrowed(&[&hidden[first * width..][..tokens * width]]);
        let hidden = Matrix::new(&hidden, tokens, width);
        multiply_bf16(logits, Store::Replace, hidden, weight.transposed(), Threads::All);
        rows_losses(&mut losses[first..first + tokens], logits, targets, gradient_scale);
        let logits = Matrix::new(logits, tokens, vocabulary);
        if let Some(gradient) = &mut gradients.hidden {
            let gradient = &mut gradient[first * width..][..tokens * width];
            multiply_bf16(gradient, Store::Replace, logits, weight, Threads::All);
        }
        if let Some(gradient) = &mut gradients.weight {
            let store = if index == 0 { Store::Replace } else { Store::Add };
            multiply_bf16(gradient, store, logits.transposed(), hidden, Threads::All);
        }
    }
    losses
}

/// The losses of a chunk's tokens; where a scale is given, the logits become their gradients.
fn rows_losses(losses: &mut [f32], logits: &mut [bf16], targets: &[i32], scale: Option<f32>) {
    let vocabulary = logits.len() / targets.len();
    let rows = logits.par_chunks_exact_mut(vocabulary).zip(losses).zip(targets);
    rows.for_each_init(
        || Buffer::new(vocabulary),
        |row, ((logits, loss), &target)| {
            vectorized(
                #[inline(always)]
                || {
                    convert(row, logits);
                    *loss = row_loss(row, target as usize, scale);
                    if scale.is_some() {
                        convert(logits, row);
                    }
                },
            );
        },
    );
}
