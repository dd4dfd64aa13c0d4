//! An experiment that is killed at any moment, again and again, ends with the report of one that wasn't: byte for byte,
//! but for times.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    experiment_files::with_data,
    resuming::contents,
    tiny::{Workshop, assert_success},
};

const KILLS: u32 = 20;

/// A sweep, a trunk that two kinds share, and a kind that trains alone.
const DEFINITION: &str = r#"
name = "killed"
title = "Killed"
description = "a sweep, a trunk and its branches"

[values]
curve = { peak = "1 scratch_rate", minimum = "0.1 scratch_rate", warmup_tokens = "5 % tokens", horizon_tokens = "1 tokens" }

[[sweeps]]
name = "scratch_rate"
kind = "scratch"
factors = [1, 2]

[[cells]]
name = "scratch"
label = "scratch"
schedule = { method = "scratch", tokens = "1 tokens", learning_rate = "{curve}" }

[[cells]]
name = "stack-{base.name}"
label = "stacked after {base.label}"
baseline = "scratch"
each.base = [
    { name = "short", number = 0.2, tokens = "20 % tokens" },
    { name = "long", number = 0.4, tokens = "40 % tokens" },
]
schedule.method = "g-stack"
schedule.factor = 2
schedule.base_tokens = "{base.tokens}"
schedule.base_learning_rate = "{curve}"
schedule.scratch_tokens = "1 tokens"
schedule.grown_learning_rate = "{curve}"

[[claims]]
says = "stacking helps"
paper = "ours"
rule.speed-up = { of = "stack-long", against = "scratch", paper = 0.5 }

[[figures]]
title = "Curves"
draws.curves.kinds = ["*"]

[[figures]]
title = "Differences"
draws.differences.against = "scratch"
"#;

#[test]
fn a_matrix_that_is_killed_at_twenty_moments_ends_with_the_report_of_one_that_was_not() {
    let workshop = with_data();
    workshop.write("killed.toml", DEFINITION);
    let started = Instant::now();
    assert_success(&experiment(&workshop).output().unwrap());
    let takes = started.elapsed();
    let whole = timeless_report(&workshop);
    let mut kills = 0;
    fs::remove_dir_all(workshop.path("out")).unwrap();
    while kills < KILLS {
        // Not in order: an early kill hits what a late one has left as well as the other way round.
        let moment = takes * (kills * 7 % KILLS + 1) / (2 * KILLS);
        if is_killed_after(&workshop, moment) {
            kills += 1;
        } else {
            // It was done before; the other kills are the next one's.
            assert_same(&timeless_report(&workshop), &whole, kills);
            fs::remove_dir_all(workshop.path("out")).unwrap();
        }
    }
    assert_success(&experiment(&workshop).output().unwrap());
    assert!(!workshop.path("out/trunks").exists());
    assert_same(&timeless_report(&workshop), &whole, kills);
}

fn experiment(workshop: &Workshop) -> Command {
    let arguments = "experiment killed.toml --scale pulse --seeds 2 --jobs 2 --data data --out out";
    workshop.command(&arguments.split(' ').collect::<Vec<_>>())
}

/// Starts the experiment and kills it after some time. Whether that was before it was done.
fn is_killed_after(workshop: &Workshop, moment: Duration) -> bool {
    let mut command = experiment(workshop);
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(moment);
    if let Some(status) = process.try_wait().unwrap() {
        assert!(status.success());
        return false;
    }
    process.kill().unwrap();
    process.wait().unwrap();
    true
}

#[track_caller]
fn assert_same(found: &BTreeMap<String, Vec<u8>>, whole: &BTreeMap<String, Vec<u8>>, kills: u32) {
    assert!(found.keys().eq(whole.keys()), "{:?} after {kills} kills", found.keys());
    for (name, bytes) in found {
        assert!(*bytes == whole[name], "{name} is another after {kills} kills");
    }
}

/// The report, all files of it, of runs that took no time and ran beside others.
fn timeless_report(workshop: &Workshop) -> BTreeMap<String, Vec<u8>> {
    for (name, _) in contents(&workshop.path("out")) {
        let path = workshop.path("out").join(&name);
        match Path::new(&name).file_name().and_then(|name| name.to_str()) {
            Some("metrics.jsonl") => {
                let text = fs::read_to_string(&path).unwrap();
                let lines: String = text.lines().map(|line| timeless(line) + "\n").collect();
                fs::write(&path, lines).unwrap();
            }
            Some("run.json" | "experiment.json") => {
                let text = fs::read_to_string(&path).unwrap();
                fs::write(&path, timeless(&text)).unwrap();
            }
            _ => {}
        }
    }
    let _ = fs::remove_dir_all(workshop.path("page"));
    fs::create_dir(workshop.path("page")).unwrap();
    assert_success(&workshop.run(&["report", "out", "--out", "page/report.html"]));
    contents(&workshop.path("page"))
}

fn timeless(text: &str) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap();
    without_times(&mut value);
    value.to_string()
}

fn without_times(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::Number(_) if key.contains("second") || key == "share_of_time" => *value = 1.into(),
                    Value::Bool(alone) if key == "alone" => *alone = false,
                    _ => without_times(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}
