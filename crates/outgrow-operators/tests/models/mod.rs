//! The models that outgrow-checkpoint's tests are about, and lists of their layers.

use outgrow_checkpoint::LlamaConfig;
use proptest::prelude::*;

#[path = "../../../outgrow-checkpoint/tests/models/mod.rs"]
mod of_checkpoint;

#[allow(unused_imports)] // Not every test binary needs all of them.
pub use of_checkpoint::*;

/// A model, and a list of some of its layers.
#[allow(dead_code)] // Not every test binary needs all of this file.
pub fn layer_lists() -> impl Strategy<Value = (LlamaConfig, Vec<usize>)> {
    models().prop_flat_map(|model| {
        let layers = proptest::collection::vec(0..model.num_hidden_layers, 1..8);
        (Just(model), layers)
    })
}

/// A small model with this many layers.
#[allow(dead_code)]
pub fn model(num_hidden_layers: usize) -> LlamaConfig {
    let json = serde_json::json!({
        "model_type": "llama", "vocab_size": 12, "hidden_size": 8, "intermediate_size": 12,
        "num_hidden_layers": num_hidden_layers, "num_attention_heads": 4, "num_key_value_heads": 2,
        "torch_dtype": "bfloat16",
    });
    LlamaConfig::from_json(&json.to_string()).unwrap()
}
