//! A model inside a stage, written as the `config.json` that Hugging Face knows. For `#[serde(with = …)]`.

use outgrow_checkpoint::LlamaConfig;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn serialize<S: Serializer>(model: &LlamaConfig, serializer: S) -> Result<S::Ok, S::Error> {
    model.to_json().serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LlamaConfig, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    LlamaConfig::from_json(&value.to_string()).map_err(serde::de::Error::custom)
}
