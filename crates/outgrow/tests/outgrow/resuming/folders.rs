//! Folders without a checkpoint, without metrics, of something else, or in use.

use std::fs;

use outgrow_checkpoint::PendingFolder;

use crate::{
    resuming::{
        TRAIN, change_run_file, contents, losses, notes, refusal, refused, run_file, trained, underway,
    },
    tiny::{Workshop, assert_success, recipe, scratch, stderr},
};

fn remove_checkpoints(workshop: &Workshop) {
    for name in workshop.names("run").into_iter().filter(|name| name.starts_with("step-")) {
        fs::remove_dir_all(workshop.path("run").join(name)).unwrap();
    }
}

#[test]
fn metrics_whose_checkpoints_are_gone_are_not_written_over() {
    let workshop = underway();
    remove_checkpoints(&workshop);
    insta::assert_snapshot!(refused(&workshop, &TRAIN), @"run/metrics.jsonl: holds steps up to 6, but run has no checkpoint to go on from (step-00000006 was the last): put it back, or begin anew with another --out");
    // An earlier version doesn't say whether there were any.
    change_run_file(&workshop, |run| {
        run.as_object_mut().unwrap().remove("checkpoint");
    });
    insta::assert_snapshot!(refused(&workshop, &TRAIN), @"run/metrics.jsonl: holds steps up to 6, but run has no checkpoint to go on from: put it back, or begin anew with another --out");
    fs::remove_file(workshop.path("run/run.json")).unwrap();
    insta::assert_snapshot!(refused(&workshop, &TRAIN), @"run/metrics.jsonl: holds steps up to 6, but run has no checkpoint to go on from: put it back, or begin anew with another --out");
}

#[test]
fn a_finished_run_whose_checkpoints_were_moved_away_is_done_and_no_other_run_takes_its_place() {
    let workshop = trained();
    remove_checkpoints(&workshop);
    assert_eq!(stderr(&workshop.run(&TRAIN)), "run: this run is done\n");
    workshop.write("recipe.toml", recipe(&scratch(64, "1e-2")));
    insta::assert_snapshot!(refused(&workshop, &TRAIN), @"run/metrics.jsonl: holds steps up to 7, but run has no checkpoint to go on from (step-00000007 was the last): put it back, or begin anew with another --out");
}

#[test]
fn a_run_that_died_before_its_first_checkpoint_begins_anew_and_its_metrics_are_kept() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(&scratch(1000, "1e30")));
    assert_eq!(workshop.run(&TRAIN).status.code(), Some(1), "a loss that is no number");
    assert_eq!(run_file(&workshop)["checkpoint"], serde_json::Value::Null);
    let before = fs::read(workshop.path("run/metrics.jsonl")).unwrap();
    workshop.write("recipe.toml", recipe(&scratch(64, "1e-2")));
    let output = workshop.run(&TRAIN);
    assert_eq!(notes(&output), ["run/set-aside-1: holds what was set aside: run.json, metrics.jsonl"]);
    assert!(fs::read(workshop.path("run/set-aside-1/metrics.jsonl")).unwrap() == before);
    assert_eq!(losses(&workshop, "run").iter().map(|(step, _)| *step).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_checkpoint_goes_on_without_its_metrics_and_says_so() {
    let workshop = underway();
    fs::remove_file(workshop.path("run/metrics.jsonl")).unwrap();
    let said = notes(&workshop.run(&TRAIN));
    assert_eq!(
        said,
        ["run/metrics.jsonl: has no line of 6 of the 6 steps until here, the first of them step 1"]
    );
    let steps: Vec<u64> = losses(&workshop, "run").iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [7]);
}

#[test]
fn metrics_with_a_gap_or_what_a_power_cut_left_are_gone_on_with_and_it_is_said() {
    let workshop = underway();
    let file = workshop.path("run/metrics.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let is_second = |line: &&str| line.contains("\"step\":2,");
    let gap: String = text.split_inclusive('\n').filter(|line| !is_second(line)).collect();
    // And a last line that was cut within a character, with zeros behind it.
    fs::write(&file, [gap.as_bytes(), b"{\"step\":7,\"stage\":\"\xe2\x82", &[0; 100]].concat()).unwrap();
    let said = notes(&workshop.run(&TRAIN));
    assert_eq!(
        said,
        ["run/metrics.jsonl: has no line of 1 of the 6 steps until here, the first of them step 2"]
    );
    let steps: Vec<u64> = losses(&workshop, "run").iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [1, 3, 4, 5, 6, 7]);
}

#[test]
fn a_run_file_of_zeros_is_written_anew() {
    let workshop = underway();
    workshop.write("run/run.json", [0; 500]);
    assert_eq!(notes(&workshop.run(&TRAIN)), ["run/run.json: is gone or can't be read; it is written anew"]);
    assert_eq!(run_file(&workshop)["finished"], true);
}

