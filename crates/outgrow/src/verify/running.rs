//! What a model makes of a batch: loss, logits, the size of the residual stream after each layer, and gradients. It
//! compares nothing.

use std::collections::BTreeMap;

use outgrow_checkpoint::Checkpoint;
use outgrow_data::Batch;
use outgrow_kernels::{DeviceName, open_device};
use outgrow_model::Decoder;
use outgrow_train::accumulate;

use crate::error::Result;

const IS_F32: &str = "the decoder computes in f32";

/// Gradients by name, on the host, row-major.
pub(super) type HostGradients = BTreeMap<String, Vec<f32>>;

/// What came out of one model.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Mean next-token cross-entropy, in nats a token.
    pub loss: f64,
    /// `[tokens, vocab_size]`, row-major.
    pub logits: Vec<f32>,
    /// Root mean square of the residual stream after the embedding, and then after each layer.
    pub rms: Vec<f64>,
    /// Of the mean loss.
    pub gradients: HostGradients,
}

/// Runs the checkpoint's model on `device`, one sequence at a time.
///
/// # Errors
/// When the files can't be read or the sequences are too long.
pub(super) fn outcome(checkpoint: &Checkpoint, batch: &Batch, device: DeviceName) -> Result<Outcome> {
    let tensors = checkpoint.to_named_tensors()?;
    let decoder = Decoder::new(checkpoint.config(), &tensors, &open_device(device)?.autodiff())?;
    drop(tensors);
    let (loss, gradients) = accumulate(&decoder, batch, 1)?;
    let loss = f64::from(loss.into_scalar::<f32>());
    let gradients = gradients
        .into_iter()
        .map(|(name, gradient)| (name, gradient.into_data().try_into_vec().expect(IS_F32)))
        .collect();
    // A forward pass without a backward one has to run without autodiff: it would leave its tape behind.
    let decoder = decoder.inner();
    let mut logits = Vec::new();
    let mut squares = vec![0.0; checkpoint.config().num_hidden_layers + 1];
    for inputs in batch.inputs.chunks(batch.sequence_length) {
        let mut place = 0;
        let tokens = decoder.tokens(inputs, batch.sequence_length);
        let scores = decoder.logits_observed(tokens, &mut |hidden| {
            squares[place] += f64::from(hidden.clone().square().sum().into_scalar::<f32>());
            place += 1;
        })?;
        logits.extend(scores.into_data().try_into_vec::<f32>().expect(IS_F32));
    }
    let values = (batch.inputs.len() * checkpoint.config().hidden_size) as f64;
    let rms = squares.into_iter().map(|sum: f64| (sum / values).sqrt()).collect();
    Ok(Outcome { loss, logits, rms, gradients })
}

/// The 2-norm of some values.
pub(super) fn norm<'a>(values: impl Iterator<Item = &'a f32>) -> f64 {
    values.map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}
