//! Runs that are killed outright, at moments of no choice, and begun again by the same command.

use std::{
    fs,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    resuming::{TRAIN, contents, losses},
    tiny::{G_STACK, Workshop, assert_success, recipe, scratch, stderr},
};

const STEPS: u64 = 40;
const KILLS: u64 = 6;

#[test]
fn a_run_that_is_killed_again_and_again_ends_as_one_that_was_not() {
    let workshop = Workshop::with_shards();
    let often = "[training]\ncheckpoint_interval_tokens = 64\ncheckpoints_kept = 2\n";
    workshop.write("recipe.toml", recipe(&scratch(32 * STEPS, "1e-2")).replace("[training]\n", often));
    assert_success(&workshop.run(&["train", "recipe.toml", "--out", "whole"]));
    let mut reached = Vec::new();
    for kill in 0..KILLS {
        let mut child = start(&workshop);
        // Some steps further on than before, and a moment more, so that it is within one.
        wait_for(&workshop, &mut child, kill * 6 + 1);
        thread::sleep(Duration::from_millis(kill * 7 % 11));
        child.kill().unwrap();
        child.wait().unwrap();
        reached.push(steps(&workshop));
    }
    assert!(reached[0] < STEPS, "no kill came before the end: {reached:?}");
    let output = workshop.run(&TRAIN);
    assert_success(&output);
    assert!(stderr(&output).contains("going on from run/step-") || reached.contains(&STEPS), "{reached:?}");
    let last = format!("step-{STEPS:08}");
    let checkpoint = |run: &str| contents(&workshop.path(run).join(&last));
    assert!(checkpoint("run") == checkpoint("whole"), "another last checkpoint after kills at {reached:?}");
    assert_eq!(losses(&workshop, "run"), losses(&workshop, "whole"));
}

#[test]
fn the_record_of_a_growth_is_that_of_a_run_that_was_not_killed() {
    let workshop = Workshop::with_shards();
    let often = "[training]\ncheckpoint_interval_tokens = 64\n";
    let longer = G_STACK.replace("grown_tokens = 96", "grown_tokens = 1280");
    workshop.write("recipe.toml", recipe(&longer).replace("[training]\n", often));
    assert_success(&workshop.run(&["train", "recipe.toml", "--out", "whole"]));
    for step in [5, 11, 21] {
        let mut child = start(&workshop);
        wait_for(&workshop, &mut child, step);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_success(&workshop.run(&TRAIN));
    let run_file = |run: &str| -> Value {
        serde_json::from_slice(&fs::read(workshop.path(run).join("run.json")).unwrap()).unwrap()
    };
    let [whole, run] = ["whole", "run"].map(run_file);
    let growth = &run["growths"][0];
    assert_eq!(growth["stage"], "grown");
    assert!(growth["loss_before"].is_f64() && growth["loss_after"].is_f64(), "{growth}");
    assert_eq!(run["growths"], whole["growths"]);
    let measured = |run: &str| -> Vec<Value> {
        let metrics = fs::read_to_string(workshop.path(run).join("metrics.jsonl")).unwrap();
        let lines = metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line.get("growth").is_some()).collect()
    };
    assert_eq!(measured("run"), measured("whole"));
    let kinds = |kind: &str| measured("run").iter().filter(|line| line["growth"].get(kind).is_some()).count();
    // Ten first steps and every second one after them; before the first, and after every second.
    assert_eq!((kinds("norms"), kinds("copies")), (10 + 15, 1 + 20));
    let steps = |run: &Value| {
        run["stage_times"].as_array().unwrap().iter().map(|stage| stage["steps"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(steps(&run), [4, 40]);
}

fn start(workshop: &Workshop) -> Child {
    let mut command = workshop.command(&TRAIN);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Until a step has its metrics, or the run is over.
fn wait_for(workshop: &Workshop, child: &mut Child, step: u64) {
    let started = Instant::now();
    while steps(workshop) < step && child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_mins(1), "no step {step}");
        thread::yield_now();
    }
}

/// The last step in the metrics; they may be cut anywhere while they are written.
fn steps(workshop: &Workshop) -> u64 {
    let text = fs::read_to_string(workshop.path("run/metrics.jsonl")).unwrap_or_default();
    let lines = text.lines().rev().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut steps = lines.filter(|line| line["loss"].is_f64()).filter_map(|line| line["step"].as_u64());
    steps.next().unwrap_or(0)
}
