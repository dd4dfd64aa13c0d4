//! The loss on held-out text.

use outgrow_data::Batches;
use outgrow_model::Decoder;

use crate::error::TrainError;

/// The mean next-token cross-entropy, in nats a token, over the first `sequences` sequences in the batches' order.
///
/// `decoder` must be on a device without autodiff ([`Decoder::inner`]); a forward pass elsewhere would leave its tape behind.
///
/// # Errors
/// When the shards can't be read or a sequence is too long for the model.
pub fn validation_loss(
    decoder: &Decoder,
    batches: &Batches,
    sequences: usize,
    micro_batch_sequences: usize,
) -> Result<f64, TrainError> {
    let mut sum = 0.0;
    let mut tokens = 0;
    for first in (0..sequences).step_by(micro_batch_sequences) {
        let batch = batches.batch(first as u64, micro_batch_sequences.min(sequences - first))?;
        let length = batch.sequence_length;
        let loss = decoder.loss_sum(
            decoder.tokens(&batch.inputs, length),
            decoder.tokens(&batch.targets, length),
            1.0,
        )?;
        sum += f64::from(loss.into_scalar::<f32>());
        tokens += batch.inputs.len();
    }
    Ok(sum / tokens as f64)
}
