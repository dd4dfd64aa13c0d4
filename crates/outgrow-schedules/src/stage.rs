//! One stage of a run: the model, how it came to be, what of it is trained, for how long and at which learning rate.

mod model_json;

use outgrow_checkpoint::{LlamaConfig, layer_index};
use outgrow_operators::{Growth, Moments};
use serde::{Deserialize, Serialize};

use crate::{error::ScheduleError, learning_rate::LearningRate};

/// One stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Unique in its schedule: metrics and reports tell stages apart by it.
    pub name: String,
    /// The model that is trained, after the growth. Written as a Hugging Face `config.json`.
    #[serde(with = "model_json")]
    pub model: LlamaConfig,
    /// Tokens trained on in this stage.
    pub tokens: u64,
    /// What is trained.
    #[serde(default)]
    pub trainable: Trainable,
    /// The growth that makes `model` of the model of the stage before. Without it the model goes on as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enter: Option<Growth>,
    /// What becomes of the optimizer's moments at the growth.
    #[serde(default, skip_serializing_if = "is_reset")]
    pub moments: Moments,
    /// The learning rate, by tokens of this stage.
    pub learning_rate: LearningRate,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature.
fn is_reset(moments: &Moments) -> bool {
    *moments == Moments::Reset
}

/// What of a model a stage trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Trainable {
    /// Everything.
    #[default]
    All,
    /// The top `layers` decoder layers, the final norm and the head. The embedding and the lower layers are frozen: they run
    /// forward only (arXiv 2011.13635). A head tied to the embedding is the embedding, and frozen with it.
    Top {
        /// How many layers, from the top.
        layers: usize,
    },
}

impl Trainable {
    /// Whether this stage trains the tensor with this Hugging Face name.
    pub fn includes(&self, model: &LlamaConfig, tensor_name: &str) -> bool {
        match (self, layer_index(tensor_name)) {
            (Self::All, _) => true,
            (Self::Top { .. }, Some(layer)) => layer >= self.frozen_layers(model),
            (Self::Top { .. }, None) => tensor_name != EMBEDDING,
        }
    }

    /// How many layers at the bottom run forward only.
    pub fn frozen_layers(&self, model: &LlamaConfig) -> usize {
        match self {
            Self::All => 0,
            Self::Top { layers } => model.num_hidden_layers.saturating_sub(*layers),
        }
    }

    /// Whether the embedding table is trained.
    pub fn embedding(&self) -> bool {
        match self {
            Self::All => true,
            Self::Top { .. } => false,
        }
    }

    /// Whether the head is trained; one that is tied to the embedding is trained where that is.
    pub fn head(&self, model: &LlamaConfig) -> bool {
        self.embedding() || !model.tie_word_embeddings
    }
}

/// The embedding table's Hugging Face name.
const EMBEDDING: &str = "model.embed_tokens.weight";

impl Stage {
    /// # Errors
    /// An empty name, no tokens, a model or a learning rate that isn't one, or more trainable layers than there are; all of them,
    /// with the stage's name. What lies between two stages is checked by [`crate::Schedule::new`].
    pub fn validate(&self) -> Result<(), ScheduleError> {
        let mut problems = Vec::new();
        if self.name.trim().is_empty() {
            problems.push(ScheduleError::NoName);
        }
        if self.tokens == 0 {
            problems.push(ScheduleError::NoTokens);
        }
        if let Trainable::Top { layers } = self.trainable {
            let num_hidden_layers = self.model.num_hidden_layers;
            if layers == 0 || layers > num_hidden_layers {
                problems.push(ScheduleError::TrainableLayers { layers, num_hidden_layers });
            }
        }
        match self.learning_rate.validate() {
            Ok(()) => {}
            Err(ScheduleError::Several(several)) => problems.extend(several),
            Err(problem) => problems.push(problem),
        }
        ScheduleError::from_problems(
            problems.into_iter().map(|problem| problem.in_stage(&self.name)).collect(),
        )
    }
}
