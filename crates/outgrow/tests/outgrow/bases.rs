//! `[model] from`: training on a folder that one has, by every method. What is said of folders that won't do is next to
//! it, in refusals.rs.

#![expect(clippy::float_cmp, reason = "the same model on the same text has the same loss, to the last bit")]

mod costs;
mod refusals;

use std::{fs, path::Path};

use outgrow_checkpoint::{Checkpoint, TrainingCost};
use serde_json::Value;

use crate::tiny::{self, Workshop, assert_success, stderr, stdout};

const RATE: &str = "{ peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }";

/// A recipe that begins with a folder.
pub(super) fn from(folder: &str, schedule: &str) -> String {
    let recipe = tiny::recipe(schedule);
    let (before, after) = recipe.split_once("[model]\n").unwrap();
    let (_, after) = after.split_once("\n\n").unwrap();
    format!("{before}[model]\nfrom = \"{folder}\"\n\n{after}")
}

/// `[schedule]` of a base that is trained on for so many tokens and stacked to twice its depth.
pub(super) fn g_stack(base_tokens: u64) -> String {
    let rate = if base_tokens == 0 { String::new() } else { format!("base_learning_rate = {RATE}\n") };
    format!(
        "method = \"g-stack\"\nfactor = 2\nbase_tokens = {base_tokens}\n{rate}grown_tokens = 96\ngrown_learning_rate = {RATE}\n"
    )
}

/// The same by stacking2.
fn stacking2(base_tokens: u64) -> String {
    format!(
        "method = \"stacking2\"\nlayer_counts = [2, 4]\nbase_tokens = {base_tokens}\nstage_tokens = 64\n\
         stage_learning_rate = {RATE}\njoint_tokens = 64\njoint_learning_rate = {RATE}\n"
    )
}

/// A base that is split at once and stacked after a stage.
fn wide_then_deep() -> String {
    let width = "hidden_size = 32, intermediate_size = 48, num_attention_heads = 4, num_key_value_heads = 4";
    format!(
        "method = \"stages\"\n[[schedule.stages]]\nname = \"wide\"\nenter = {{ operator = \"split\", width = {{ {width} }} }}\n\
         tokens = 64\nlearning_rate = {RATE}\n[[schedule.stages]]\nname = \"deep\"\n\
         enter = {{ operator = \"stack\", factor = 2 }}\ntokens = 64\nlearning_rate = {RATE}\n"
    )
}

/// Shards, and in `base` a model of two layers as somebody publishes it: without the state of its training.
pub(super) fn with_base() -> Workshop {
    let workshop = Workshop::with_shards();
    let recipe =
        tiny::recipe(&tiny::scratch(96, "1e-2")).replace("num_hidden_layers = 4", "num_hidden_layers = 2");
    workshop.write("base.toml", recipe);
    assert_success(&workshop.run(&["train", "base.toml", "--out", "of-base"]));
    copy(&workshop.path("of-base/step-00000003"), &workshop.path("base"));
    workshop
}

/// The files of a folder, without those in folders within.
pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Trains a recipe in a folder of the same name, and gives its validations: stage, tokens and loss.
pub(super) fn trained(workshop: &Workshop, name: &str, recipe: &str) -> Vec<(String, u64, f64)> {
    workshop.write(&format!("{name}.toml"), recipe);
    assert_success(&workshop.run(&["train", &format!("{name}.toml"), "--out", name]));
    validations(workshop, name)
}

fn validations(workshop: &Workshop, run: &str) -> Vec<(String, u64, f64)> {
    let metrics = fs::read_to_string(workshop.path(run).join("metrics.jsonl")).unwrap();
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let loss = line["validation_loss"].as_f64()?;
        Some((line["stage"].as_str()?.to_owned(), line["tokens"].as_u64()?, loss))
    };
    metrics.lines().filter_map(line).collect()
}

fn last_loss(workshop: &Workshop, run: &str) -> f64 {
    validations(workshop, run).last().unwrap().2
}

/// The last checkpoint of a run.
pub(super) fn last(workshop: &Workshop, run: &str) -> Checkpoint {
    let name = workshop.names(run).into_iter().rfind(|name| name.starts_with("step-")).unwrap();
    Checkpoint::open(&workshop.path(run).join(name)).unwrap()
}

#[test]
fn a_base_is_trained_on_as_it_is() {
    let workshop = with_base();
    let told = trained(&workshop, "continued", &from("base", &tiny::scratch(64, "1e-2")));
    assert_eq!(told[0], ("continued".to_owned(), 0, last_loss(&workshop, "of-base")));
    let (base, trained) = (Checkpoint::open(&workshop.path("base")).unwrap(), last(&workshop, "continued"));
    assert_eq!(base.config(), trained.config());
    assert!(base.to_named_tensors().unwrap() != trained.to_named_tensors().unwrap(), "it was trained");
}

