//! The training loss: cross-entropy of the next token.

use burn::tensor::{Int, Tensor, activation::log_softmax};

/// The sum over all tokens of `-log softmax(logits)[target]`, in nats.
///
/// `logits` is `[tokens, vocabulary]`, `targets` is `[tokens]` with entries below `vocabulary`. It is a sum, so that losses
/// of parts of a batch add up to the loss of the batch whatever the parts are; dividing is the caller's.
pub fn cross_entropy_sum(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let [tokens, _] = logits.dims();
    let log_probabilities = log_softmax(logits, 1);
    log_probabilities.gather(1, targets.reshape([tokens, 1])).sum().neg()
}
