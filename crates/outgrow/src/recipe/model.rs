//! `[model]`: the sizes of a model whose weights are drawn, or a folder with one that there is already. The folder
//! isn't opened here.

use std::path::PathBuf;

use outgrow_checkpoint::AttentionBias;
use outgrow_model::Initialization;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Keys that belong to a folder.
const FROM: &str = "from";
const FROM_FLOPS: &str = "from_flops";

/// `[model]`: what a run begins with.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ModelRecipe {
    /// The final model by its sizes; the first weights are drawn.
    Sizes(ModelSizes),
    /// A folder; the final model follows from it and its growth.
    From(BaseRecipe),
}

/// A model's folder that a run begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseRecipe {
    /// The folder, relative to the recipe's.
    pub from: PathBuf,
    /// Exact FLOPs that its training has cost, where it doesn't say so itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_flops: Option<f64>,
}

/// The sizes of the final model, in Hugging Face's names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSizes {
    /// Entries of the vocabulary; by default the tokenizer's.
    pub vocab_size: Option<usize>,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the feed-forward block.
    pub intermediate_size: usize,
    /// Layers of the final model.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; by default as many as query heads.
    pub num_key_value_heads: Option<usize>,
    /// Width of a head; by default `hidden_size / num_attention_heads`.
    pub head_dim: Option<usize>,
    /// Biases of attention: `none` (the default), `query-key-value` as in Qwen2, or `all`.
    pub attention_bias: Option<AttentionBias>,
    /// Longest sequence; by default `data.sequence_length`.
    pub max_position_embeddings: Option<usize>,
    /// Added to the mean square in norms; by default 1e-5.
    pub rms_norm_eps: Option<f64>,
    /// Base of the rotary frequencies; by default 10000.
    pub rope_theta: Option<f64>,
    /// Whether the head is the embedding; by default not.
    pub tie_word_embeddings: Option<bool>,
    /// Standard deviation of the first weights; by default 0.02.
    pub initializer_range: Option<f64>,
    /// `depth-scaled` (the default), `normal` or `tiny-llama`.
    pub initialization: Option<Initialization>,
}

impl<'de> Deserialize<'de> for ModelRecipe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = toml::Table::deserialize(deserializer)?;
        if table.contains_key(FROM) {
            let sizes: Vec<&str> =
                table.keys().map(String::as_str).filter(|key| ![FROM, FROM_FLOPS].contains(key)).collect();
            if !sizes.is_empty() {
                let sizes = sizes.join(", ");
                return Err(D::Error::custom(format!(
                    "with `{FROM}` the folder says what the model is: remove {sizes}"
                )));
            }
            return table.try_into().map(Self::From).map_err(D::Error::custom);
        }
        if table.contains_key(FROM_FLOPS) {
            return Err(D::Error::custom(format!(
                "`{FROM_FLOPS}` is what the folder of `{FROM}` has cost, and `{FROM}` isn't there"
            )));
        }
        table.try_into().map(Self::Sizes).map_err(D::Error::custom)
    }
}
