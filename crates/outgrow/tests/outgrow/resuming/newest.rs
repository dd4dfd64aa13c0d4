//! The newest checkpoint is not whole and an older one is: it is named with what to do, and doing that ends as if
//! nothing had happened.

use std::{fs, path::Path};

use crate::{
    resuming::{TRAIN, contents, losses, notes, refused, trained, underway},
    tiny::{self, Workshop, assert_success},
};

/// Damages step 6, sees the run refused, and takes it back to step 5 as the message says. The message.
fn damaged(damage: impl Fn(&Path)) -> String {
    let workshop = underway();
    let whole = expected(&workshop);
    damage(&workshop.path("run/step-00000006"));
    let message = refused(&workshop, &TRAIN);
    let end = "; the newest whole checkpoint is step-00000005: `--rewind-to step-5` goes on from it and sets aside what is newer";
    let problem = message.strip_suffix(end).unwrap_or_else(|| panic!("{message}"));
    assert_success(&workshop.run(&[&TRAIN[..], &["--rewind-to", "step-5"]].concat()));
    check_ends_as(&workshop, &whole);
    problem.to_owned()
}

type Ended = (std::collections::BTreeMap<String, Vec<u8>>, Vec<(u64, f64)>);

/// What a copy of the run ends in.
fn expected(workshop: &Workshop) -> Ended {
    let output = workshop.command(&["train", "recipe.toml", "--out", "copy"]).output();
    assert_success(&output.unwrap());
    (contents(&workshop.path("copy/step-00000007")), losses(workshop, "copy"))
}

fn check_ends_as(workshop: &Workshop, (checkpoint, steps): &Ended) {
    assert!(contents(&workshop.path("run/step-00000007")) == *checkpoint, "another last checkpoint");
    assert_eq!(losses(workshop, "run"), *steps);
}

fn cut(file: &Path, bytes: u64) {
    fs::File::options().write(true).open(file).unwrap().set_len(bytes).unwrap();
}

/// As a file system leaves a file whose content it hadn't written yet.
fn zero(file: &Path, from: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[from..].fill(0);
    fs::write(file, bytes).unwrap();
}

#[test]
fn weights_that_were_cut() {
    insta::assert_snapshot!(damaged(|step| cut(&step.join("model.safetensors"), 5000)), @"run/step-00000006: model.safetensors: has 5000 bytes, but its header describes 43384; it is truncated");
}

#[test]
fn weights_of_nothing_but_zeros() {
    insta::assert_snapshot!(damaged(|step| zero(&step.join("model.safetensors"), 0)), @"run/step-00000006: model.safetensors: bad safetensors header: EOF while parsing a value at line 1 column 0");
}

#[test]
fn weights_that_end_in_zeros() {
    let damage = |step: &Path| {
        let file = step.join("model.safetensors");
        let length = fs::metadata(&file).unwrap().len() as usize;
        zero(&file, length - 8192);
    };
    insta::assert_snapshot!(damaged(damage), @"run/step-00000006: model.safetensors: ends in zeros, as files do after a power cut");
}

#[test]
fn weights_that_are_gone() {
    insta::assert_snapshot!(damaged(|step| fs::remove_file(step.join("model.safetensors")).unwrap()), @"run/step-00000006: no weights: expected model.safetensors, or model.safetensors.index.json with the shards it names");
}

#[test]
fn a_state_of_nothing() {
    insta::assert_snapshot!(damaged(|step| cut(&step.join("training/state.json"), 0)), @"run/step-00000006: training/state.json: EOF while parsing a value at line 1 column 0");
}

#[test]
fn a_state_of_zeros() {
    insta::assert_snapshot!(damaged(|step| zero(&step.join("training/state.json"), 0)), @"run/step-00000006: training/state.json: expected value at line 1 column 1");
}