#[test]
fn leftovers_of_a_killed_process_are_no_checkpoints() {
    let workshop = underway();
    let leftover = workshop.path("run/.step-00000009.1-0.partial");
    fs::create_dir_all(leftover.join("training")).unwrap();
    fs::write(leftover.join("training/state.json"), "").unwrap();
    assert_eq!(notes(&workshop.run(&TRAIN)), [""; 0]);
    assert!(workshop.path("run/step-00000007").is_dir());
}

#[test]
fn names_that_are_no_checkpoints_are_let_be() {
    let workshop = underway();
    for name in ["step-9", "step-000000009", "step-00000009-best", "best"] {
        fs::create_dir(workshop.path("run").join(name)).unwrap();
    }
    assert_eq!(notes(&workshop.run(&TRAIN)), [""; 0]);
}

#[test]
fn a_folder_of_something_else_is_left_as_it_is() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(&scratch(64, "1e-2")));
    for folder in ["home/Documents", "home/Music", "home/Pictures", "home/Videos", "home/.config"] {
        fs::create_dir_all(workshop.path(folder)).unwrap();
    }
    workshop.write("home/metrics.jsonl", "{}\n");
    let train = |out: &'static str| ["train", "recipe.toml", "--out", out];
    insta::assert_snapshot!(refused(&workshop, &train("home")), @"home: is no run's folder, it holds Documents, Music, Pictures and 1 more; give --out a folder of the run's own");
    insta::assert_snapshot!(refused(&workshop, &train("training")), @"training: is a folder of token shards; give --out a folder of the run's own");
    fs::create_dir(workshop.path("books")).unwrap();
    for name in ["books/emma.txt", "books/list.jsonl", "books/README.md"] {
        workshop.write(name, "");
    }
    insta::assert_snapshot!(refused(&workshop, &train("books")), @"books: is no run's folder, it holds emma.txt, list.jsonl; give --out a folder of the run's own");
    insta::assert_snapshot!(refused(&workshop, &train("recipe.toml")), @"recipe.toml: is no folder; a run takes one, or makes it");
    fs::create_dir(workshop.path("other")).unwrap();
    workshop.write("other/run.json", r#"{"command": "make run"}"#);
    insta::assert_snapshot!(refused(&workshop, &train("other")), @"other: holds a run.json that is not of a run; give --out a folder of the run's own");
    assert_success(&workshop.run(&train("run")));
    insta::assert_snapshot!(refused(&workshop, &train("run/step-00000002")), @"run/step-00000002: is a model's folder; give --out a folder of the run's own");
}

#[test]
fn recipes_notes_and_logs_may_lie_where_a_run_begins() {
    let workshop = Workshop::with_shards();
    fs::create_dir(workshop.path("run")).unwrap();
    for (name, text) in [("notes.md", "second try"), ("slurm-17.out", ""), (".hidden", "")] {
        workshop.write(&format!("run/{name}"), text);
    }
    workshop.write("recipe.toml", recipe(&scratch(64, "1e-2")));
    assert_success(&workshop.run(&TRAIN));
    assert_eq!(fs::read(workshop.path("run/notes.md")).unwrap(), b"second try");
}

#[cfg(unix)]
#[test]
fn two_processes_do_not_train_in_one_folder() {
    let workshop = underway();
    let handle = fs::File::open(workshop.path("run")).unwrap();
    handle.lock().unwrap();
    let before = contents(&workshop.path("run"));
    assert_eq!(refusal(&workshop.run(&TRAIN)), "run: another process is training in this folder");
    assert!(contents(&workshop.path("run")) == before);
    // A process that another test starts at this moment may hold a copy of the handle.
    handle.unlock().unwrap();
    assert_success(&workshop.run(&TRAIN));
}

#[cfg(unix)]
#[test]
fn a_folder_that_another_process_has_just_taken_is_left_alone() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(&scratch(64, "1e-2")));
    fs::create_dir(workshop.path("run")).unwrap();
    let handle = fs::File::open(workshop.path("run")).unwrap();
    handle.lock().unwrap();
    assert_eq!(refusal(&workshop.run(&TRAIN)), "run: another process is training in this folder");
    assert_eq!(fs::read_dir(workshop.path("run")).unwrap().count(), 0, "nothing is written");
    // A process that another test starts at this moment may hold a copy of the handle.
    handle.unlock().unwrap();
    assert_success(&workshop.run(&TRAIN));
}

#[cfg(unix)]
#[test]
fn a_file_of_the_run_that_cannot_be_written_ends_it_before_it_begins() {
    let workshop = underway();
    fs::remove_file(workshop.path("run/metrics.jsonl")).unwrap();
    fs::create_dir(workshop.path("run/metrics.jsonl")).unwrap();
    let output = workshop.run(&TRAIN);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert_eq!(said.lines().last(), Some("error: run/metrics.jsonl: Is a directory (os error 21)"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_checkpoint_that_is_being_written_keeps_nobody_out() {
    let workshop = underway();
    let pending = PendingFolder::create(&workshop.path("run/step-00000099")).unwrap();
    assert_success(&workshop.run(&TRAIN));
    drop(pending);
}
