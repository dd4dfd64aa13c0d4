//! What of a model a stage trains, and what it leaves as it is.

use std::fmt;

use outgrow_checkpoint::{LlamaConfig, tensor_names::layer_index};
use serde::{Deserialize, Serialize};

use crate::error::ScheduleError;

/// The embedding table's Hugging Face name.
const EMBEDDING: &str = "model.embed_tokens.weight";

/// What of a model a stage trains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// These decoder layers, counted from 0 and rising, and nothing else (arXiv 2401.02415). What lies below the lowest
    /// of them runs forward only. A frozen layer above it hands its gradient on, and its weights have none.
    Layers(Vec<usize>),
}

impl Trainable {
    /// Whether this stage trains the tensor with this Hugging Face name.
    pub fn includes(&self, model: &LlamaConfig, tensor_name: &str) -> bool {
        match (self, layer_index(tensor_name)) {
            (Self::All, _) => true,
            (Self::Top { .. }, Some(layer)) => layer >= self.frozen_layers(model),
            (Self::Top { .. }, None) => tensor_name != EMBEDDING,
            (Self::Layers(layers), Some(layer)) => layers.contains(&layer),
            (Self::Layers(_), None) => false,
        }
    }

    /// How many layers at the bottom run forward only.
    pub fn frozen_layers(&self, model: &LlamaConfig) -> usize {
        match self {
            Self::All => 0,
            Self::Top { layers } => model.num_hidden_layers.saturating_sub(*layers),
            Self::Layers(layers) => {
                layers.first().copied().unwrap_or(usize::MAX).min(model.num_hidden_layers)
            }
        }
    }

    /// How many layers have gradients of their weights.
    pub fn trained_layers(&self, model: &LlamaConfig) -> usize {
        match self {
            Self::All | Self::Top { .. } => model.num_hidden_layers - self.frozen_layers(model),
            Self::Layers(layers) => layers.iter().filter(|layer| **layer < model.num_hidden_layers).count(),
        }
    }

    /// Whether the embedding table is trained.
    pub fn embedding(&self) -> bool {
        match self {
            Self::All => true,
            Self::Top { .. } | Self::Layers(_) => false,
        }
    }

    /// Whether the head is trained; one that is tied to the embedding is trained where that is.
    pub fn head(&self, model: &LlamaConfig) -> bool {
        match self {
            Self::All => true,
            Self::Top { .. } => !model.tie_word_embeddings,
            Self::Layers(_) => false,
        }
    }

    /// Layers that a model doesn't have, and none at all.
    pub(crate) fn problem(&self, model: &LlamaConfig) -> Option<ScheduleError> {
        let num_hidden_layers = model.num_hidden_layers;
        match self {
            Self::All => None,
            Self::Top { layers } => (*layers == 0 || *layers > num_hidden_layers)
                .then_some(ScheduleError::TrainableLayers { layers: *layers, num_hidden_layers }),
            Self::Layers(layers) if layers.is_empty() => Some(ScheduleError::NothingTrained),
            Self::Layers(layers) => {
                let rise = layers.windows(2).all(|pair| pair[0] < pair[1]);
                let are_there = layers.iter().all(|layer| *layer < num_hidden_layers);
                let layers = layers.clone();
                (!rise || !are_there).then_some(ScheduleError::TrainableSet { layers, num_hidden_layers })
            }
        }
    }
}

impl fmt::Display for Trainable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("all"),
            Self::Top { layers } => write!(formatter, "top {layers}, norm, head"),
            Self::Layers(layers) => {
                let numbers: Vec<String> = layers.iter().map(ToString::to_string).collect();
                write!(formatter, "layers {}", numbers.join(","))
            }
        }
    }
}
