//! `--extend`: more tokens of the last stage, and nothing else.

use std::fs;

use serde_json::json;

use crate::{
    resuming::{TRAIN, checkpointed, contents, losses, notes, refused, run_file, trained, underway},
    tiny::{Workshop, assert_success, recipe, stderr, stdout},
};

const EXTEND: [&str; 5] = ["train", "recipe.toml", "--out", "run", "--extend"];

/// From scratch, with a horizon that doesn't depend on the length.
fn scratch_with_horizon(tokens: u64) -> String {
    recipe(&format!(
        "method = \"scratch\"\ntokens = {tokens}\nlearning_rate = {{ peak = 1e-2, minimum = 1e-3, warmup_tokens = 32, horizon_tokens = 256 }}\n"
    ))
}

#[test]
fn a_finished_run_that_is_extended_is_the_longer_run_bit_for_bit() {
    let workshop = Workshop::with_shards();
    workshop.write("long.toml", scratch_with_horizon(192));
    assert_success(&workshop.run(&["train", "long.toml", "--out", "long"]));
    // Neither length is a whole number of steps.
    workshop.write("recipe.toml", scratch_with_horizon(80));
    assert_success(&workshop.run(&TRAIN));
    workshop.write("recipe.toml", scratch_with_horizon(192));
    let without = refused(&workshop, &TRAIN);
    insta::assert_snapshot!(without, @"run/step-00000003: was written by a run with schedule.tokens = 80, here 192; --extend goes on with it as it is here");

    let output = workshop.run(&EXTEND);
    let said = notes(&output);
    assert_eq!(said, ["schedule.tokens = 192 from step 3 on, where it was 80; run.json records it"]);
    assert_eq!(stdout(&output), "run/step-00000006\n");
    let files = |run: &str| {
        let mut files = contents(&workshop.path(run).join("step-00000006"));
        files.remove("training/state.json");
        files
    };
    assert!(files("run") == files("long"), "another model");
    assert_eq!(losses(&workshop, "run"), losses(&workshop, "long"), "the same order of the data");
    let run = run_file(&workshop);
    assert_eq!(run["changes"], json!([{"step": 3, "field": "schedule.tokens", "from": 80, "to": 192}]));
    assert_eq!(run["finished"], true);
    for arguments in [&TRAIN[..], &EXTEND] {
        assert_eq!(stderr(&workshop.run(arguments)), "run: this run is done\n");
    }
}

