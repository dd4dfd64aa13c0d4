//! What can be wrong with tensors that a decoder is built from, and with tokens that it is to read.

/// Why a decoder can't be built, or a batch can't be run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A tensor that the configuration calls for is not there.
    #[error("tensor `{name}` is missing: the configuration calls for it with shape {expected:?}")]
    MissingTensor {
        /// The tensor's name.
        name: String,
        /// Its shape by the configuration.
        expected: Vec<usize>,
    },
    /// A tensor is there with another shape.
    #[error("tensor `{name}` has shape {found:?}, the configuration calls for {expected:?}")]
    WrongShape {
        /// The tensor's name.
        name: String,
        /// Its shape by the configuration.
        expected: Vec<usize>,
        /// Its shape as given.
        found: Vec<usize>,
    },
    /// A tensor that the configuration has no place for.
    #[error("tensor `{name}` has no place in the configuration's model")]
    UnexpectedTensor {
        /// The tensor's name.
        name: String,
    },
    /// A sequence is longer than the model's positions.
    #[error("a sequence of {sequence_length} tokens is longer than max_position_embeddings = {maximum}")]
    SequenceTooLong {
        /// Tokens in the sequence.
        sequence_length: usize,
        /// The configuration's `max_position_embeddings`.
        maximum: usize,
    },
    /// A context or a continuation without a token.
    #[error("a context and a continuation need a token each")]
    NothingToRead,
    /// A token that the vocabulary doesn't have.
    #[error("token {token} is outside the vocabulary of {vocab_size}")]
    UnknownToken {
        /// The token's number.
        token: u32,
        /// The configuration's `vocab_size`.
        vocab_size: usize,
    },
    /// A word that names no initialization.
    #[error("unknown initialization `{word}`: expected depth-scaled, normal or tiny-llama")]
    UnknownInitialization {
        /// The word as given.
        word: String,
    },
}

impl ModelError {
    /// Whether what the user gave is at fault and can be mended: tensors, tokens and words always are.
    pub fn is_input(&self) -> bool {
        match self {
            Self::MissingTensor { .. }
            | Self::WrongShape { .. }
            | Self::UnexpectedTensor { .. }
            | Self::SequenceTooLong { .. }
            | Self::NothingToRead
            | Self::UnknownToken { .. }
            | Self::UnknownInitialization { .. } => true,
        }
    }

    /// Whether a disk is full: never, as nothing is written here.
    pub fn is_disk_full(&self) -> bool {
        false
    }
}
