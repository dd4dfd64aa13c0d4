//! JSON as Python writes it, keys that change nothing, and a vocabulary that config.json has not heard of.

use std::fs;

use serde_json::json;

use super::{EMBEDDING, Folder, tensor};

#[test]
fn json_is_read_as_python_writes_it() {
    let folder = Folder::new(false);
    let text = folder.config.to_json().to_string();
    let write = |text: &str| fs::write(folder.file("config.json"), text).unwrap();
    let with = |more: &str| write(&format!("{}, {more}}}", &text[..text.len() - 1]));
    with(
        r#""router_limit": Infinity, "loss_scale": [NaN, -Infinity], "seed": 1000000000000000019884624838656"#,
    );
    insta::assert_snapshot!(folder.notes_of_the_plain_one(), @"config.json has NaN or Infinity under `router_limit`, `loss_scale`, which JSON doesn't have; none of it is needed, and it is kept as it is");
    with(r#""time_step_limit": [0.0, {"__float__": "Infinity"}]"#);
    assert_eq!(folder.notes_of_the_plain_one(), "");
    write(&format!("\u{feff}{text}"));
    insta::assert_snapshot!(folder.notes_of_the_plain_one(), @"config.json begins with a byte order mark, which is passed over; Python refuses such a file");
    // A number that is needed has to be one.
    for (key, number) in [("rms_norm_eps", "NaN"), ("rope_theta", "{\"__float__\": \"Infinity\"}")] {
        with(&format!("\"{key}\": {number}"));
        let shown = if key == "rope_theta" { "Infinity" } else { number };
        assert_eq!(folder.refusal(), format!("DIR/model/config.json: `{key}` is {shown}, expected a number"));
    }
    let indexed = Folder::new(false).indexed(|_| {});
    let index = indexed.file("model.safetensors.index.json");
    let text = fs::read_to_string(&index).unwrap();
    fs::write(&index, format!("\u{feff}{text}")).unwrap();
    insta::assert_snapshot!(indexed.notes_of_the_plain_one(), @"model.safetensors.index.json begins with a byte order mark, which is passed over; Python refuses such a file");
}

#[test]
fn keys_that_change_nothing_are_noted() {
    let folder = Folder::new(false).configured(|config| {
        config["attention_dropout"] = json!(0.1);
        config["sliding_window"] = json!(4096);
        config["rope_theta"] = json!(1.0);
        config["rope_parameters"] = json!({ "rope_theta": 10_000.0, "rope_type": "dynamic", "factor": 2.0 });
        config["bos_token_id"] = json!(-1);
        config["torch_dtype"] = json!("auto");
    });
    insta::assert_snapshot!(folder.notes_of_the_plain_one(), @r#"
    config.json: `attention_dropout` is 0.1: of no effect, since nothing is dropped here
    config.json: `sliding_window` is 4096: of no effect, since no text has more than 2048 tokens
    config.json: `rope_type` is "dynamic": of no effect, since no text has more than 2048 tokens
    config.json: `rope_theta` is 1, and 10000 in `rope_parameters`, which counts; older readers take the other
    config.json: `bos_token_id` is -1: no token
    config.json: `torch_dtype` is "auto", expected "float32", "float16" or "bfloat16"; the weights are float32
    "#);
}

#[test]
fn a_vocabulary_that_was_resized_is_recognised() {
    let folder =
        Folder::new(true).with(|tensors| drop(tensors.insert(EMBEDDING.to_owned(), tensor(&[13, 8], 0.0))));
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: `model.embed_tokens.weight` has shape [13, 8], expected [12, 8]; if the vocabulary was resized, set `vocab_size` to 13");
}
