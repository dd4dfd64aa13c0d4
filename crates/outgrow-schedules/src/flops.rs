//! What a token of training costs, by two named conventions. Counts multiplications and additions; knows nothing of seconds.

use outgrow_checkpoint::LlamaConfig;
use serde::{Deserialize, Serialize};

use crate::stage::Trainable;

/// How FLOPs are counted. Never compare numbers of two conventions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlopConvention {
    /// 6 · parameters a token, embedding and head included, whatever is frozen: what the figures of arXiv 2405.15319 use.
    SixTimesParameters,
    /// Matrix products and causal attention, without the backward of what is frozen: [`exact_flops_per_token`].
    Exact,
}

/// FLOPs of one token by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlopParts {
    /// Running the model.
    pub forward: f64,
    /// Gradients that go on to what lies below; in attention, those of queries, keys, values and weights.
    pub backward_by_input: f64,
    /// Gradients of weights.
    pub backward_by_weight: f64,
}

impl FlopParts {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.forward + self.backward_by_input + self.backward_by_weight
    }
}

/// FLOPs of one token of training by a convention, in sequences of `sequence_length` tokens.
pub fn flops_per_token(
    convention: FlopConvention,
    model: &LlamaConfig,
    sequence_length: usize,
    trainable: &Trainable,
) -> f64 {
    match convention {
        FlopConvention::SixTimesParameters => 6.0 * model.num_parameters() as f64,
        FlopConvention::Exact => exact_flops_per_token(model, sequence_length, trainable).total(),
    }
}

/// FLOPs of one token of training, counted from the matrix products.
///
/// - A matrix of P weights costs 2 P forward, 2 P for the gradient of its input and 2 P for that of its weights.
/// - Causal attention over sequences of S tokens costs, a layer, 2 · S · H forward and 4 · S · H backward, where H is heads times
///   their size: a query sees S / 2 keys on average, and there are two products forward and four backward.
/// - The embedding is a look-up and costs nothing; the head is a matrix, tied or not. Norms, activations, rotations and the
///   optimizer are left out: they are linear in the width.
/// - A frozen layer costs its forward only. A trainable layer costs all of it, although the lowest one need not hand its gradient
///   on to the frozen ones below. The head always hands its gradient on.
pub fn exact_flops_per_token(
    model: &LlamaConfig,
    sequence_length: usize,
    trainable: &Trainable,
) -> FlopParts {
    let layers = model.num_hidden_layers as f64;
    let trained_layers = layers - trainable.frozen_layers(model) as f64;
    let layer_weights = 2.0 * layer_matrix_parameters(model) as f64;
    let attention = 2.0 * (sequence_length * model.num_attention_heads * model.head_dim) as f64;
    let head = 2.0 * (model.hidden_size * model.vocab_size) as f64;
    FlopParts {
        forward: layers * (layer_weights + attention) + head,
        backward_by_input: trained_layers * (layer_weights + 2.0 * attention) + head,
        backward_by_weight: trained_layers * layer_weights + if trainable.head(model) { head } else { 0.0 },
    }
}

/// Weights of the matrices of one layer.
fn layer_matrix_parameters(model: &LlamaConfig) -> usize {
    let queries = model.num_attention_heads * model.head_dim;
    let keys = model.num_key_value_heads * model.head_dim;
    // Queries and output; keys and values; gate, up and down.
    model.hidden_size * (2 * queries + 2 * keys + 3 * model.intermediate_size)
}
