//! Small models of many shapes. None is ever built.

use outgrow_checkpoint::LlamaConfig;
use proptest::prelude::*;

/// A model with these sizes; its head is of its own unless `tied`.
pub(crate) fn model(hidden_size: usize, num_hidden_layers: usize, tied: bool) -> LlamaConfig {
    with_heads(hidden_size, num_hidden_layers, (4, 2, 16), tied)
}

fn with_heads(
    hidden_size: usize,
    num_hidden_layers: usize,
    (num_attention_heads, num_key_value_heads, head_dim): (usize, usize, usize),
    tied: bool,
) -> LlamaConfig {
    let json = serde_json::json!({
        "model_type": "llama", "vocab_size": 512, "hidden_size": hidden_size, "intermediate_size": 3 * hidden_size,
        "num_hidden_layers": num_hidden_layers, "num_attention_heads": num_attention_heads,
        "num_key_value_heads": num_key_value_heads, "head_dim": head_dim, "max_position_embeddings": 256,
        "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": tied, "torch_dtype": "float32",
    });
    LlamaConfig::from_json(&json.to_string()).unwrap()
}

/// Models of 1 to 12 layers, with grouped queries, heads that don't add up to the hidden size, and tied heads.
pub(crate) fn models() -> impl Strategy<Value = LlamaConfig> {
    (1_usize..6, 1_usize..13, 0_usize..3, 0_usize..3, 1_usize..9, any::<bool>()).prop_map(
        |(hidden, layers, groups, shared, half_head_dim, tied)| {
            let num_key_value_heads = 1 << groups;
            let heads = (num_key_value_heads << shared, num_key_value_heads, 2 * half_head_dim);
            with_heads(16 * hidden, layers, heads, tied)
        },
    )
}
