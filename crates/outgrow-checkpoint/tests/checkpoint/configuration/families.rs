//! Families beside LLaMA that the decoder runs: Mistral without its window, Qwen2, and the biases that tell them apart.

use std::collections::BTreeMap;

use outgrow_checkpoint::{AttentionBias, CheckpointError, LlamaConfig};
use serde_json::{Value, json};

use crate::configuration::{base, refusal, with};

#[test]
fn a_mistral_without_its_window_is_a_llama() {
    let mistral = |changes: Value| {
        let mut all = json!({ "model_type": "mistral", "architectures": ["MistralForCausalLM"] });
        all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        with(all)
    };
    assert_eq!(mistral(json!({ "sliding_window": null })).unwrap(), with(json!({})).unwrap());
    let refusal = |changes: Value| mistral(changes).unwrap_err().to_string();
    // Left out, it is not what it is in a llama; nor are the number of positions and that of key-value heads.
    insta::assert_snapshot!(refusal(json!({ "max_position_embeddings": 4097 })), @r#"config.json: `sliding_window` is missing, which means 4096 in a "mistral", but the decoder attends to the whole sequence, up to 4097 tokens"#);
    insta::assert_snapshot!(refusal(json!({ "sliding_window": 255 })), @"config.json: `sliding_window` is 255, but the decoder attends to the whole sequence, up to 256 tokens");
    let mut sparse = base();
    sparse["model_type"] = json!("mistral");
    sparse["num_attention_heads"] = json!(16);
    sparse["sliding_window"] = Value::Null;
    for key in ["architectures", "max_position_embeddings", "num_key_value_heads"] {
        sparse.as_object_mut().unwrap().shift_remove(key);
    }
    let sparse = LlamaConfig::from_value(&sparse).unwrap();
    assert_eq!((sparse.max_position_embeddings, sparse.num_key_value_heads), (131_072, 8));
}

fn qwen2(changes: Value) -> Result<LlamaConfig, CheckpointError> {
    let mut all = changes;
    all["model_type"] = "qwen2".into();
    all["architectures"] = json!(["Qwen2ForCausalLM"]);
    with(all)
}

#[test]
fn a_qwen2_is_a_llama_with_biases_of_queries_keys_and_values() {
    let plain = qwen2(json!({})).unwrap();
    let llama = with(json!({})).unwrap();
    assert_eq!(plain, llama.with(|fields| fields.attention_bias = AttentionBias::QueryKeyValue).unwrap());
    let names = |config: &LlamaConfig| {
        config.tensors().into_iter().map(|one| (one.name, one.shape)).collect::<BTreeMap<_, _>>()
    };
    let mut of_qwen2 = names(&plain);
    for (name, shape) in names(&llama) {
        assert_eq!(of_qwen2.remove(&name), Some(shape), "{name}");
    }
    let of_layer = of_qwen2
        .into_iter()
        .filter_map(|(name, shape)| Some(format!("{} {shape:?}", name.strip_prefix("model.layers.1.")?)));
    insta::assert_snapshot!(of_layer.collect::<Vec<_>>().join("\n"), @r"
    self_attn.k_proj.bias [32]
    self_attn.q_proj.bias [64]
    self_attn.v_proj.bias [32]
    ");
    // What the file leaves out is as in transformers' Qwen2.
    let mut sparse = base();
    sparse["model_type"] = json!("qwen2");
    sparse["num_attention_heads"] = json!(32);
    for key in ["architectures", "max_position_embeddings", "num_key_value_heads"] {
        sparse.as_object_mut().unwrap().shift_remove(key);
    }
    let sparse = LlamaConfig::from_value(&sparse).unwrap();
    assert_eq!((sparse.max_position_embeddings, sparse.num_key_value_heads), (32_768, 32));
}

#[test]
fn a_window_that_a_qwen2_does_not_use_is_none() {
    let plain = qwen2(json!({})).unwrap();
    for never in [
        json!({ "sliding_window": 8 }),
        json!({ "sliding_window": 8, "use_sliding_window": false, "max_window_layers": 1 }),
        json!({ "sliding_window": 8, "use_sliding_window": true }),
        json!({ "sliding_window": 8, "use_sliding_window": true, "max_window_layers": 3 }),
        json!({ "sliding_window": 256, "use_sliding_window": true, "max_window_layers": 0 }),
        json!({ "sliding_window": null, "use_sliding_window": true, "max_window_layers": 0 }),
        json!({ "sliding_window": 8, "use_sliding_window": true, "max_window_layers": 0,
            "layer_types": ["full_attention", "full_attention", "full_attention"] }),
        json!({ "attention_bias": false }),
        json!({ "attention_bias": true }),
    ] {
        assert_eq!(qwen2(never.clone()).unwrap(), plain, "{never}");
    }
    let refusal = |changes: Value| qwen2(changes).unwrap_err().to_string();
    insta::assert_snapshot!(refusal(json!({ "sliding_window": 8, "use_sliding_window": true, "max_window_layers": 2 })), @"config.json: `sliding_window` is 8, but the decoder attends to the whole sequence, up to 256 tokens");
    insta::assert_snapshot!(refusal(json!({ "use_sliding_window": true, "max_window_layers": 0, "max_position_embeddings": 4097 })), @r#"config.json: `sliding_window` is missing, which means 4096 in a "qwen2", but the decoder attends to the whole sequence, up to 4097 tokens"#);
    insta::assert_snapshot!(refusal(json!({ "layer_types": ["full_attention", "sliding_attention", "full_attention"] })), @r#"config.json: `layer_types` may only list "full_attention": the decoder attends to the whole sequence"#);
}

#[test]
fn biases_are_written_as_transformers_reads_them() {
    let written = |attention_bias: AttentionBias| {
        let json =
            with(json!({})).unwrap().with(|fields| fields.attention_bias = attention_bias).unwrap().to_json();
        let keys = [
            "architectures",
            "model_type",
            "attention_bias",
            "mlp_bias",
            "use_sliding_window",
            "sliding_window",
            "max_window_layers",
        ];
        keys.into_iter()
            .filter_map(|key| Some(format!("{key}: {}", json.get(key)?)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    insta::assert_snapshot!(AttentionBias::ALL.map(written).join("\n"), @r#"
    architectures: ["LlamaForCausalLM"], model_type: "llama", attention_bias: false, mlp_bias: false
    architectures: ["Qwen2ForCausalLM"], model_type: "qwen2", use_sliding_window: false, sliding_window: null, max_window_layers: 3
    architectures: ["LlamaForCausalLM"], model_type: "llama", attention_bias: true, mlp_bias: false
    "#);
    let mistral = json!({ "model_type": "mistral", "sliding_window": null, "attention_bias": true });
    insta::assert_snapshot!(refusal(mistral), @r#"config.json: `attention_bias` is true, but a "mistral" has no biases"#);
}