#[test]
fn a_state_of_a_later_version() {
    let damage =
        |step: &Path| fs::write(step.join("training/state.json"), r#"{"format": 2, "groups": 8}"#).unwrap();
    insta::assert_snapshot!(damaged(damage), @"run/step-00000006: training/state.json: format is 2, this build reads format 1");
}

#[test]
fn moments_that_are_gone_or_cut_or_zeros_or_of_another_model() {
    let moments = "training/optimizer.safetensors";
    insta::assert_snapshot!(damaged(|step| fs::remove_file(step.join(moments)).unwrap()), @"run/step-00000006: training/optimizer.safetensors isn't there");
    insta::assert_snapshot!(damaged(|step| cut(&step.join(moments), 5000)), @"run/step-00000006: training/optimizer.safetensors: its header should have 8512 bytes, but 4992 follow; it is truncated or no safetensors file");
    insta::assert_snapshot!(damaged(|step| zero(&step.join(moments), 0)), @"run/step-00000006: training/optimizer.safetensors: bad safetensors header: EOF while parsing a value at line 1 column 0");
    let of_the_base = |step: &Path| {
        fs::copy(step.with_file_name("step-00000004").join(moments), step.join(moments)).unwrap();
    };
    insta::assert_snapshot!(damaged(of_the_base), @"run/step-00000006: training/optimizer.safetensors: `model.layers.2.input_layernorm.weight.exp_avg` and 35 more missing or of another shape");
}

#[test]
fn a_configuration_that_is_empty_or_of_another_model() {
    insta::assert_snapshot!(damaged(|step| cut(&step.join("config.json"), 0)), @"run/step-00000006: config.json: not JSON: EOF while parsing a value at line 1 column 0");
    let other = |step: &Path| {
        let file = step.join("config.json");
        let text =
            fs::read_to_string(&file).unwrap().replace("\"rope_theta\": 10000.0", "\"rope_theta\": 500000.0");
        fs::write(file, text).unwrap();
    };
    insta::assert_snapshot!(damaged(other), @"run/step-00000006: config.json has rope_theta = 500000.0, training/state.json 10000.0");
}

#[test]
fn a_training_state_that_was_removed_to_publish_the_model() {
    insta::assert_snapshot!(damaged(|step| fs::remove_dir_all(step.join("training")).unwrap()), @"run/step-00000006: has no training/state.json to go on from");
    insta::assert_snapshot!(damaged(|step| fs::remove_file(step.join("training/state.json")).unwrap()), @"run/step-00000006: has no training/state.json to go on from");
}

#[test]
fn a_folder_that_was_renamed() {
    insta::assert_snapshot!(damaged(|step| fs::rename(step, step.with_file_name("step-00000009")).unwrap()), @"run/step-00000009: training/state.json is of step-00000006: it was renamed");
}

#[test]
fn a_file_with_the_name_of_a_checkpoint() {
    let damage = |step: &Path| {
        fs::remove_dir_all(step).unwrap();
        fs::write(step, "kept elsewhere").unwrap();
    };
    insta::assert_snapshot!(damaged(damage), @"run/step-00000006: is no folder");
}

#[test]
fn removing_what_is_not_whole_is_a_cure_as_well() {
    let workshop = underway();
    let whole = expected(&workshop);
    cut(&workshop.path("run/step-00000006/model.safetensors"), 100);
    refused(&workshop, &TRAIN);
    fs::remove_dir_all(workshop.path("run/step-00000006")).unwrap();
    assert_success(&workshop.run(&TRAIN));
    check_ends_as(&workshop, &whole);
}

#[test]
fn several_that_are_not_whole_are_all_named() {
    let workshop = underway();
    cut(&workshop.path("run/step-00000006/model.safetensors"), 100);
    fs::remove_dir_all(workshop.path("run/step-00000005/training")).unwrap();
    insta::assert_snapshot!(refused(&workshop, &TRAIN), @"run/step-00000005: has no training/state.json to go on from; run/step-00000006: model.safetensors: its header should have 3888 bytes, but 92 follow; it is truncated or no safetensors file; the newest whole checkpoint is step-00000004: `--rewind-to step-4` goes on from it and sets aside what is newer");
}

#[test]
fn where_all_are_pruned_for_publishing_nothing_begins_anew() {
    let workshop = underway();
    for step in ["step-00000004", "step-00000005", "step-00000006"] {
        fs::remove_dir_all(workshop.path("run").join(step).join("training")).unwrap();
    }
    insta::assert_snapshot!(refused(&workshop, &TRAIN), @"run/step-00000004: has no training/state.json to go on from; run/step-00000005: has no training/state.json to go on from; run/step-00000006: has no training/state.json to go on from; no checkpoint is whole: put back what is missing, or begin anew with another --out");
}

#[test]
fn older_ones_may_be_pruned_or_damaged_and_are_let_be() {
    let workshop = underway();
    let whole = expected(&workshop);
    fs::remove_dir_all(workshop.path("run/step-00000004/training")).unwrap();
    cut(&workshop.path("run/step-00000005/model.safetensors"), 100);
    assert_eq!(notes(&workshop.run(&TRAIN)), [""; 0]);
    check_ends_as(&workshop, &whole);
    assert!(workshop.path("run/step-00000004/model.safetensors").is_file(), "what was published stays");
}

#[test]
fn a_finished_run_whose_last_checkpoint_is_gone_is_not_done() {
    let workshop = trained();
    fs::remove_dir_all(workshop.path("run/step-00000007")).unwrap();
    insta::assert_snapshot!(refused(&workshop, &TRAIN), @"run: the run ended with step-00000007, which is gone; put it back, or take the run back with --rewind-to step-6");
    assert_success(&workshop.run(&[&TRAIN[..], &["--rewind-to", "step-6"]].concat()));
    assert!(workshop.path("run/step-00000007/model.safetensors").exists());
}

#[test]
fn a_finished_run_is_done_without_its_state_and_not_without_its_model() {
    let workshop = trained();
    let last = workshop.path("run/step-00000007");
    fs::remove_dir_all(last.join("training")).unwrap();
    let done = workshop.run(&TRAIN);
    assert_success(&done);
    assert_eq!(tiny::stderr(&done), "run: this run is done\n");
    let workshop = trained();
    cut(&workshop.path("run/step-00000007/model.safetensors"), 100);
    insta::assert_snapshot!(refused(&workshop, &TRAIN), @"run/step-00000007: model.safetensors: its header should have 3888 bytes, but 92 follow; it is truncated or no safetensors file; the newest whole checkpoint is step-00000006: `--rewind-to step-6` goes on from it and sets aside what is newer");
}
