//! The output head and the training loss: cross-entropy of the next token.

use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};

use super::linear_in;
use crate::Precision;

/// [`crate::linear_cross_entropy`], all logits at once.
pub fn linear_cross_entropy(
    hidden: Tensor<3>,
    weight: Tensor<2>,
    targets: &[i32],
    scale: f64,
    precision: Precision,
) -> Tensor<1> {
    let logits = linear_in(hidden, weight, precision);
    let [batch, sequence, vocabulary] = logits.dims();
    let tokens = batch * sequence;
    let targets = Tensor::from_data(TensorData::new(targets.to_vec(), [tokens]), &logits.device());
    cross_entropy_sum(logits.reshape([tokens, vocabulary]), targets) * scale
}

/// The sum over all tokens of `-log softmax(logits)[target]`, in nats.
///
/// `logits` is `[tokens, vocabulary]`, `targets` is `[tokens]` with entries below `vocabulary`. It is a sum, so that
/// losses of parts of a batch add up to the loss of the batch whatever the parts are; the caller divides.
pub fn cross_entropy_sum(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let [tokens, _] = logits.dims();
    let log_probabilities = log_softmax(logits, 1);
    log_probabilities.gather(1, targets.reshape([tokens, 1])).sum().neg()
}
