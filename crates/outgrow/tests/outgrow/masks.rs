//! Masked growths from the command line: masked, refused, exported, and then a model like any other.

use outgrow_checkpoint::{LlamaConfig, write_checkpoint};
use outgrow_model::{Initialization, initial_tensors};
use serde_json::{Value, json};

use crate::tiny::{Workshop, assert_success, stderr};

/// A workshop with a model of two layers in `source`.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    let config = json!({
        "model_type": "llama", "vocab_size": 32, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 32, "rms_norm_eps": 1e-5, "initializer_range": 0.3,
        "torch_dtype": "float32",
    });
    let config = LlamaConfig::from_json(&config.to_string()).unwrap();
    let tensors = initial_tensors(&config, Initialization::Normal, 1);
    write_checkpoint(&workshop.path("source"), &config, &tensors, 1 << 30).unwrap();
    workshop
}

const RANDOM: [&str; 8] =
    ["grow", "source", "masked", "--operator", "random", "--num-hidden-layers", "3", "--ramp-tokens"];

#[test]
fn a_random_growth_is_exported_at_its_mask_and_verified_to_be_its_source() {
    let workshop = workshop();
    assert_success(&workshop.run(&[&RANDOM[..], &["5000"]].concat()));
    let state = std::fs::read_to_string(workshop.path("masked/training/mask.json")).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!((&state["mask"], &state["ramp_tokens"]), (&json!(0.0), &json!(5000)));
    for refused in [
        &["grow", "masked", "again", "--layers", "0,1"][..],
        &["grow", "masked", "again", "--layers", "0,1", "--plan"],
        &["verify", "source", "masked"],
        &["verify", "masked", "source"],
    ] {
        let output = workshop.run(refused);
        assert_eq!(output.status.code(), Some(2));
        insta::allow_duplicates! {
            insta::assert_snapshot!(stderr(&output).trim_end(), @"error: masked: its new parts are behind a mask (training/mask.json); `outgrow export` folds the mask into the weights");
        }
    }
    assert_success(&workshop.run(&["export", "masked", "exported"]));
    assert!(!workshop.path("exported/training").exists());
    let verify = ["verify", "source", "exported", "--json", "verification.json"];
    assert_success(&workshop.run(&verify));
    let json = std::fs::read_to_string(workshop.path("verification.json")).unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["models"]["logits"]["function"], "preserved");
    let card = std::fs::read_to_string(workshop.path("exported/README.md")).unwrap();
    assert!(card.contains("# Exported from `masked`") && card.contains("which stood at 0,"), "{card}");
    insta::assert_snapshot!(stderr(&workshop.run(&["export", "exported", "again"])).trim_end(), @"error: exported: has no mask to fold in (training/mask.json); it is a whole model as it is");
}

#[test]
fn an_open_random_growth_is_verified_at_once() {
    let workshop = workshop();
    assert_success(&workshop.run(&[&RANDOM[..], &["1", "--mask", "1", "--verify"]].concat()));
    assert!(!workshop.path("masked/training").exists());
}

#[test]
fn copies_behind_a_closed_mask_are_exported_as_their_source() {
    let workshop = workshop();
    for (index, growth) in [
        &["--operator", "stack", "--factor", "2"][..],
        // Channels that are copied unequally often: open, the function isn't preserved.
        &["--operator", "split", "--hidden-size", "20", "--num-attention-heads", "4", "--share", "0.3"],
    ]
    .into_iter()
    .enumerate()
    {
        let [masked, exported] = ["masked", "exported"].map(|name| format!("{name}-{index}"));
        assert_success(&workshop.run(&[&["grow", "source", &masked, "--mask", "0"], growth].concat()));
        assert_success(&workshop.run(&["export", &masked, &exported]));
        assert_success(&workshop.run(&["verify", "source", &exported, "--json", "verification.json"]));
        let json = std::fs::read_to_string(workshop.path("verification.json")).unwrap();
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["models"]["logits"]["function"], "preserved", "{growth:?}");
    }
}