#[test]
fn a_base_grows_at_once_and_the_loss_before_and_after_is_told() {
    let workshop = with_base();
    let before = last_loss(&workshop, "of-base");
    for (name, schedule, stage, exact) in [
        ("stacked", g_stack(0), "grown", false),
        ("added", stacking2(0), "4-layers", false),
        ("split", wide_then_deep(), "wide", true),
    ] {
        let told = trained(&workshop, name, &from("base", &schedule));
        let first = if name == "added" { "2-layers" } else { "base" };
        assert_eq!(told[0], (first.to_owned(), 0, before), "{name}");
        assert_eq!((told[1].0.as_str(), told[1].1), (stage, 0), "{name}");
        assert_eq!((told[1].2 - before).abs() < 1e-5, exact, "{name}: {told:?}");
        let grown = last(&workshop, name);
        let (layers, hidden) = (grown.config().num_hidden_layers, grown.config().hidden_size);
        assert_eq!((layers, hidden), (4, if exact { 32 } else { 16 }), "{name}");
    }
}

#[test]
fn a_base_is_trained_on_before_it_grows() {
    let workshop = with_base();
    for (name, schedule, first, tokens) in
        [("stacked", g_stack(64), "base", 64), ("added", stacking2(64), "2-layers", 64)]
    {
        let told = trained(&workshop, name, &from("base", &schedule));
        let of_base: Vec<_> = told.iter().filter(|(stage, ..)| stage == first).collect();
        assert_eq!((of_base[0].1, of_base[of_base.len() - 1].1), (0, tokens), "{told:?}");
        assert_eq!(of_base[0].2, last_loss(&workshop, "of-base"));
        assert_eq!(last(&workshop, name).config().num_hidden_layers, 4);
    }
}

/// All files of a checkpoint, the state of its training with them.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for name in tiny::names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            all.extend(contents(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            all.push((name, fs::read(path).unwrap()));
        }
    }
    all
}

/// run.json without how long its steps took.
fn without_times(run: &str) -> Value {
    let mut run: Value = serde_json::from_str(run).unwrap();
    run.as_object_mut().unwrap().remove("stage_times");
    run
}

#[test]
fn a_run_that_is_taken_up_ends_with_the_bits_of_one_that_never_stopped_though_its_base_is_gone() {
    let workshop = with_base();
    for (name, schedule, kept) in
        [("stacked", g_stack(64), "step-00000002"), ("at-once", g_stack(0), "step-00000000")]
    {
        let told = trained(&workshop, name, &from("base", &schedule));
        let end = last(&workshop, name).folder().to_owned();
        let expected = contents(&end);
        // As after a kill in the grown stage: its checkpoint is not there, its metrics are.
        fs::remove_dir_all(&end).unwrap();
        assert!(workshop.names(name).contains(&kept.to_owned()), "{:?}", workshop.names(name));
        let file = workshop.path(name).join("run.json");
        let run = fs::read_to_string(&file).unwrap();
        fs::write(&file, run.replace("\"finished\": true", "\"finished\": false")).unwrap();
        fs::rename(workshop.path("base"), workshop.path("elsewhere")).unwrap();
        let again = workshop.run(&["train", &format!("{name}.toml"), "--out", name]);
        assert_success(&again);
        assert!(
            stderr(&again).contains("note: base: is gone; the run goes on from its own checkpoints"),
            "{}",
            stderr(&again)
        );
        assert_eq!(validations(&workshop, name), told);
        assert!(contents(&end) == expected, "{name}: other files");
        assert_eq!(without_times(&fs::read_to_string(&file).unwrap()), without_times(&run));
        fs::rename(workshop.path("elsewhere"), workshop.path("base")).unwrap();
    }
}

#[test]
fn a_finished_run_on_a_base_is_made_longer() {
    let workshop = with_base();
    let with_horizon = |tokens: u64| {
        let rate = "{ peak = 1e-2, minimum = 1e-3, warmup_tokens = 32, horizon_tokens = 128 }";
        from("base", &format!("method = \"scratch\"\ntokens = {tokens}\nlearning_rate = {rate}\n"))
    };
    trained(&workshop, "straight", &with_horizon(128));
    trained(&workshop, "extended", &with_horizon(64));
    workshop.write("extended.toml", with_horizon(128));
    let longer = workshop.run(&["train", "extended.toml", "--out", "extended", "--extend"]);
    assert_success(&longer);
    assert_eq!(stdout(&longer), "extended/step-00000004\n");
    let weights = |run: &str| last(&workshop, run).to_named_tensors().unwrap();
    assert!(weights("straight") == weights("extended"), "the longer run's bits");
    let cost = |run: &str| TrainingCost::read(last(&workshop, run).folder()).unwrap();
    assert_eq!(cost("straight"), cost("extended"));
}

#[test]
fn a_base_in_bf16_is_trained_in_f32() {
    let workshop = with_base();
    let base = Checkpoint::open(&workshop.path("base")).unwrap();
    let halved = base.config().clone().with_dtype(outgrow_checkpoint::Dtype::Bf16);
    let tensors = base.to_named_tensors().unwrap();
    outgrow_checkpoint::write_checkpoint(&workshop.path("half"), &halved, &tensors, 1 << 30).unwrap();
    fs::copy(workshop.path("base/tokenizer.json"), workshop.path("half/tokenizer.json")).unwrap();
    let told = trained(&workshop, "from-half", &from("half", &g_stack(0)));
    assert_eq!(last(&workshop, "from-half").config().dtype, outgrow_checkpoint::Dtype::F32);
    // The rounded weights, and no others.
    let before = last_loss(&workshop, "of-base");
    assert!(told[0].2 != before && (told[0].2 - before).abs() < 1e-2, "{told:?}, {before}");
}
