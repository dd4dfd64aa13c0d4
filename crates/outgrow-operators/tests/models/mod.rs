//! The models that outgrow-checkpoint's tests are about, lists of their layers, and growths that fit them.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::{Growth, Mix, Placement, Width};
use proptest::prelude::*;

#[allow(dead_code)] // Not every test binary needs all of it.
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

/// Every operator with settings that fit `source`.
#[allow(dead_code)]
pub fn growths(source: &LlamaConfig, by: usize, share: f64, seed: u64) -> Vec<Growth> {
    let layers = source.num_hidden_layers;
    let times = |size: usize| Some(size * by);
    let width = Width {
        hidden_size: times(source.hidden_size),
        intermediate_size: Some(source.intermediate_size + by),
        num_attention_heads: times(source.num_attention_heads),
        num_key_value_heads: times(source.num_key_value_heads),
    };
    let narrow = Width { hidden_size: None, ..width };
    let uneven = Width { hidden_size: Some(source.hidden_size + 1), ..Width::default() };
    let queries = Width { num_attention_heads: times(source.num_attention_heads), ..Width::default() };
    let joining = Width { hidden_size: width.hidden_size, ..queries };
    let num_hidden_layers = layers * by;
    let matrices = None;
    vec![
        Growth::Stack { factor: by },
        Growth::Interleave { factor: by },
        Growth::Solar { drop_layers: layers - 1 },
        Growth::Middle { block_layers: 1 },
        Growth::Last { num_hidden_layers: layers + 1 },
        Growth::ZeroDepth { num_hidden_layers, placement: Placement::Interleaved },
        Growth::ZeroDepth { num_hidden_layers: layers + by, placement: Placement::Top },
        Growth::RandomDepth { num_hidden_layers: layers + by, seed },
        Growth::Split { width, share: None },
        Growth::Split { width, share: Some(share) },
        Growth::Split { width: narrow, share: Some(share) },
        Growth::Split { width: uneven, share: None },
        Growth::Split { width: queries, share: Some(share) },
        Growth::Hyperclone { factor: by },
        Growth::Aki { width },
        Growth::ZeroWidth { width, seed },
        Growth::ZeroWidth { width: narrow, seed },
        Growth::ZeroWidth { width: uneven, seed },
        Growth::ZeroWidth { width: queries, seed },
        Growth::ZeroWidth { width: joining, seed },
        Growth::RandomWidth { width, seed },
        Growth::RandomWidth { width: uneven, seed },
        Growth::Learned { num_hidden_layers: Some(num_hidden_layers), width, matrices, seed },
        Growth::Noise { amount: 0.2, mix: Mix::Linear, seed },
        Growth::Noise { amount: 0.2, mix: Mix::VariancePreserving, seed },
    ]
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
