//! Models that are LLaMAs but for biases of their queries, keys and values, as Qwen2 is: growth knows them, the decoder doesn't. Here
//! are their shapes; what becomes of a bias is said where it is said of the weight beside it.

use std::path::PathBuf;

use outgrow_checkpoint::{CONFIG_FILE, CheckpointError, LlamaConfig, Problems, TensorShape};
use serde_json::Value;

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
    /// The shape of a model whose config.json is `raw`, and its biases.
    ///
    /// # Errors
    /// Why it is no model of this family.
    pub fn and_shape(raw: &Value) -> Result<(LlamaConfig, Self), CheckpointError> {
        if raw["model_type"] != QWEN2 {
            return Ok((LlamaConfig::from_json(&raw.to_string())?, Self::None));
        }
        if raw["num_key_value_heads"].is_null() {
            let problem =
                format!("`num_key_value_heads` is missing, which means 32 in a \"{QWEN2}\"; write it out");
            return Err(CheckpointError::Config {
                file: PathBuf::from(CONFIG_FILE),
                problems: Problems(vec![problem]),
            });
        }
        Ok((LlamaConfig::from_json(&without_biases(raw).to_string())?, Self::QueryKeyValue))
    }

    /// Every parameter of such a model: [`LlamaConfig::tensors`], and each bias behind its weight.
    pub fn tensors(self, model: &LlamaConfig) -> Vec<TensorShape> {
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

/// The config.json of the LLaMA that is left. A window that isn't used is none.
fn without_biases(raw: &Value) -> Value {
    let mut llama = raw.clone();
    llama["model_type"] = "llama".into();
    if raw["architectures"] == serde_json::json!(["Qwen2ForCausalLM"]) {
        llama["architectures"] = serde_json::json!(["LlamaForCausalLM"]);
    }
    if raw["use_sliding_window"] != true {
        llama["sliding_window"] = Value::Null;
    }
    llama
}
