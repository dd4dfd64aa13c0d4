//! Runs that go on: from folders as power cuts, people and other programs leave them, with recipes that are not what
//! they were, and on data that is not what it was. What can't go on is refused in one line before the first step, and
//! the folder is as it was.

mod data;
mod earlier_versions;
mod extension;
mod as_model;
mod folders;
#[cfg(unix)]
mod killed;
mod newest;
mod rewinding;
mod rules;

use std::{collections::BTreeMap, fs, path::Path, process::Output, sync::LazyLock};

use serde_json::Value;

use crate::tiny::{G_STACK, Workshop, assert_success, recipe, stderr, stdout};

const TRAIN: [&str; 4] = ["train", "recipe.toml", "--out", "run"];
const BAD_INPUT: i32 = 2;

/// A base of four steps and a grown model of three, with a checkpoint after each of the last four.
fn checkpointed() -> String {
    recipe(G_STACK)
        .replace("[training]\n", "[training]\ncheckpoint_interval_tokens = 32\ncheckpoints_kept = 4\n")
}

/// A workshop with such a run, finished, as `run`; its recipe is `recipe.toml`. It is trained once and copied.
pub(crate) fn trained() -> Workshop {
    static TRAINED: LazyLock<Workshop> = LazyLock::new(|| {
        let workshop = Workshop::with_shards();
        workshop.write("recipe.toml", checkpointed());
        assert_success(&workshop.run(&TRAIN));
        let steps = workshop.names("run").into_iter().filter(|name| name.starts_with("step-"));
        let expected = ["step-00000004", "step-00000005", "step-00000006", "step-00000007"];
        assert_eq!(steps.collect::<Vec<_>>(), expected);
        workshop
    });
    let workshop = Workshop::new();
    for (name, bytes) in contents(&TRAINED.path(".")) {
        match name.strip_suffix('/') {
            Some(folder) => fs::create_dir_all(workshop.path(folder)).unwrap(),
            None => workshop.write(&name, bytes),
        }
    }
    workshop
}

/// The same as it was before its last step: the last checkpoint isn't there, and neither are its metrics.
fn underway() -> Workshop {
    let workshop = trained();
    fs::remove_dir_all(workshop.path("run/step-00000007")).unwrap();
    change_run_file(&workshop, |run| {
        run["finished"] = false.into();
        run["checkpoint"] = "step-00000006".into();
    });
    let lines = fs::read_to_string(workshop.path("run/metrics.jsonl")).unwrap();
    let before = |line: &&str| step_of(line) <= 6;
    workshop.write("run/metrics.jsonl", lines.split_inclusive('\n').filter(before).collect::<String>());
    workshop
}

fn step_of(line: &str) -> u64 {
    serde_json::from_str::<Value>(line).unwrap()["step"].as_u64().unwrap()
}

fn run_file(workshop: &Workshop) -> Value {
    serde_json::from_slice(&fs::read(workshop.path("run/run.json")).unwrap()).unwrap()
}

fn change_run_file(workshop: &Workshop, change: impl FnOnce(&mut Value)) {
    let mut run = run_file(workshop);
    change(&mut run);
    workshop.write("run/run.json", run.to_string());
}

fn change_state(workshop: &Workshop, step: &str, change: impl FnOnce(&mut Value)) {
    let name = format!("run/{step}/training/state.json");
    let mut state: Value = serde_json::from_slice(&fs::read(workshop.path(&name)).unwrap()).unwrap();
    change(&mut state);
    workshop.write(&name, state.to_string());
}

/// The losses of all steps, by step.
fn losses(workshop: &Workshop, run: &str) -> Vec<(u64, f64)> {
    let metrics = fs::read_to_string(workshop.path(run).join("metrics.jsonl")).unwrap();
    let lines = metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| Some((line["step"].as_u64()?, line["loss"].as_f64()?))).collect()
}

/// All files below a folder with their bytes; folders too, but no links.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() {
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                all.insert(format!("{name}/"), Vec::new());
                folders.push(path);
            } else {
                all.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    all
}

/// What the program says to a run that it refuses: one line, exit status 2, and the folder as it was.
pub(crate) fn refused(workshop: &Workshop, arguments: &[&str]) -> String {
    let before = contents(&workshop.path("."));
    let output = workshop.run(arguments);
    let message = refusal(&output);
    // What can't be trained can't be planned.
    assert_eq!(refusal(&workshop.run(&[arguments, &["--plan"]].concat())), message);
    assert!(contents(&workshop.path(".")) == before, "files were changed ({message})");
    message
}

fn refusal(output: &Output) -> String {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(BAD_INPUT), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    // One line, or one for each problem of a recipe.
    assert_eq!(said.lines().count() > 1, said.contains(" problems\n"), "{said}");
    assert_eq!(stdout(output), "");
    said.trim_end().strip_prefix("error: ").unwrap_or_else(|| panic!("{said}")).to_owned()
}

/// What the program says besides losses to a run that it makes.
pub(crate) fn notes(output: &Output) -> Vec<String> {
    assert_success(output);
    let said = stderr(output);
    let notes = said.lines().filter_map(|line| line.strip_prefix("note: "));
    notes.map(str::to_owned).collect()
}
