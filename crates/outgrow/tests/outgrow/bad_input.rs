//! What the program says to input that it can't use: one line, a status, and nothing left behind.

mod corpora;
#[cfg(unix)]
mod disk;
mod growth;
mod mistakes;
mod training;

use std::process::Output;

use outgrow_checkpoint::{LlamaConfig, TensorShape};
use serde_json::{Map, json};

use crate::tiny::{Workshop, stderr, stdout};

/// Bad input, or bad usage.
const BAD_INPUT: i32 = 2;
/// Anything else that ends a run.
const FAILED: i32 = 1;

/// What the program says, checked to be one line that begins with `error: `, or with several problems of a recipe a
/// line for each; `target` must not be there, nor anything
/// half-written.
fn refused(workshop: &Workshop, arguments: &[&str], status: i32, target: &str) -> String {
    let before = workshop.names(".");
    let output = workshop.run(arguments);
    let message = message_of(&output, status);
    assert_eq!(stdout(&output), "");
    assert_eq!(workshop.names("."), before, "something was left behind ({message})");
    assert!(!workshop.path(target).exists(), "{target} is there ({message})");
    message
}

fn message_of(output: &Output, status: i32) -> String {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(said.lines().skip(1).all(|line| line.starts_with("  ")), "{said}");
    assert_eq!(said.lines().count() > 1, said.contains(" problems\n"), "{said}");
    said.strip_prefix("error: ").unwrap_or_else(|| panic!("{said}")).trim_end().to_owned()
}

/// Trains a recipe in `run`, which is refused.
fn refused_recipe(workshop: &Workshop, recipe: &str) -> String {
    workshop.write("recipe.toml", recipe);
    let train = ["train", "recipe.toml", "--out", "run"];
    let message = refused(workshop, &train, BAD_INPUT, "run");
    // What can't be trained can't be planned.
    assert_eq!(refused(workshop, &[&train[..], &["--plan"]].concat(), BAD_INPUT, "run"), message);
    message
}

fn refused_growth(workshop: &Workshop, how: &[&str]) -> String {
    refused(workshop, &[&["grow", "source", "grown"], how].concat(), BAD_INPUT, "grown")
}

const STACK: [&str; 4] = ["--operator", "stack", "--factor", "2"];

/// A checkpoint of two layers in `source`, all zeros. `change` may do something to its tensors first: shape and type.
fn write_source(workshop: &Workshop, change: impl Fn(&mut Vec<(TensorShape, &'static str)>)) {
    let config = json!({
        "model_type": "llama", "vocab_size": 32, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "torch_dtype": "float32",
    });
    let model = LlamaConfig::from_json(&config.to_string()).unwrap();
    let mut tensors: Vec<_> = model.tensors().into_iter().map(|tensor| (tensor, "F32")).collect();
    change(&mut tensors);
    let mut header = Map::new();
    let mut end = 0;
    for (tensor, dtype) in tensors {
        let start = end;
        end += tensor.shape.iter().product::<usize>() * if dtype == "I64" { 8 } else { 4 };
        header.insert(
            tensor.name,
            json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": [start, end] }),
        );
    }
    let header = serde_json::Value::Object(header).to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + end, 0);
    std::fs::create_dir(workshop.path("source")).unwrap();
    workshop.write("source/config.json", config.to_string());
    workshop.write("source/model.safetensors", bytes);
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_printed() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let program = env!("CARGO_BIN_EXE_outgrow");
    let output = std::process::Command::new(program).arg("devices").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    insta::assert_snapshot!(message.trim_end(), @"error: standard output: No space left on device (os error 28)");
}