#[test]
fn a_horizon_that_follows_the_length_changes_with_it_and_both_are_recorded() {
    let workshop = trained();
    workshop.write("recipe.toml", checkpointed().replace("grown_tokens = 96", "grown_tokens = 160"));
    insta::assert_snapshot!(refused(&workshop, &TRAIN), @r#"run/step-00000007: was written by a run with stage "grown": tokens = 96, here 160; stage "grown": learning_rate.horizon_tokens = 96, here 160; --extend goes on with it as it is here"#);
    let said = notes(&workshop.run(&EXTEND));
    assert_eq!(
        said,
        [
            "stage \"grown\": tokens = 160 from step 7 on, where it was 96; run.json records it",
            "stage \"grown\": learning_rate.horizon_tokens = 160 from step 7 on, where it was 96; run.json records it",
        ]
    );
    assert_eq!(losses(&workshop, "run").len(), 9);
    let run = run_file(&workshop);
    assert_eq!(run["changes"].as_array().unwrap().len(), 2);
    assert_eq!(run["stages"]["stages"][1]["tokens"], 160);
}

#[test]
fn a_run_is_extended_on_its_way_and_before_its_last_stage() {
    for step in ["step-5", "step-4"] {
        let workshop = trained();
        workshop.write("recipe.toml", checkpointed().replace("grown_tokens = 96", "grown_tokens = 128"));
        let rewind = [&EXTEND[..], &["--rewind-to", step]].concat();
        assert_success(&workshop.run(&rewind));
        assert_eq!(losses(&workshop, "run").len(), 8);
        assert_eq!(run_file(&workshop)["changes"][0]["step"], step[5..].parse::<u64>().unwrap());
    }
}

#[test]
fn an_extension_that_is_killed_at_once_is_recorded_once() {
    let workshop = underway();
    workshop.write("recipe.toml", checkpointed().replace("grown_tokens = 96", "grown_tokens = 128"));
    assert_success(&workshop.run(&EXTEND));
    let expected = run_file(&workshop)["changes"].clone();
    // As after a kill before the next checkpoint: what was recorded stands in run.json, and no step was taken.
    for step in ["step-00000007", "step-00000008"] {
        fs::remove_dir_all(workshop.path("run").join(step)).unwrap();
    }
    crate::resuming::change_run_file(&workshop, |run| run["finished"] = false.into());
    assert_success(&workshop.run(&EXTEND));
    assert_eq!(run_file(&workshop)["changes"], expected);
}

#[test]
fn only_the_end_of_the_last_stage_is_moved_and_only_further_on() {
    let workshop = trained();
    let with = |from: &str, to: &str| {
        workshop.write("recipe.toml", checkpointed().replace(from, to));
        refused(&workshop, &EXTEND)
    };
    insta::assert_snapshot!(with("grown_tokens = 96", "grown_tokens = 64"), @r#"run/step-00000007: was written by a run with stage "grown": tokens = 96, here 64 (an extension has more); use another --out, or the recipe that began this run"#);
    insta::assert_snapshot!(with("base_tokens = 128", "base_tokens = 256"), @r#"run/step-00000007: was written by a run with stage "base": tokens = 128, here 256; stage "base": learning_rate.horizon_tokens = 128, here 256; use another --out, or the recipe that began this run"#);
    let grown = "grown_learning_rate = { peak = 1e-2";
    insta::assert_snapshot!(with(grown, "grown_learning_rate = { peak = 2e-2"), @r#"run/step-00000007: was written by a run with stage "grown": learning_rate.peak = 0.01, here 0.02; use another --out, or the recipe that began this run"#);
    insta::assert_snapshot!(with("factor = 2", "factor = 4"), @r#"run/step-00000007: was written by a run with stage "base": num_hidden_layers = 2, here 1; stage "grown": enter = {"operator":"stack","factor":2}, here {"operator":"stack","factor":4}; use another --out, or the recipe that began this run"#);
}

#[test]
fn an_extension_that_no_step_would_follow_is_refused() {
    let workshop = trained();
    let with = |from: &str, to: &str| {
        workshop.write("recipe.toml", checkpointed().replace(from, to));
        refused(&workshop, &EXTEND)
    };
    let rate = "grown_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32";
    let shorter = format!("{rate}, horizon_tokens = 64");
    insta::assert_snapshot!(with(rate, &shorter), @r#"run/step-00000007: no step would follow stage "grown": learning_rate.horizon_tokens = 96, here 64; the last stage has had 96 tokens: give it more, or leave the rest as it was"#);
    // As many tokens as the run has come to: its last step was whole.
    workshop.write("recipe.toml", scratch_with_horizon(80));
    assert_success(&workshop.run(&["train", "recipe.toml", "--out", "short"]));
    workshop.write("recipe.toml", scratch_with_horizon(96));
    let extend = ["train", "recipe.toml", "--out", "short", "--extend"];
    insta::assert_snapshot!(refused(&workshop, &extend), @"short/step-00000003: no step would follow schedule.tokens = 80, here 96; the last stage has had 96 tokens: give it more, or leave the rest as it was");
    // On its way, a run that is no longer may have another horizon.
    workshop.write("recipe.toml", checkpointed().replace(rate, &shorter));
    assert_success(&workshop.run(&[&EXTEND[..], &["--rewind-to", "step-6"]].concat()));
    assert_eq!(run_file(&workshop)["changes"][0]["step"], 6);
}

#[test]
fn what_may_not_be_is_named_beside_what_an_extension_allows() {
    let workshop = trained();
    let other =
        checkpointed().replace("grown_tokens = 96", "grown_tokens = 160").replace("seed = 1", "seed = 7");
    workshop.write("recipe.toml", other);
    insta::assert_snapshot!(refused(&workshop, &TRAIN), @r#"run/step-00000007: was written by a run with seed = 1, here 7; data.order_seed = 1, here 7; stage "grown": tokens = 96, here 160 (--extend allows that); stage "grown": learning_rate.horizon_tokens = 96, here 160 (--extend allows that); use another --out, or the recipe that began this run"#);
    insta::assert_snapshot!(refused(&workshop, &EXTEND), @"run/step-00000007: was written by a run with seed = 1, here 7; data.order_seed = 1, here 7; use another --out, or the recipe that began this run");
}

#[test]
fn a_run_that_has_not_begun_has_nothing_to_extend_and_begins() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", checkpointed());
    assert_eq!(notes(&workshop.run(&EXTEND)), [""; 0]);
    assert_eq!(run_file(&workshop)["changes"], json!([]));
}
