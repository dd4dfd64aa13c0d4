//! Gradients of a batch by parameter name: accumulated over micro-batches, and their global norm.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use outgrow_data::Batch;
use outgrow_kernels::sum_of_squares;
use outgrow_model::Decoder;

use crate::error::TrainError;

/// A flat gradient, `[elements]`, for each trained parameter.
pub type Gradients = BTreeMap<String, Tensor<1>>;

/// The mean loss of a batch, in nats a token, and its gradients.
///
/// The batch is run `micro_batch_sequences` at a time; each part's summed loss is divided by the tokens of the whole
/// batch, so the result doesn't depend on the parts.
///
/// A training step is this, the norm to clip by, and an update:
///
/// ```no_run
/// # use outgrow_data::Batch;
/// # use outgrow_model::Decoder;
/// # use outgrow_train::{AdamW, TrainError};
/// # fn step(decoder: &mut Decoder, optimizer: &mut AdamW, batch: &Batch) -> Result<(), TrainError> {
/// let (loss, gradients) = outgrow_train::accumulate(decoder, batch, 8)?;
/// let norm = outgrow_train::global_norm(&gradients).expect("something is trained").into_scalar::<f32>();
/// let scale = (1.0 / f64::from(norm)).min(1.0);
/// optimizer.step(decoder, gradients, scale, 1e-3);
/// println!("loss {}", loss.into_scalar::<f32>());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When a sequence is too long for the model.
pub fn accumulate(
    decoder: &Decoder,
    batch: &Batch,
    micro_batch_sequences: usize,
) -> Result<(Tensor<1>, Gradients), TrainError> {
    let length = batch.sequence_length;
    let tokens = batch.inputs.len() as f64;
    let chunk = micro_batch_sequences * length;
    let mut total: Option<(Tensor<1>, Gradients)> = None;
    for (inputs, targets) in batch.inputs.chunks(chunk).zip(batch.targets.chunks(chunk)) {
        let loss = decoder.loss_sum(decoder.tokens(inputs, length), targets, 1.0 / tokens)?;
        let gradients = decoder.gradients(&mut loss.backward());
        let loss = loss.inner();
        total = Some(match total {
            None => (loss, gradients),
            Some((sum, summed)) => (sum + loss, add(summed, gradients)),
        });
    }
    total.ok_or(TrainError::EmptyBatch)
}

fn add(mut left: Gradients, right: Gradients) -> Gradients {
    for (name, gradient) in right {
        let sum = match left.remove(&name) {
            Some(other) => other + gradient,
            None => gradient,
        };
        left.insert(name, sum);
    }
    left
}

/// The 2-norm of all gradients taken as one vector, as a tensor `[1]` on their device.
pub fn global_norm(gradients: &Gradients) -> Option<Tensor<1>> {
    gradients
        .values()
        .map(|gradient| sum_of_squares(gradient.clone()))
        .reduce(|sum, next| sum + next)
        .map(Tensor::sqrt)
}
