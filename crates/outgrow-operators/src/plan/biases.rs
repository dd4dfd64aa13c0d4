//! Models that are LLaMAs but for biases of their queries, keys and values, as Qwen2 is: growth knows them, the decoder
//! doesn't. Here are their shapes; what becomes of a bias is said where it is said of the weight beside it.

use outgrow_checkpoint::{CheckpointError, LlamaConfig, Problems, TensorShape};
use serde_json::{Value, json};

const QWEN2: &str = "qwen2";

/// Which layers of a model's attention have biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Biases {
    /// None, as in LLaMA.
    None,
    /// Those that make queries, keys and values, as in Qwen2.
    QueryKeyValue,
}

impl Biases {
    /// The shape of a model whose config.json is `raw`, and its biases; `llama` is what the file says of a LLaMA.
    ///
    /// # Errors
    /// Why it is no model of this family.
    pub(crate) fn and_shape(
        raw: &Value,
        llama: Result<&LlamaConfig, Problems>,
    ) -> Result<(LlamaConfig, Self), Problems> {
        if raw["model_type"] == QWEN2 {
            match LlamaConfig::from_value(&without_biases(raw)) {
                Ok(shape) => Ok((shape, Self::QueryKeyValue)),
                Err(CheckpointError::Config { problems, .. }) => Err(problems),
                Err(other) => Err(Problems(vec![other.to_string()])),
            }
        } else {
            Ok((llama?.clone(), Self::None))
        }
    }

    /// Every parameter of such a model: [`LlamaConfig::tensors`], and each bias behind its weight.
    pub(crate) fn tensors(self, model: &LlamaConfig) -> Vec<TensorShape> {
        let tensors = model.tensors().into_iter();
        match self {
            Self::None => tensors.collect(),
            Self::QueryKeyValue => {
                tensors.flat_map(|tensor| [bias(&tensor), Some(tensor)].into_iter().rev().flatten()).collect()
            }
        }
    }
}

fn bias(weight: &TensorShape) -> Option<TensorShape> {
    let stem = weight.name.strip_suffix(".weight")?;
    let has_bias = ["q_proj", "k_proj", "v_proj"].iter().any(|projection| stem.ends_with(projection));
    has_bias.then(|| TensorShape { name: format!("{stem}.bias"), shape: vec![weight.shape[0]] })
}

/// The config.json of the LLaMA that is left. A window that isn't used is none; what the file leaves out, transformers'
/// Qwen2 has.
fn without_biases(raw: &Value) -> Value {
    let mut llama = raw.clone();
    llama["model_type"] = "llama".into();
    for (qwen2, class) in [("Qwen2ForCausalLM", "LlamaForCausalLM"), ("Qwen2Model", "LlamaModel")] {
        if raw["architectures"] == json!([qwen2]) {
            llama["architectures"] = json!([class]);
        }
    }
    if raw.get("num_key_value_heads").is_none() {
        llama["num_key_value_heads"] = 32.into();
    }
    if raw["max_position_embeddings"].is_null() {
        llama["max_position_embeddings"] = 32_768.into();
    }
    let has_layers_with_window = || {
        let first = raw["max_window_layers"].as_u64().unwrap_or(28);
        raw["num_hidden_layers"].as_u64().is_none_or(|layers| first < layers)
    };
    let has_window = raw["layer_types"]
        .as_array()
        .map_or_else(has_layers_with_window, |types| types.iter().any(|kind| kind != "full_attention"));
    let is_used = raw["use_sliding_window"] == true && has_window;
    match raw.get("sliding_window") {
        _ if !is_used => llama["sliding_window"] = Value::Null,
        None => llama["sliding_window"] = 4096.into(),
        Some(_) => {}
    }
    llama
}
