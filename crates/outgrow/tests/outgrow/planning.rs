//! What `outgrow grow --plan` says, and that it needs no weights and leaves nothing behind.

use serde_json::{Map, Value, json};

use crate::tiny::{Workshop, assert_success, stderr, stdout};

const GROW: [&str; 7] = ["grow", "source", "grown", "--operator", "stack", "--factor", "2"];

/// A folder of two layers, as someone has it who has downloaded everything but the shards.
fn write_source_without_shards(workshop: &Workshop) {
    let config = json!({
        "model_type": "llama", "vocab_size": 32, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "torch_dtype": "float16",
    });
    let model = outgrow_checkpoint::LlamaConfig::from_json(&config.to_string()).unwrap();
    let shard = |index: usize| format!("model-{:05}-of-00002.safetensors", index / 11 + 1);
    let map: Map<String, Value> =
        model.tensors().into_iter().enumerate().map(|(index, one)| (one.name, shard(index).into())).collect();
    std::fs::create_dir(workshop.path("source")).unwrap();
    workshop.write("source/config.json", config.to_string());
    workshop.write("source/model.safetensors.index.json", json!({ "weight_map": map }).to_string());
}

/// The account without the line about time, which differs from disk to disk.
fn without_time(account: &str) -> String {
    account.lines().filter(|line| !line.starts_with("time ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_growth_is_planned_without_the_shards_but_not_carried_out() {
    let workshop = Workshop::new();
    write_source_without_shards(&workshop);
    let before = workshop.names(".");
    let output = workshop.run(&[&GROW[..], &["--plan"]].concat());
    assert_success(&output);
    insta::assert_snapshot!(without_time(&stdout(&output)), @"
    layers       2 → 4
    made of      0-1 ×2 (2 of 3 neighbours kept)
    function     not preserved
    parameters   1,640 → 2,760
    tensors      39, all copied byte for byte
    bytes        5,520
    shards       1
                 model.safetensors  5,520 bytes
    memory       about 10 MB
    not there    2 of the source's shards: shapes and types are those of config.json
    ");
    let refused = workshop.run(&GROW);
    assert_eq!(refused.status.code(), Some(2));
    insta::assert_snapshot!(stderr(&refused).trim_end(), @"error: source/model.safetensors.index.json: names shards that are not there: model-00001-of-00002.safetensors, model-00002-of-00002.safetensors");
    assert_eq!(workshop.names("."), before, "something was left behind");
}

#[test]
fn a_factor_is_a_depth_for_every_operator_in_depth_and_both_vocabularies_say_it() {
    let workshop = Workshop::new();
    write_source_without_shards(&workshop);
    workshop.write("recipe.toml", "[[steps]]\noperator = 'zero'\naxis = 'depth'\nfactor = 2\n");
    let account = |how: &[&str]| {
        let output = workshop.run(&[&["grow", "source", "grown", "--plan"], how].concat());
        assert_success(&output);
        without_time(&stdout(&output))
    };
    let zero = account(&["--operator", "zero", "--num-hidden-layers", "4"]);
    for how in [
        &["--operator", "zero", "--factor", "2"][..],
        &["--operator", "zero-depth", "--factor", "2"],
        &["--recipe", "recipe.toml"],
    ] {
        assert_eq!(account(how), zero);
    }
    for operator in ["last", "random", "learned"] {
        let layers = account(&["--operator", operator, "--num-hidden-layers", "4"]);
        assert_eq!(account(&["--operator", operator, "--factor", "2"]), layers, "{operator}");
    }
}

#[test]
fn the_time_is_said_where_the_target_s_disk_can_be_measured() {
    let workshop = Workshop::new();
    write_source_without_shards(&workshop);
    let has_time = |target: &str| {
        let output = workshop.run(&["grow", "source", target, "--layers", "0,1,1", "--plan"]);
        assert_success(&output);
        stdout(&output).lines().any(|line| line.starts_with("time ") && line.ends_with(" MB/s, measured"))
    };
    assert!(has_time("grown"));
    // What isn't there yet will lie on the disk of the lowest folder that is.
    assert!(has_time("not/there/grown"));
    assert!(!workshop.path("not").exists());
    #[cfg(target_os = "linux")]
    assert!(!has_time("/proc/grown"));
}
