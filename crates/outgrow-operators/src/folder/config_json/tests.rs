//! Configurations of published architectures, cut to a few layers.

use serde_json::{Value, json};

use super::grown_config;

/// A model of four layers with some keys.
fn source(keys: &Value) -> Value {
    let mut config = json!({ "model_type": "llama", "num_hidden_layers": 4, "eos_token_id": [1, 2, 3, 4] });
    config.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    config
}

#[expect(clippy::needless_pass_by_value, reason = "calls read better so")]
fn grown(keys: Value, layers: &[usize]) -> Value {
    grown_config(&source(&keys), 4, layers).unwrap()
}

#[expect(clippy::needless_pass_by_value, reason = "calls read better so")]
fn refused(keys: Value, layers: &[usize]) -> String {
    let (key, problem) = grown_config(&source(&keys), 4, layers).unwrap_err();
    format!("`{key}`: {problem}")
}

const STACKED: [usize; 8] = [0, 1, 2, 3, 0, 1, 2, 3];

#[test]
fn only_the_number_of_layers_changes_where_layers_are_alike() {
    let keys =
        json!({ "hidden_size": 8, "rope_scaling": { "short_factor": [1, 2, 3, 4] }, "n_layer": 4, "z": "z" });
    let mut expected = source(&keys);
    (expected["num_hidden_layers"], expected["n_layer"]) = (json!(8), json!(8));
    let config = grown(keys, &STACKED);
    assert_eq!(config, expected);
    let keys = |config: &Value| config.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&config), keys(&expected));
}

#[test]
fn a_model_that_does_not_grow_keeps_its_file() {
    let keys = json!({ "model_type": "gemma2", "decoder_sparse_step": 3, "unknown": [1, 2, 3, 4] });
    assert_eq!(grown(keys.clone(), &[0, 1, 2, 3]), source(&keys));
}

