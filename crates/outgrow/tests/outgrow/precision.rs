//! `--dtype` and `dtype` in a recipe: what is computed in, what is said of it, and runs that don't mix.

use std::fs;

use outgrow_kernels::{DeviceName, Precision, has_instructions};
use serde_json::{Value, json};

use crate::tiny::{self, Workshop, assert_success, recipe, scratch, stderr, stdout};

fn workshop(dtype: &str) -> Workshop {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", format!("{dtype}\n{}", recipe(&scratch(224, "1e-2"))));
    workshop
}

fn run_file(workshop: &Workshop, run: &str) -> Value {
    serde_json::from_slice(&fs::read(workshop.path(run).join("run.json")).unwrap()).unwrap()
}

/// The losses of all steps.
fn losses(workshop: &Workshop, run: &str) -> Vec<f64> {
    let metrics = fs::read_to_string(workshop.path(run).join("metrics.jsonl")).unwrap();
    let lines = metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line["loss"].as_f64()).collect()
}

#[test]
fn a_run_in_bf16_says_so_and_has_nearly_the_losses_of_one_in_f32() {
    let workshop = workshop("dtype = \"bf16-emulated\"");
    for (flags, run, dtype) in [(&["--dtype", "f32"][..], "exact", "f32"), (&[], "rounded", "bf16")] {
        let output = workshop.run(&[&["train", "recipe.toml", "--out", run], flags].concat());
        assert_success(&output);
        assert!(!stderr(&output).contains("note:"), "{}", stderr(&output));
        assert_eq!(run_file(&workshop, run)["dtype"], dtype);
    }
    let (exact, rounded) = (losses(&workshop, "exact"), losses(&workshop, "rounded"));
    assert_ne!(exact, rounded);
    for (exact, rounded) in exact.iter().zip(&rounded) {
        assert!((exact - rounded).abs() < exact / 256.0, "{rounded}, in f32 {exact}");
    }
    assert_eq!(exact.len(), rounded.len());
}

#[test]
fn a_finished_run_is_not_taken_for_one_in_another_precision() {
    let workshop = workshop("");
    let train = ["train", "recipe.toml", "--out", "run"];
    assert_success(&workshop.run(&train));
    let other = workshop.run(&[&train[..], &["--dtype", "bf16-emulated"]].concat());
    assert_eq!(other.status.code(), Some(2));
    assert_eq!(
        stderr(&other),
        "error: run: this run is done, in f32; in bf16 it is another, which needs another --out\n"
    );
    // One from before there was a choice.
    let mut run = run_file(&workshop, "run");
    run.as_object_mut().unwrap().remove("dtype");
    workshop.write("run/run.json", run.to_string());
    assert_eq!(stderr(&workshop.run(&train)), "run: this run is done\n");
}

#[test]
fn bf16_is_computed_where_there_are_instructions_and_else_f32_is_with_a_note() {
    let workshop = workshop("dtype = \"bf16\"");
    let output = workshop.run(&["train", "recipe.toml", "--out", "run"]);
    assert_success(&output);
    let native = has_instructions(DeviceName::Flex, Precision::Bf16).unwrap();
    let note = "note: this processor has no instructions for bf16 (AVX512-BF16): computing in f32";
    assert_eq!(stderr(&output).contains(note), !native, "{}", stderr(&output));
    assert_eq!(run_file(&workshop, "run")["dtype"], if native { "bf16" } else { "f32" });
}

#[test]
fn models_are_scored_and_go_on_with_texts_in_bf16() {
    let workshop = workshop("");
    assert_success(&workshop.run(&["train", "recipe.toml", "--out", "run"]));
    let model = "run/step-00000007";
    fs::create_dir_all(workshop.path("documents/lambada_openai")).unwrap();
    let document = json!({ "text": tiny::text(3, 9) }).to_string();
    workshop.write("documents/lambada_openai/lambada_openai_test.jsonl", document);
    let eval = ["eval", model, "--tasks", "lambada_openai", "--data", "documents", "--out", "out"];
    assert_success(&workshop.run(&[&eval[..], &["--dtype", "bf16-emulated"]].concat()));
    let folder = workshop.path("out").join(model.replace('/', "__"));
    let file = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let results: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(results["config"]["model_dtype"], "torch.bfloat16");

    let generate =
        ["generate", model, "--prompt", &tiny::text(1, 4), "--max-new-tokens", "5", "--ignore-eos"];
    let output = workshop.run(&[&generate[..], &["--dtype", "bf16-emulated", "--json"]].concat());
    assert_success(&output);
    let written: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(written["tokens"].as_array().unwrap().len(), 5, "{written}");
}

#[test]
fn an_unknown_dtype_is_refused_with_those_that_exist() {
    let workshop = workshop("dtype = \"fp16\"");
    let output = workshop.run(&["train", "recipe.toml", "--out", "run"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.starts_with("error: recipe.toml, line "), "{said}");
    assert!(said.ends_with(": dtype = \"fp16\": there are f32, bf16, bf16-emulated\n"), "{said}");
    assert!(!workshop.path("run").exists());
}
