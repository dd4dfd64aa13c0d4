//! What no run can branch off from: what differs in the beginning is named in one line, and nothing is written.

use std::fs;

use serde_json::Value;

use crate::{
    branching::{grown_after, longer_base, of_two_layers, train, with_checkpoints},
    resuming::refused,
    tiny::{Workshop, assert_success, recipe, scratch},
};

const BRANCH: [&str; 6] = ["train", "run.toml", "--out", "run", "--branch-from", "trunk/step-4"];

fn grown() -> String {
    grown_after(128)
}

/// A workshop with the longer base as `trunk`.
fn with_trunk() -> Workshop {
    let workshop = Workshop::with_shards();
    assert_success(&train(&workshop, &longer_base(), "trunk", &[]));
    workshop
}

#[test]
fn all_that_differs_in_the_beginning_is_said_at_once() {
    let workshop = with_trunk();
    let with = |changes: &[(&str, &str)]| {
        let mut recipe = grown();
        for (from, to) in changes {
            assert!(recipe.contains(from), "{from}");
            recipe = recipe.replace(from, to);
        }
        workshop.write("run.toml", recipe);
        refused(&workshop, &BRANCH)
    };
    insta::assert_snapshot!(with(&[("seed = 1", "seed = 2"), ("batch_sequences = 2", "batch_sequences = 1")]), @"trunk/step-00000004: has another beginning, with seed = 1, here 2; data.order_seed = 1, here 2; training.batch_sequences = 2, here 1; a run branches off where all is the same until there, or begins by itself without --branch-from");
    insta::assert_snapshot!(with(&[("hidden_size = 16", "hidden_size = 8"), ("validation_sequences = 2", "validation_sequences = 3")]), @r#"trunk/step-00000004: has another beginning, with stage "base": hidden_size = 16, here 8; stage "base": head_dim = 8, here 4; training.validation_sequences = 2, here 3; a run branches off where all is the same until there, or begins by itself without --branch-from"#);
    insta::assert_snapshot!(with(&[("factor = 2", "factor = 4")]), @r#"trunk/step-00000004: has another beginning, with stage "base": num_hidden_layers = 2, here 1; a run branches off where all is the same until there, or begins by itself without --branch-from"#);
    insta::assert_snapshot!(with(&[("base_tokens = 128", "base_tokens = 96")]), @r#"trunk/step-00000004: has another beginning, with stage "base": tokens = 128 so far, here 96; a run branches off where all is the same until there, or begins by itself without --branch-from"#);
    insta::assert_snapshot!(with(&[("base_learning_rate = { peak = 1e-2", "base_learning_rate = { peak = 2e-2")]), @r#"trunk/step-00000004: has another beginning, with stage "base": learning rate after 32 tokens = 0.01, here 0.02; a run branches off where all is the same until there, or begins by itself without --branch-from"#);
    insta::assert_snapshot!(with(&[("horizon_tokens = 128", "horizon_tokens = 256")]), @r#"trunk/step-00000004: has another beginning, with stage "base": learning rate after 64 tokens = 0.00775, here 0.009554359905560887; a run branches off where all is the same until there, or begins by itself without --branch-from"#);
    insta::assert_snapshot!(with(&[("[schedule]", "[training.optimizer]\nbeta2 = 0.9\n\n[schedule]")]), @"trunk/step-00000004: has another beginning, with training.optimizer.beta2 = 0.95, here 0.9; a run branches off where all is the same until there, or begins by itself without --branch-from");
}

#[test]
fn what_comes_later_may_be_anything_and_where_the_other_stands_already_counts() {
    let workshop = with_trunk();
    // One stage only, where the trunk of two has begun its second.
    let two = with_checkpoints(&grown());
    assert_success(&train(&workshop, &two, "two", &[]));
    workshop.write("run.toml", of_two_layers(&recipe(&scratch(320, "1e-2"))));
    let from = |other: &str| {
        let arguments = ["train", "run.toml", "--out", "run", "--branch-from", other];
        refused(&workshop, &arguments)
    };
    insta::assert_snapshot!(from("two/step-5"), @"two/step-00000005: has another beginning, with schedule: stages = base, grown, here scratch; schedule: tokens = 128, here 320; schedule: learning rate after 64 tokens = 0.00775, here 0.009698463103929543; a run branches off where all is the same until there, or begins by itself without --branch-from");
    workshop.write(
        "run.toml",
        grown().replace("factor = 2\nbase", "growth.operator = \"interleave\"\ngrowth.factor = 2\nbase"),
    );
    insta::assert_snapshot!(from("two/step-6"), @r#"two/step-00000006: has another beginning, with stage "grown": enter = {"operator":"stack","factor":2}, here {"operator":"interleave","factor":2}; a run branches off where all is the same until there, or begins by itself without --branch-from"#);
}

#[test]
fn what_is_no_checkpoint_is_said() {
    let workshop = with_trunk();
    workshop.write("run.toml", grown());
    let from = |other: &str| {
        let arguments = ["train", "run.toml", "--out", "run", "--branch-from", other];
        refused(&workshop, &arguments)
    };
    fs::create_dir(workshop.path("empty")).unwrap();
    insta::assert_snapshot!(from("nowhere"), @"nowhere: no run can branch off from it: there is no such folder");
    insta::assert_snapshot!(from("empty"), @"empty: no run can branch off from it: it holds no checkpoint");
    insta::assert_snapshot!(from("trunk/step-40"), @"trunk/step-40: no run can branch off from it: there is no such checkpoint, there are step-00000001, step-00000002, step-00000003, step-00000004, step-00000005, step-00000006, step-00000007");
    insta::assert_snapshot!(from("training"), @"training: no run can branch off from it: it holds no checkpoint");
    for step in 1..=7 {
        fs::remove_file(workshop.path(&format!("trunk/step-0000000{step}/training/optimizer.safetensors")))
            .unwrap();
    }
    insta::assert_snapshot!(from("trunk/step-4"), @"trunk/step-4: no run can branch off from it: training/optimizer.safetensors isn't there");
    insta::assert_snapshot!(from("trunk"), @"trunk: no run can branch off from it: step-00000007: training/optimizer.safetensors isn't there");
    let itself = ["train", "run.toml", "--out", "trunk", "--branch-from", "trunk"];
    insta::assert_snapshot!(refused(&workshop, &itself), @"trunk: can't branch off from itself (trunk); give --out another folder");
}

#[test]
fn the_newest_whole_checkpoint_is_taken_and_a_run_without_its_lines_is_refused() {
    let workshop = with_trunk();
    for step in 5..=7 {
        fs::remove_file(workshop.path(&format!("trunk/step-0000000{step}/model.safetensors"))).unwrap();
    }
    workshop.write("run.toml", grown());
    let branch = ["train", "run.toml", "--out", "run", "--branch-from", "trunk"];
    let lines = fs::read_to_string(workshop.path("trunk/metrics.jsonl")).unwrap();
    let is_kept = |line: &&str| !line.starts_with("{\"step\":2,\"tokens\":64,\"stage\":\"scratch\",\"loss\"");
    workshop.write("trunk/metrics.jsonl", lines.split_inclusive('\n').filter(is_kept).collect::<String>());
    insta::assert_snapshot!(refused(&workshop, &branch), @"trunk/metrics.jsonl: has no line of 1 of the 4 steps until here, the first of them step 2; a run that branches off takes them over");
    workshop.write("trunk/metrics.jsonl", &lines);
    assert_success(&workshop.run(&branch));
    let run: Value = serde_json::from_slice(&fs::read(workshop.path("run/run.json")).unwrap()).unwrap();
    assert_eq!(run["branch"]["step"], 4);
}

#[test]
fn a_run_that_was_extended_under_another_rate_is_taken_at_its_word() {
    let workshop = Workshop::with_shards();
    // The horizon follows the length.
    let short = |tokens| with_checkpoints(&of_two_layers(&recipe(&scratch(tokens, "1e-2"))));
    assert_success(&train(&workshop, &short(96), "trunk", &[]));
    assert_success(&train(&workshop, &short(160), "trunk", &["--extend"]));
    workshop.write("run.toml", short(160));
    insta::assert_snapshot!(refused(&workshop, &BRANCH), @"trunk/step-00000004: has another beginning, with schedule: learning rate after 64 tokens = 0.005000000000000001, here 0.008535533905932738; a run branches off where all is the same until there, or begins by itself without --branch-from");
}
