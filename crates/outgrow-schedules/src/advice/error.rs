//! Why there is no advice.

use outgrow_checkpoint::CheckpointError;

/// Why there is no advice. Numbers that can't be used, all of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdviceError {
    /// No common shape is near.
    #[error(
        "parameters = {parameters}: the nearest common shape with a vocabulary of {vocab_size} has {nearest}; name the sizes, or take another vocabulary"
    )]
    Parameters {
        /// Asked for.
        parameters: u64,
        /// Those of the nearest shape.
        nearest: u64,
        /// Entries of the vocabulary.
        vocab_size: usize,
    },
    /// The layers have no base.
    #[error("num_hidden_layers = {num_hidden_layers}: can't be stacked from fewer; a multiple of 4 can")]
    Layers {
        /// Layers of the final model.
        num_hidden_layers: usize,
    },
    /// No step of each stage.
    #[error(
        "tokens = {tokens}: too few for a step of {batch_tokens} tokens in the base's stage and after growth"
    )]
    TooFewTokens {
        /// Tokens from scratch.
        tokens: u64,
        /// Tokens in a step.
        batch_tokens: u64,
    },
    /// The model isn't one.
    #[error("model")]
    Model(#[source] CheckpointError),
}

impl AdviceError {
    /// Whether what was asked is at fault: always.
    pub fn is_input(&self) -> bool {
        true
    }

    /// Whether a disk is full: never, as nothing is written.
    pub fn is_disk_full(&self) -> bool {
        false
    }
}
