//! config.json in and out. The spellings are those of published checkpoints.

mod families;

use outgrow_checkpoint::{CheckpointError, Dtype, LlamaConfig, RopeScaling, Yarn};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::models;

proptest! {
    #[test]
    fn a_configuration_comes_back_from_its_json(config in models::models()) {
        let text = config.to_json().to_string();
        prop_assert_eq!(LlamaConfig::from_json(&text).unwrap(), config);
    }

    #[test]
    fn the_tensors_hold_as_many_values_as_the_parameters_that_are_counted(config in models::models()) {
        let values: usize = config.tensors().iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum();
        prop_assert_eq!(values as u64, config.num_parameters());
    }

    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,60}", key in 0_usize..30, number in any::<i64>()) {
        let _ = LlamaConfig::from_json(&text);
        let mut json = base();
        let object = json.as_object_mut().unwrap();
        let key = object.keys().nth(key % object.len()).unwrap().clone();
        object[&key] = json!(number);
        let _ = LlamaConfig::from_json(&json.to_string());
    }
}

fn base() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 128, "hidden_size": 64,
        "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "hidden_act": "silu", "rope_theta": 500_000.0,
        "tie_word_embeddings": false, "torch_dtype": "bfloat16", "bos_token_id": 1, "eos_token_id": 2,
    })
}

/// The base with keys put in or replaced; null takes a key away.
fn with(changes: Value) -> Result<LlamaConfig, CheckpointError> {
    let mut json = base();
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (key, value) in changes {
        json[key] = value;
    }
    LlamaConfig::from_json(&json.to_string())
}

fn refusal(changes: Value) -> String {
    with(changes).expect_err("this must be refused").to_string()
}

#[test]
fn both_spellings_of_transformers_mean_the_same() {
    let older = with(json!({
        "rope_scaling": { "type": "linear", "factor": 4 }, "torch_dtype": "float16", "head_dim": null,
    }));
    let newer = with(json!({
        "rope_theta": null, "rope_parameters": { "rope_theta": 500_000, "rope_type": "linear", "factor": 4.0 },
        "torch_dtype": null, "dtype": "float16", "head_dim": 16,
    }));
    let older = older.unwrap();
    assert_eq!(older.rope.scaling, RopeScaling::Linear { factor: 4.0 });
    assert_eq!(older.dtype, Dtype::F16);
    assert_eq!(newer.unwrap(), older);
}

#[test]
fn what_a_file_leaves_out_is_as_in_transformers() {
    let changes = json!({
        "num_key_value_heads": null, "max_position_embeddings": null, "rms_norm_eps": null, "rope_theta": null,
        "torch_dtype": null, "tie_word_embeddings": null, "hidden_act": null, "bos_token_id": null,
    });
    let config = with(changes).unwrap();
    assert_eq!(config.num_key_value_heads, 4);
    assert_eq!(config.head_dim, 16);
    assert_eq!(config.max_position_embeddings, 2048);
    assert_eq!((config.rms_norm_eps, config.rope.theta, config.initializer_range), (1e-6, 10_000.0, 0.02));
    assert_eq!(config.dtype, Dtype::F32);
    assert!(!config.tie_word_embeddings);
    assert_eq!(config.bos_token_id, None);
}

#[test]
fn keys_that_change_nothing_are_left_alone() {
    let changes = json!({
        "pretraining_tp": 2, "use_cache": false, "attention_bias": false, "sliding_window": null,
        "quantization_config": null, "layer_types": ["full_attention", "full_attention", "full_attention"],
        "attention_dropout": 0.0, "transformers_version": "5.0.0", "rope_interleaved": false,
        "eos_token_id": [2, 7], "pad_token_id": -1, "rope_scaling": null, "partial_rotary_factor": 1.0,
    });
    assert_eq!(with(changes).unwrap(), with(json!({})).unwrap());
}

