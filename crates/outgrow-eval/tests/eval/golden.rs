//! The same documents, tokenizer and scores through lm-evaluation-harness and through here: the same files, line by
//! line.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use outgrow_eval::{BatchLimit, Evaluation, Options, RunDescription, TokenRequests};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{TASKS, documents, golden, golden_json, options, plan, scored};

/// Sums may be rounded otherwise.
const SAME: f64 = 1e-10;

#[track_caller]
fn same_values(name: &str, ours: &Value, theirs: &Value) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let keys = |entries: &serde_json::Map<String, Value>| entries.keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(ours), keys(theirs), "{name}");
            for (key, theirs) in theirs {
                same_values(&format!("{name}.{key}"), &ours[key], theirs);
            }
        }
        (Value::Number(own), Value::Number(their)) if own.is_f64() && their.is_f64() => {
            let (own, their) = (own.as_f64().unwrap(), their.as_f64().unwrap());
            assert!((own - their).abs() <= SAME * their.abs(), "{name}: {own:?} and {their:?}");
        }
        _ => assert_eq!(ours, theirs, "{name}"),
    }
}

/// Writes an evaluation's files; returns its results and the lines of a task's samples.
struct Files {
    folder: tempfile::TempDir,
    results: Value,
}

impl Files {
    fn of(evaluation: &Evaluation<'_>, requests: &TokenRequests) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDescription {
            model_name: "a/model".into(),
            bos_token: Some(("<s>".into(), 1)),
            eos_token: Some(("</s>".into(), 2)),
            ..RunDescription::default()
        };
        let written = evaluation.write(requests, &run, folder.path(), true, SystemTime::UNIX_EPOCH).unwrap();
        let results = serde_json::from_str(&fs::read_to_string(written.results).unwrap()).unwrap();
        Self { folder, results }
    }

    fn samples(&self, task: &str) -> String {
        let file = format!("a__model/samples_{task}_1970-01-01T00-00-00.000000.jsonl");
        fs::read_to_string(self.folder.path().join(file)).unwrap()
    }
}

fn check_case(case: &str) {
    let chosen = golden_json(&format!("{case}/options.json"));
    let max_length = chosen["max_length"].as_u64().unwrap() as usize;
    let plan = plan(&TASKS, &documents(), &options(&chosen)).unwrap();
    let (requests, scores) = scored(&plan, max_length, BatchLimit::default());
    let evaluation = Evaluation::new(&plan, &requests, &scores).unwrap();
    let files = Files::of(&evaluation, &requests);
    for task in TASKS {
        let ours = files.samples(task);
        let theirs = golden().join(case).join(format!("{task}.jsonl"));
        if theirs.is_file() {
            same_lines(task, &ours, &fs::read_to_string(theirs).unwrap());
        } else {
            same_hashes(task, &ours, &golden_json(&format!("{case}/lines.json"))[task]);
        }
    }
    let theirs = golden_json(&format!("{case}/results.json"));
    for (key, theirs) in theirs.as_object().unwrap().iter().filter(|(key, _)| *key != "keys") {
        same_values(key, &files.results[key], theirs);
    }
    let mut keys: Vec<_> =
        theirs["keys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
    keys.push("outgrow");
    assert_eq!(files.results.as_object().unwrap().keys().collect::<Vec<_>>(), keys);
    assert_eq!(evaluation.table(), fs::read_to_string(golden().join(case).join("table.txt")).unwrap());
}

#[track_caller]
fn same_lines(task: &str, ours: &str, theirs: &str) {
    assert_eq!(ours.lines().count(), theirs.lines().count(), "{task}");
    for (own, their) in ours.lines().zip(theirs.lines()) {
        if task == "truthfulqa_mc2" {
            // NumPy sums in another order.
            same_values(task, &serde_json::from_str(own).unwrap(), &serde_json::from_str(their).unwrap());
        } else {
            assert_eq!(own, their, "{task}");
        }
    }
}

#[track_caller]
fn same_hashes(task: &str, ours: &str, theirs: &Value) {
    if task == "truthfulqa_mc2" {
        return;
    }
    for (line, theirs) in ours.lines().zip(theirs.as_array().unwrap()) {
        let ours: Vec<_> = Sha256::digest(line).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(ours.concat(), theirs.as_str().unwrap(), "{task}: {line}");
    }
    assert_eq!(ours.lines().count(), theirs.as_array().unwrap().len());
}

#[test]
fn every_file_is_that_of_the_harness_without_examples() {
    check_case("0-shot");
}

#[test]
fn every_file_is_that_of_the_harness_with_two_examples_and_no_bos() {
    check_case("2-shot");
}

#[test]
fn every_file_is_that_of_the_harness_with_five_examples_of_another_seed() {
    check_case("5-shot");
}

#[test]
fn a_group_is_summed_up_as_the_harness_does_it() {
    let data = tempfile::tempdir().unwrap();
    every_subject_like_anatomy(data.path());
    let options = Options { bootstrap_iters: 1500, ..Options::default() };
    let plan = plan(&["mmlu", "arc_easy"], data.path(), &options).unwrap();
    let (requests, scores) = scored(&plan, 512, BatchLimit::default());
    let evaluation = Evaluation::new(&plan, &requests, &scores).unwrap();
    let files = Files::of(&evaluation, &requests);
    for (key, theirs) in golden_json("group.json").as_object().unwrap() {
        same_values(key, &files.results[key], theirs);
    }
    assert_eq!(evaluation.table(), fs::read_to_string(golden().join("group.txt")).unwrap());
}

fn every_subject_like_anatomy(data: &Path) {
    let copy = |from: &str, to: &str| fs::copy(documents().join(from), data.join(to)).unwrap();
    copy("arc_easy/arc_easy_test.jsonl", "arc_easy_test.jsonl");
    for task in outgrow_eval::tasks::TASKS.iter().filter(|task| task.dataset.folder == "mmlu") {
        copy("mmlu/anatomy_test.jsonl", task.dataset.test.unwrap().file);
    }
}
