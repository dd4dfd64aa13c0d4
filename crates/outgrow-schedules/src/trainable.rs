//! What of a model a stage trains, and what it leaves as it is.

use std::fmt;

use outgrow_checkpoint::{LlamaConfig, tensor_names::layer_index};
use serde::{Deserialize, Serialize};

/// The embedding table's Hugging Face name.
const EMBEDDING: &str = "model.embed_tokens.weight";

/// What of a model a stage trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Trainable {
    /// Everything.
    #[default]
    All,
    /// The top `layers` decoder layers, the final norm and the head. The embedding and the lower layers are frozen:
    /// they run forward only (arXiv 2011.13635). A head tied to the embedding is the embedding, and frozen with it.
    Top {
        /// How many layers, from the top.
        layers: usize,
    },
}

impl Trainable {
    /// Whether this stage trains the tensor with this Hugging Face name.
    pub fn includes(self, model: &LlamaConfig, tensor_name: &str) -> bool {
        match (self, layer_index(tensor_name)) {
            (Self::All, _) => true,
            (Self::Top { .. }, Some(layer)) => layer >= self.frozen_layers(model),
            (Self::Top { .. }, None) => tensor_name != EMBEDDING,
        }
    }

    /// How many layers at the bottom run forward only.
    pub fn frozen_layers(self, model: &LlamaConfig) -> usize {
        match self {
            Self::All => 0,
            Self::Top { layers } => model.num_hidden_layers.saturating_sub(layers),
        }
    }

    /// Whether the embedding table is trained.
    pub fn embedding(self) -> bool {
        match self {
            Self::All => true,
            Self::Top { .. } => false,
        }
    }

    /// Whether the head is trained; one that is tied to the embedding is trained where that is.
    pub fn head(self, model: &LlamaConfig) -> bool {
        self.embedding() || !model.tie_word_embeddings
    }
}

impl fmt::Display for Trainable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("all"),
            Self::Top { layers } => write!(formatter, "top {layers}, norm, head"),
        }
    }
}
