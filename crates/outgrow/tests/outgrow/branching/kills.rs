//! A branch that is killed, and begun again by the same command.

use std::{fs, process::Stdio, thread, time::Duration};

use serde_json::Value;

use crate::{
    branching::{assert_same, grown_after, lines, longer_base, train},
    tiny::{Workshop, assert_success},
};

const KILLS: u64 = 12;

fn remove_checkpoints(workshop: &Workshop) {
    fs::remove_file(workshop.path("run/final")).unwrap();
    for step in ["step-00000004", "step-00000007"] {
        fs::remove_dir_all(workshop.path("run").join(step)).unwrap();
    }
}

#[test]
fn a_branch_that_is_killed_at_any_moment_and_begun_again_is_the_same() {
    let workshop = Workshop::with_shards();
    let grown = grown_after(192);
    assert_success(&train(&workshop, &grown, "whole", &[]));
    assert_success(&train(&workshop, &longer_base(), "trunk", &[]));
    workshop.write("run.toml", &grown);
    let command = ["train", "run.toml", "--out", "run", "--branch-from", "trunk/step-3"];
    for kill in 0..KILLS {
        let mut child =
            workshop.command(&command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Neither in order nor at round times.
        thread::sleep(Duration::from_millis(kill * 37 % KILLS * 17));
        // It may be done already.
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert_success(&workshop.run(&command));
    assert_same(&workshop, "run", "whole");
}

#[test]
fn steps_of_an_attempt_that_came_to_no_checkpoint_are_set_aside() {
    let workshop = Workshop::with_shards();
    let grown = grown_after(128);
    assert_success(&train(&workshop, &grown, "whole", &[]));
    assert_success(&train(&workshop, &longer_base(), "trunk", &[]));
    let branch = ["--branch-from", "trunk/step-2"];
    assert_success(&train(&workshop, &grown, "run", &branch));
    // As a kill before the first checkpoint leaves it.
    let steps = lines(&workshop, "run").len();
    remove_checkpoints(&workshop);
    let file = workshop.path("run/run.json");
    let mut run: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    run["finished"] = false.into();
    run["checkpoint"] = Value::Null;
    fs::write(file, run.to_string()).unwrap();
    assert_success(&train(&workshop, &grown, "run", &branch));
    assert_same(&workshop, "run", "whole");
    let aside = fs::read_to_string(workshop.path("run/set-aside-1/metrics.jsonl")).unwrap();
    assert_eq!(aside.lines().count(), steps);
    // What another run has written is there again, and nothing of it is set aside.
    remove_checkpoints(&workshop);
    let text = fs::read_to_string(workshop.path("run/metrics.jsonl")).unwrap();
    let of_the_other = |line: &&str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["step"].as_u64().unwrap() <= 2
    };
    workshop.write("run/metrics.jsonl", text.split_inclusive('\n').filter(of_the_other).collect::<String>());
    workshop.write("run/run.json", run.to_string());
    assert_success(&train(&workshop, &grown, "run", &branch));
    assert!(!workshop.path("run/set-aside-2").exists());
    assert_same(&workshop, "run", "whole");
}
