//! The families of models that the decoder computes, as `model_type` names them, and what their files mean where they
//! say nothing. They differ in biases and in defaults only.

use serde_json::Value;

use crate::config::{AttentionBias, keys::Keys};

/// Classes of transformers that earlier conversions of LLaMA named.
const OLDER_CLASS: &str = "LLaMAForCausalLM";

/// Whose config.json a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Llama,
    /// A LLaMA, if no text reaches beyond its window.
    Mistral,
    /// A LLaMA with biases of queries, keys and values, if no text reaches beyond its window.
    Qwen2,
}

impl Family {
    pub(crate) const ALL: [Self; 3] = [Self::Llama, Self::Mistral, Self::Qwen2];

    /// By `model_type`, or else by the class that the model was saved from. What is neither is refused elsewhere.
    pub(crate) fn of(keys: &Keys<'_>) -> Self {
        let found = Self::ALL.into_iter().find(|family| match keys.value("model_type") {
            Some(kind) => kind == family.model_type(),
            None => keys.value("architectures").is_some_and(|names| family.has_class(&names[0])),
        });
        found.unwrap_or(Self::Llama)
    }

    /// The family that a model with these biases is written as.
    pub(crate) fn with_biases(biases: AttentionBias) -> Self {
        match biases {
            AttentionBias::None | AttentionBias::All => Self::Llama,
            AttentionBias::QueryKeyValue => Self::Qwen2,
        }
    }

    pub(crate) fn model_type(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Qwen2 => "qwen2",
        }
    }

    /// The class of a model with its head.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Llama => "LlamaForCausalLM",
            Self::Mistral => "MistralForCausalLM",
            Self::Qwen2 => "Qwen2ForCausalLM",
        }
    }

    /// The class of a model without its head.
    pub(crate) fn base_class(self) -> &'static str {
        match self {
            Self::Llama => "LlamaModel",
            Self::Mistral => "MistralModel",
            Self::Qwen2 => "Qwen2Model",
        }
    }

    /// Whether such a model was saved from a class.
    pub(crate) fn has_class(self, class: &Value) -> bool {
        class == self.class() || class == self.base_class() || (self == Self::Llama && class == OLDER_CLASS)
    }

    /// `max_position_embeddings` where the file doesn't say.
    pub(crate) fn default_positions(self) -> usize {
        match self {
            Self::Llama => 2048,
            Self::Mistral => 4096 * 32,
            Self::Qwen2 => 32_768,
        }
    }

    /// `num_key_value_heads` where the file hasn't the key; `None` for as many as heads, which null means in all.
    pub(crate) fn default_key_value_heads(self) -> Option<usize> {
        match self {
            Self::Llama => None,
            Self::Mistral => Some(8),
            Self::Qwen2 => Some(32),
        }
    }

    /// Which projections of attention have biases.
    pub(crate) fn attention_bias(self, keys: &mut Keys<'_>) -> AttentionBias {
        let key = "attention_bias";
        match (self, keys.flag(key)) {
            (Self::Llama, Some(true)) => AttentionBias::All,
            (Self::Mistral, Some(true)) => {
                keys.problem(format!("`{key}` is true, but a \"mistral\" has no biases"));
                AttentionBias::None
            }
            (Self::Qwen2, said) => {
                if said == Some(false) {
                    keys.note(key, "is false: of no effect, since a \"qwen2\" has biases".to_owned());
                }
                AttentionBias::QueryKeyValue
            }
            (Self::Llama | Self::Mistral, _) => AttentionBias::None,
        }
    }
}