#[test]
fn what_the_decoder_cannot_honour_is_refused_by_the_name_of_its_key() {
    let refused = [
        ("attention_bias", json!("all")),
        ("mlp_bias", json!(true)),
        ("hidden_act", json!("gelu")),
        ("sliding_window", json!(128)),
        ("quantization_config", json!({ "bits": 4 })),
        ("partial_rotary_factor", json!(0.5)),
        ("rope_interleaved", json!(true)),
        ("model_type", json!("gemma")),
        ("architectures", json!(["LlamaForSequenceClassification"])),
        ("rope_scaling", json!({ "rope_type": "longrope", "factor": 2.0 })),
        ("layer_types", json!(["full_attention", "sliding_attention", "full_attention"])),
        ("dtype", json!("float8_e4m3fn")),
    ];
    let mut lines = String::new();
    for (key, value) in refused {
        let message = refusal(json!({ key: value }));
        assert!(message.contains(&format!("`{key}`")), "{message}");
        lines += &message;
        lines.push('\n');
    }
    insta::assert_snapshot!(lines, @r#"
    config.json: `attention_bias` is "all", expected true or false
    config.json: `mlp_bias` is true, but the decoder's feed-forward network has no biases
    config.json: `hidden_act` is "gelu", but the decoder's activation is "silu"
    config.json: `sliding_window` is 128, but the decoder attends to the whole sequence, up to 256 tokens
    config.json: `quantization_config` is {"bits":4}, but quantised weights are not read; dequantise them first
    config.json: `partial_rotary_factor` is 0.5, but the decoder rotates whole heads
    config.json: `rope_interleaved` is true, but the decoder rotates halves
    config.json: `model_type` is "gemma", but this decoder is "llama", "mistral" or "qwen2"
    config.json: `architectures` is ["LlamaForSequenceClassification"], but this decoder is "LlamaForCausalLM"
    config.json: in `rope_scaling`: `rope_type` is "longrope", expected "default", "linear", "dynamic", "llama3" or "yarn"
    config.json: `layer_types` may only list "full_attention": the decoder attends to the whole sequence
    config.json: `dtype` is "float8_e4m3fn", expected "float32", "float16" or "bfloat16"
    "#);
}

#[test]
fn all_problems_are_reported_at_once() {
    let changes = json!({
        "vocab_size": null, "hidden_size": "wide", "mlp_bias": true, "intermediate_size": -3,
        "rope_scaling": { "type": "llama3", "factor": 8.0 }, "rms_norm_eps": "small",
    });
    insta::assert_snapshot!(refusal(changes), @r#"config.json: `mlp_bias` is true, but the decoder's feed-forward network has no biases; `hidden_size` is "wide", expected a whole number; `vocab_size` is missing, expected a whole number; `intermediate_size` is -3, expected a whole number; in `rope_scaling`: `low_freq_factor` is missing, expected a number; in `rope_scaling`: `high_freq_factor` is missing, expected a number; `rms_norm_eps` is "small", expected a number"#);
}

#[test]
fn impossible_shapes_are_refused_with_both_numbers() {
    let shape = json!({
        "num_attention_heads": 6, "num_key_value_heads": 4, "head_dim": 7, "num_hidden_layers": 0, "rms_norm_eps": 0,
        "vocab_size": 1_u64 << 50,
    });
    insta::assert_snapshot!(refusal(shape), @"config.json: `num_hidden_layers` is 0, expected at least 1; `vocab_size` is 1125899906842624, expected at most 2^40; `num_attention_heads` is 6, not a multiple of `num_key_value_heads`, which is 4; `head_dim` is 7; rotary embedding needs an even one; `rms_norm_eps` is 0, expected a positive number");
    let heads = json!({ "num_attention_heads": 5, "num_key_value_heads": 5 });
    insta::assert_snapshot!(refusal(heads), @"config.json: `head_dim` is missing and `hidden_size` 64 is not a multiple of `num_attention_heads` 5");
    let layers = json!({ "num_hidden_layers": 70_000 });
    insta::assert_snapshot!(refusal(layers), @"config.json: `num_hidden_layers` is 70000, expected at most 65536");
    let huge = json!({ "vocab_size": 1_u64 << 40, "hidden_size": 1_u64 << 40 });
    insta::assert_snapshot!(refusal(huge), @"config.json: the sizes together give more than 2^53 parameters");
}

#[test]
fn of_two_thetas_the_inner_one_counts_and_spellings_that_contradict_each_other_are_refused() {
    let theta = json!({ "rope_parameters": { "rope_theta": 10_000.0, "rope_type": "default" } });
    assert_eq!(with(theta).unwrap().rope.theta.to_bits(), 10_000_f64.to_bits());
    let scaling = json!({
        "rope_parameters": { "rope_type": "linear", "factor": 2.0 }, "rope_scaling": { "type": "linear", "factor": 4.0 },
    });
    insta::assert_snapshot!(refusal(scaling), @"config.json: `rope_parameters` and `rope_scaling` contradict each other; remove one");
}

#[test]
fn text_that_is_no_configuration_is_refused() {
    let message = |text: &str| LlamaConfig::from_json(text).unwrap_err().to_string();
    insta::assert_snapshot!(message("{\"vocab_size\": 12"), @"config.json: not JSON: EOF while parsing an object at line 1 column 17");
    insta::assert_snapshot!(message("[1, 2]"), @"config.json: expected a JSON object");
    insta::assert_snapshot!(message("{}"), @r#"config.json: neither `model_type` nor `architectures` is there, expected "llama"; `hidden_size` is missing, expected a whole number; `num_attention_heads` is missing, expected a whole number; `num_hidden_layers` is missing, expected a whole number; `vocab_size` is missing, expected a whole number; `intermediate_size` is missing, expected a whole number"#);
}

#[test]
fn windows_and_scalings_that_no_text_reaches_are_none() {
    let plain = with(json!({})).unwrap();
    for changes in [
        json!({ "sliding_window": 256 }),
        json!({ "sliding_window": 8, "use_sliding_window": false }),
        json!({ "sliding_window": null, "use_sliding_window": true }),
        json!({ "sliding_window": 4096, "use_sliding_window": true, "max_window_layers": 1 }),
        json!({ "attention_chunk_size": 8192 }),
        json!({ "sliding_window": 256, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"] }),
        json!({ "rope_scaling": { "type": "dynamic", "factor": 2.0 } }),
        json!({ "rope_scaling": {} }),
        json!({ "rope_scaling": { "type": null, "factor": null } }),
        json!({ "attention_dropout": 0.1 }),
        json!({ "attention_dropout": { "__float__": "NaN" } }),
        json!({ "bos_token_id": null, "pad_token_id": -1 }),
    ] {
        let read = with(changes.clone()).unwrap();
        let read = read.with(|fields| fields.bos_token_id = plain.bos_token_id).unwrap();
        assert_eq!(read, plain, "{changes}");
    }
    assert_eq!(with(json!({ "bos_token_id": -1, "eos_token_id": [-1, 2] })).unwrap().bos_token_id, None);
    assert_eq!(with(json!({ "eos_token_id": [] })).unwrap().eos_token_id, None);
    let layers = json!({ "layer_types": ["sliding_attention", "full_attention", "full_attention"] });
    insta::assert_snapshot!(refusal(layers), @r#"config.json: `layer_types` may only list "full_attention": the decoder attends to the whole sequence"#);
}

#[test]
fn the_length_before_scaling_is_said_outside_inside_or_not_at_all() {
    let original = |outside: Value, inside: Value| {
        let scaling = json!({
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": inside,
        });
        let changes = json!({ "rope_scaling": scaling, "original_max_position_embeddings": outside });
        match with(changes).unwrap().rope.scaling.clone() {
            RopeScaling::Llama3 { original_max_position_embeddings, .. } => original_max_position_embeddings,
            other => panic!("{other:?}"),
        }
    };
    // The inverse frequencies that transformers 5.24 computes are those of these lengths.
    assert_eq!(original(json!(64), json!(null)), 64);
    assert_eq!(original(json!(64), json!(128)), 64);
    assert_eq!(original(json!(null), json!(128)), 128);
    assert_eq!(original(json!(null), json!(null)), 256);
}

#[test]
fn what_a_file_leaves_out_of_yarn_is_as_in_transformers() {
    let yarn = |changes: Value| {
        let mut scaling = json!({ "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64 });
        scaling.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        with(json!({ "rope_scaling": scaling })).map(|config| config.rope.scaling.clone())
    };
    let usual = Yarn::new(4.0, 64);
    assert_eq!((usual.beta_fast, usual.beta_slow, usual.truncate), (32.0, 1.0, true));
    assert!((usual.attention_factor - 1.138_629_436).abs() < 1e-9);
    for same in
        [json!({}), json!({ "beta_fast": 0, "mscale": 0.7 }), json!({ "mscale_all_dim": 0, "mscale": 2 })]
    {
        assert_eq!(yarn(same.clone()).unwrap(), RopeScaling::Yarn(usual), "{same}");
    }
    let scales = json!({ "mscale": 2.0, "mscale_all_dim": 1.0, "beta_fast": 8, "truncate": false });
    let RopeScaling::Yarn(found) = yarn(scales).unwrap() else { panic!("it is YaRN") };
    assert!((found.attention_factor - 1.277_258_872 / 1.138_629_436).abs() < 1e-8);
    assert_eq!((found.beta_fast.to_bits(), found.truncate), (8_f64.to_bits(), false));
    let refusal = |changes: Value| yarn(changes).unwrap_err().to_string();
    insta::assert_snapshot!(refusal(json!({ "factor": null, "beta_slow": "slow" })), @r#"config.json: in `rope_scaling`: `factor` is missing, expected a number; in `rope_scaling`: `beta_slow` is "slow", expected a number"#);
    insta::assert_snapshot!(refusal(json!({ "beta_fast": 0.5, "attention_factor": 0 })), @"config.json: `attention_factor` is 0, expected a positive number; `beta_fast` is 0.5, below `beta_slow`, which is 1");
}

#[test]
fn an_older_scaling_takes_the_place_of_the_newer_parameters() {
    let both = json!({
        "rope_theta": null, "rope_scaling": { "rope_type": "linear", "factor": 2.0, "rope_theta": 7.0 },
        "rope_parameters": { "rope_type": "linear", "factor": 2.0 },
    });
    let read = with(both).unwrap().into_fields().rope;
    assert_eq!((read.theta.to_bits(), read.scaling), (7_f64.to_bits(), RopeScaling::Linear { factor: 2.0 }));
    let other = json!({
        "rope_theta": null, "rope_scaling": { "rope_type": "linear", "factor": 2.0 },
        "rope_parameters": { "rope_type": "linear", "factor": 2.0, "rope_theta": 7.0 },
    });
    insta::assert_snapshot!(refusal(other), @"config.json: `rope_parameters` and `rope_scaling` contradict each other; remove one");
    let nested =
        json!({ "rope_theta": null, "rope_parameters": { "full_attention": { "rope_theta": 7.0 } } });
    assert_eq!(with(nested).unwrap().rope.theta.to_bits(), 7_f64.to_bits());
}

#[test]
fn a_type_goes_by_every_name_that_pytorch_has_for_it() {
    for (name, dtype) in [
        ("float64", Dtype::F64),
        ("double", Dtype::F64),
        ("torch.float32", Dtype::F32),
        ("float", Dtype::F32),
        ("half", Dtype::F16),
        ("torch.bfloat16", Dtype::Bf16),
    ] {
        assert_eq!(with(json!({ "torch_dtype": name })).unwrap().dtype, dtype);
    }
    // Beside stored weights, the name isn't needed.
    let auto = json!({ "torch_dtype": "auto" });
    insta::assert_snapshot!(refusal(auto), @r#"config.json: `torch_dtype` is "auto", expected "float32", "float16" or "bfloat16""#);
    let mut json = base();
    json["torch_dtype"] = json!("auto");
    assert_eq!(LlamaConfig::from_value(&json).unwrap().dtype, Dtype::F32);
}
