//! `--rewind-to`: a run is taken back to a checkpoint, and what is newer is set aside, not lost.

use std::fs;

use serde_json::json;

use crate::{
    resuming::{TRAIN, contents, losses, notes, refused, run_file, trained},
    tiny::{Workshop, assert_success, stderr, stdout},
};

fn rewind(workshop: &Workshop, name: &str) -> std::process::Output {
    workshop.run(&[&TRAIN[..], &["--rewind-to", name]].concat())
}

#[test]
fn a_finished_run_is_taken_back_and_ends_as_it_did() {
    let workshop = trained();
    let before = contents(&workshop.path("run"));
    let steps = losses(&workshop, "run");
    let output = rewind(&workshop, "step-5");
    let said = notes(&output);
    assert_eq!(
        said,
        ["run/set-aside-1: holds what was set aside: run.json, metrics.jsonl, step-00000006, step-00000007"]
    );
    assert!(stderr(&output).contains("going on from run/step-00000005"), "{}", stderr(&output));
    assert_eq!(stdout(&output), "run/step-00000007\n");
    let aside = contents(&workshop.path("run/set-aside-1"));
    for (name, bytes) in &aside {
        assert!(before.get(name) == Some(bytes), "{name} was set aside as it was");
    }
    let after = contents(&workshop.path("run"));
    for name in ["step-00000007/model.safetensors", "step-00000007/training/optimizer.safetensors"] {
        assert!(after[name] == before[name] && aside.contains_key(name), "{name}");
    }
    assert_eq!(losses(&workshop, "run"), steps, "each step once");
    let run = run_file(&workshop);
    assert_eq!(run["rewinds"], json!([{"from_step": 7, "to_step": 5, "set_aside": "set-aside-1"}]));
    assert_eq!((&run["finished"], &run["checkpoint"]), (&json!(true), &json!("step-00000007")));
}

#[test]
fn a_run_is_taken_back_more_than_once_and_over_a_growth() {
    let workshop = trained();
    let whole = contents(&workshop.path("run/step-00000007"));
    assert_success(&rewind(&workshop, "step-00000006"));
    assert_success(&rewind(&workshop, "step-00000004"));
    assert!(contents(&workshop.path("run/step-00000007")) == whole);
    let run = run_file(&workshop);
    assert_eq!(run["rewinds"].as_array().unwrap().len(), 2);
    assert_eq!(run["rewinds"][1]["set_aside"], "set-aside-2");
}

#[test]
fn the_newest_checkpoint_leaves_nothing_to_set_aside() {
    let workshop = crate::resuming::underway();
    assert_eq!(notes(&rewind(&workshop, "step-6")), [""; 0]);
    assert!(!workshop.path("run/set-aside-1").exists());
    assert_eq!(run_file(&workshop)["rewinds"], json!([]));
}

#[test]
fn a_checkpoint_that_is_not_there_or_not_whole_moves_nothing() {
    let workshop = trained();
    let refused_at = |name: &str| refused(&workshop, &[&TRAIN[..], &["--rewind-to", name]].concat());
    insta::assert_snapshot!(refused_at("step-3"), @"run: no checkpoint step-00000003: there are step-00000004, step-00000005, step-00000006, step-00000007");
    // Of another run, perhaps.
    insta::assert_snapshot!(refused_at("other/step-5"), @"invalid value 'other/step-5' for '--rewind-to <step-N>': expected the name of a checkpoint, as step-00000004");
    insta::assert_snapshot!(refused_at("last"), @"invalid value 'last' for '--rewind-to <step-N>': expected the name of a checkpoint, as step-00000004");
    fs::write(workshop.path("run/step-00000005/training/state.json"), "").unwrap();
    insta::assert_snapshot!(refused_at("step-5"), @"run/step-00000005: training/state.json: EOF while parsing a value at line 1 column 0; the newest whole checkpoint is step-00000007: `--rewind-to step-7` goes on from it and sets aside what is newer");
    insta::assert_snapshot!(refused(&workshop, &["train", "recipe.toml", "--out", "new", "--rewind-to", "step-1"]), @"new: no checkpoint step-00000001: there are none");
}

#[test]
fn another_recipe_moves_nothing() {
    let workshop = trained();
    workshop.write("recipe.toml", crate::resuming::checkpointed().replace("seed = 1", "seed = 2"));
    let message = refused(&workshop, &[&TRAIN[..], &["--rewind-to", "step-5"]].concat());
    insta::assert_snapshot!(message, @"run/step-00000005: was written by a run with seed = 1, here 2; data.order_seed = 1, here 2; use another --out, or the recipe that began this run");
}