#[test]
fn lists_with_an_entry_a_layer_grow_with_the_layers() {
    let lists = json!({
        "layer_types": ["a", "b", "c", "d"], "mlp_layer_types": ["dense", "sparse", "sparse", "dense"],
        "no_rope_layers": [1, 1, 1, 0], "intermediate_size": [1, 2, 3, 4], "layers_block_type": null,
    });
    let config = grown(lists, &[0, 3, 3]);
    assert_eq!(config["layer_types"], json!(["a", "d", "d"]));
    assert_eq!(config["mlp_layer_types"], json!(["dense", "dense", "dense"]));
    assert_eq!(config["no_rope_layers"], json!([1, 0, 0]));
    assert_eq!(config["intermediate_size"], json!([1, 4, 4]));
    assert_eq!(config["layers_block_type"], Value::Null);
    insta::assert_snapshot!(refused(json!({ "layer_types": ["a"] }), &STACKED), @"`layer_types`: has 1 entries, expected 4: one for each layer");
    insta::assert_snapshot!(refused(json!({ "layer_types": "a" }), &STACKED), @r#"`layer_types`: is "a", expected a list with an entry a layer"#);
}

#[test]
fn lists_of_layers_grow_with_the_layers() {
    let lists = json!({ "mlp_only_layers": [], "full_attn_idxs": [1, 3], "layer_types": null });
    let config = grown(lists, &STACKED);
    assert_eq!(config["full_attn_idxs"], json!([1, 3, 5, 7]));
    assert_eq!(config["mlp_only_layers"], json!([]));
    assert_eq!(grown(json!({ "moe_layers": [0] }), &[3, 2, 0, 0])["moe_layers"], json!([2, 3]));
    insta::assert_snapshot!(refused(json!({ "mlp_only_layers": [4] }), &STACKED), @"`mlp_only_layers`: holds 4, expected layers 0 to 3");
}

#[test]
fn an_unknown_list_of_as_many_entries_as_layers_is_refused() {
    insta::assert_snapshot!(refused(json!({ "layer_scales": [1, 2, 3, 4] }), &STACKED), @"`layer_scales`: has 4 entries, one for each layer it seems, and what they mean is not known here");
    insta::assert_snapshot!(refused(json!({ "attention": { "windows": [1, 2, 3, 4] } }), &STACKED), @"`attention.windows`: has 4 entries, one for each layer it seems, and what they mean is not known here");
    grown(json!({ "layer_scales": [1, 2, 3] }), &STACKED);
}

#[test]
fn what_follows_from_the_layers_number_is_written_out() {
    let (full, sliding) = ("full_attention", "sliding_attention");
    let types = |keys: Value, layers: &[usize]| grown(keys, layers)["layer_types"].clone();
    let gemma2 = json!({ "model_type": "gemma2" });
    assert_eq!(types(gemma2.clone(), &[0, 0, 1, 1]), json!([sliding, sliding, full, full]));
    assert_eq!(types(gemma2, &[0, 1, 2, 0, 1, 2]), json!([sliding, full, sliding, sliding, full, sliding]));

    let cohere2 = json!({ "model_type": "cohere2", "sliding_window_pattern": 2 });
    let config = grown(cohere2, &[1, 1, 2]);
    assert_eq!(config["layer_types"], json!([full, full, sliding]));
    assert_eq!(config.get("sliding_window_pattern"), None);
    assert_eq!(types(json!({ "model_type": "gemma3_text" }), &[3, 3]), json!([sliding, sliding]));
    assert_eq!(types(json!({ "model_type": "cohere2" }), &[3, 2]), json!([full, sliding]));
    assert_eq!(types(json!({ "model_type": "cwm" }), &[0, 0, 1]), json!([full, full, sliding]));
    assert_eq!(types(json!({ "model_type": "olmo3" }), &[3, 2]), json!([full, sliding]));
    assert_eq!(types(json!({ "model_type": "qwen3_next" }), &[3, 2]), json!([full, "linear_attention"]));
    assert_eq!(
        types(json!({ "model_type": "exaone4", "sliding_window": 8 }), &[3, 2]),
        json!([full, sliding])
    );
    assert_eq!(types(json!({ "model_type": "exaone4" }), &[3, 2]), json!([full, sliding]));
    assert_eq!(
        types(json!({ "model_type": "exaone4", "sliding_window": null }), &[3, 2]),
        json!([full, full])
    );

    let smollm3 = json!({ "model_type": "smollm3", "no_rope_layer_interval": 2 });
    assert_eq!(grown(smollm3, &[0, 0, 1, 1])["no_rope_layers"], json!([1, 1, 0, 0]));
    let llama4 = json!({ "model_type": "llama4_text", "no_rope_layers": [] });
    assert_eq!(grown(llama4, &[3, 2, 3])["no_rope_layers"], json!([0, 1, 0]));

    let letters = json!({ "model_type": "exaone4", "sliding_window": 8, "sliding_window_pattern": "LLLG" });
    insta::assert_snapshot!(refused(letters, &STACKED), @r#"`sliding_window_pattern`: is "LLLG", expected a whole number from 1; or write `layer_types` out"#);
    insta::assert_snapshot!(refused(json!({ "model_type": "kimi_linear" }), &STACKED), @"`layer_types`: is missing: this architecture then goes by the layers' numbers; write the list out");
    insta::assert_snapshot!(refused(json!({ "model_type": "diffllama" }), &STACKED), @r#"`model_type`: is "diffllama": its attention has a constant that follows from the layer's number"#);
}

#[test]
fn a_list_in_the_file_is_preferred_to_the_rule() {
    let gemma3 = json!({
        "model_type": "gemma3_text", "sliding_window_pattern": 6, "layer_types": ["x", "y", "z", "w"],
    });
    let config = grown(gemma3, &[0, 3]);
    assert_eq!(config["layer_types"], json!(["x", "w"]));
    assert_eq!(config.get("sliding_window_pattern"), None);
}

#[test]
fn layers_of_a_kind_at_the_bottom_may_grow_there() {
    let dense = json!({ "model_type": "deepseek_v3", "num_nextn_predict_layers": 0 });
    let above = |keys: &Value| {
        let mut keys = keys.clone();
        keys["first_k_dense_replace"] = json!(1);
        keys
    };
    assert_eq!(grown(above(&dense), &[0, 1, 2, 3, 1, 2, 3])["first_k_dense_replace"], 1);
    assert_eq!(grown(above(&dense), &[0, 0, 1, 2, 3])["first_k_dense_replace"], 2);
    // Left out, it is 3 there.
    assert_eq!(grown(dense.clone(), &[0, 1, 1, 2, 3])["first_k_dense_replace"], 4);
    insta::assert_snapshot!(refused(dense, &STACKED), @"`first_k_dense_replace`: is 3: the layers of this kind would not all be at the bottom of the grown model");
    insta::assert_snapshot!(refused(json!({ "first_k_dense_replace": 1 }), &STACKED), @"`first_k_dense_replace`: is 1: the layers of this kind would not all be at the bottom of the grown model");
    assert_eq!(grown(json!({ "first_k_dense_replace": 0 }), &STACKED)["first_k_dense_replace"], 0);
    let listed =
        json!({ "first_k_dense_replace": 1, "mlp_layer_types": ["dense", "sparse", "sparse", "sparse"] });
    assert_eq!(grown(listed, &[0, 0])["mlp_layer_types"], json!(["dense", "dense"]));
}

#[test]
fn windows_from_a_layer_on_matter_where_they_are_in_use() {
    let qwen = |used: bool, from: usize| json!({ "use_sliding_window": used, "max_window_layers": from });
    assert_eq!(grown(qwen(false, 2), &STACKED)["max_window_layers"], 2);
    assert_eq!(grown(qwen(true, 28), &STACKED)["max_window_layers"], 8);
    assert_eq!(grown(qwen(true, 0), &STACKED)["max_window_layers"], 0);
    assert_eq!(grown(qwen(true, 2), &[0, 1, 0, 1, 2, 3])["max_window_layers"], 4);
    insta::assert_snapshot!(refused(qwen(true, 2), &STACKED), @"`max_window_layers`: is 2: the layers of this kind would not all be at the bottom of the grown model");
    // A window as long as any text matters nowhere.
    let mut long = qwen(true, 2);
    long["sliding_window"] = json!(4096);
    long["max_position_embeddings"] = json!(4096);
    assert_eq!(grown(long.clone(), &STACKED)["max_window_layers"], 2);
    long["sliding_window"] = json!(4095);
    assert!(refused(long, &STACKED).contains("is 2"));
}

#[test]
fn windows_that_no_number_says_are_listed_where_the_architecture_has_a_list() {
    let (full, sliding) = ("full_attention", "sliding_attention");
    let qwen = |kind: &str, from: usize| json!({ "model_type": kind, "use_sliding_window": true, "max_window_layers": from });
    let types = json!([full, full, sliding, sliding, full, full, sliding, sliding]);
    assert_eq!(grown(qwen("qwen2", 2), &STACKED)["layer_types"], types);
    assert_eq!(grown(qwen("qwen3", 2), &[0, 0, 1, 2, 3]).get("layer_types"), None);
    // In this one, every second layer below the number has a window.
    assert_eq!(
        grown(qwen("qwen2_moe", 2), &[0, 0, 1, 2])["layer_types"],
        json!([sliding, sliding, full, full])
    );
    let dots = json!({ "model_type": "dots1", "max_window_layers": 2 });
    assert_eq!(grown(dots, &STACKED)["layer_types"], types);

    let listed = |kind: &str| {
        let mut keys = qwen(kind, 2);
        keys["layer_types"] = json!(["a", "b", "c", "d"]);
        grown(keys, &[3, 0])["layer_types"].clone()
    };
    assert_eq!(
        [listed("qwen2"), listed("qwen2_moe"), listed("another")],
        [(); 3].map(|()| json!(["d", "a"]))
    );

    // Left out, the number is 28; without a window it says nothing.
    let forty: Vec<usize> = STACKED.repeat(5);
    assert_eq!(
        grown(json!({ "model_type": "qwen2", "use_sliding_window": true }), &forty)["max_window_layers"],
        40
    );
    assert_eq!(grown(json!({ "model_type": "qwen2" }), &forty).get("max_window_layers"), None);
    let mut without = qwen("qwen2", 2);
    without["sliding_window"] = Value::Null;
    assert_eq!(grown(without, &STACKED).get("layer_types"), None);
    insta::assert_snapshot!(refused(json!({ "model_type": "dots1", "max_window_layers": "x" }), &STACKED), @r#"`max_window_layers`: is "x", expected a whole number"#);
}

#[test]
fn layers_without_experts_are_listed_where_their_place_in_a_period_changes() {
    let sparse = json!({ "model_type": "qwen3_moe", "decoder_sparse_step": 2, "mlp_only_layers": [3] });
    // Of the source, layer 1 alone has experts.
    let config = grown(sparse.clone(), &[0, 1, 1, 2, 3]);
    assert_eq!((&config["mlp_only_layers"], &config["decoder_sparse_step"]), (&json!([0, 3, 4]), &json!(1)));
    let config = grown(sparse, &STACKED);
    assert_eq!((&config["mlp_only_layers"], &config["decoder_sparse_step"]), (&json!([3, 7]), &json!(2)));
}

#[test]
fn a_period_is_kept_where_every_layer_keeps_its_place_in_it() {
    grown(json!({ "interleave_moe_layer_step": 2, "moe_layers": [1, 3] }), &[0, 1, 1]);
    for key in ["decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_freq", "moe_layer_interval"] {
        grown(json!({ key: 1 }), &[0, 2, 1]);
        grown(json!({ key: 2 }), &STACKED);
        assert!(refused(json!({ key: 2 }), &[0, 0, 1, 1]).starts_with(&format!("`{key}`: is 2: ")));
    }
    grown(json!({ "moe_layer_freq": [0, 1, 1, 1] }), &[0, 0, 1]);
    insta::assert_snapshot!(refused(json!({ "decoder_sparse_step": 0 }), &STACKED), @"`decoder_sparse_step`: is 0, expected a whole number from 1");
    insta::assert_snapshot!(refused(json!({ "model_type": "jamba" }), &STACKED), @"`attn_layer_period`: is 8: layers of the grown model would be of another kind than those they are made of");
    insta::assert_snapshot!(refused(json!({ "moe_layer_end_index": 2 }), &STACKED), @"`moe_layer_end_index`: is 2: layers above it are of another kind by their number");
    assert_eq!(grown(json!({ "moe_layer_end_index": 3 }), &STACKED)["moe_layer_end_index"], -1);
}

#[test]
fn what_no_grown_file_can_say_is_refused_by_name() {
    let keys = [
        json!({ "text_config": { "num_hidden_layers": 4 } }),
        json!({ "num_kv_shared_layers": 2 }),
        json!({ "per_layer_config": { "0": {} } }),
        json!({ "hybrid_override_pattern": "M-M*" }),
        json!({ "scale_attn_by_inverse_layer_idx": true }),
        json!({ "scale_depth": 1.4 }),
        json!({ "num_hidden_layers": 5 }),
        json!({ "num_hidden_layers": null }),
        json!({ "num_hidden_layers": null, "text_config": { "a": 1 } }),
    ];
    let lines: String = keys.into_iter().map(|keys| refused(keys, &STACKED) + "\n").collect();
    insta::assert_snapshot!(lines, @r#"
    `text_config`: the decoder is part of a larger model; extract it first
    `num_kv_shared_layers`: is 2: the last layers use keys of the layers below them
    `per_layer_config`: it names layers by their number
    `hybrid_override_pattern`: is "M-M*": it is a letter for each layer; write `layers_block_type` instead
    `scale_attn_by_inverse_layer_idx`: is true: attention is scaled by the layer's number
    `scale_depth`: is 1.4: the layers' outputs are scaled by the number of layers
    `num_hidden_layers`: is 5, but the tensors are of 4 layers
    `num_hidden_layers`: is missing, but the tensors are of 4 layers
    `text_config`: the decoder is part of a larger model; extract it first
    "#);
    let off = json!({ "num_kv_shared_layers": 0, "num_nextn_predict_layers": 1, "text_config": null });
    grown(off, &STACKED);
}
