//! The same documents, tokenizer and scores through lm-evaluation-harness and through here: the same files, line by line.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use outgrow_eval::{
    BatchLimit, Evaluation, MersenneTwister, Options, Plan, PlannedDocument, Request, RunDescription,
    TokenRequests, bootstrap_perplexity, table, tokenize, write,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{TASKS, documents, golden, golden_json, options, outline, plan, scored, tokenizer};

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
    fn of(evaluation: &Evaluation, requests: &TokenRequests) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDescription {
            model_name: "a/model".into(),
            bos_token: Some(("<s>".into(), 1)),
            eos_token: Some(("</s>".into(), 2)),
            ..RunDescription::default()
        };
        let written = write(evaluation, requests, &run, folder.path(), true, SystemTime::UNIX_EPOCH).unwrap();
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
    assert_eq!(table(&evaluation), fs::read_to_string(golden().join(case).join("table.txt")).unwrap());
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
    assert_eq!(table(&evaluation), fs::read_to_string(golden().join("group.txt")).unwrap());
}

fn every_subject_like_anatomy(data: &Path) {
    let copy = |from: &str, to: &str| fs::copy(documents().join(from), data.join(to)).unwrap();
    copy("arc_easy/arc_easy_test.jsonl", "arc_easy_test.jsonl");
    for task in outgrow_eval::TASKS.iter().filter(|task| task.dataset.folder == "mmlu") {
        copy("mmlu/anatomy_test.jsonl", task.dataset.test.unwrap().file);
    }
}

#[test]
fn tokens_are_split_as_the_harness_splits_them() {
    let base = plan(&["arc_easy"], &documents(), &Options::default()).unwrap();
    for case in golden_json("tokens.json").as_array().unwrap() {
        let options = options(&case["options"]);
        for pair in case["pairs"].as_array().unwrap() {
            let text = |index: usize| pair[index].as_str().unwrap().to_owned();
            let ids = |index: usize| serde_json::from_value::<Vec<u32>>(pair[index].clone()).unwrap();
            let plan = one_request(&base, &options, text(0), text(1));
            let requests = tokenize(&plan, &tokenizer(), &outline(64));
            if ids(3).is_empty() {
                assert!(
                    requests.unwrap_err().to_string().ends_with("a continuation has no token of its own")
                );
                continue;
            }
            let requests = requests.unwrap();
            assert_eq!((requests.groups.len(), requests.truncated), (1, 0));
            assert_eq!(requests.groups[0].context, ids(2), "{pair}");
            assert_eq!(requests.groups[0].continuations, [ids(3)], "{pair}");
        }
    }
}

fn one_request(base: &Plan, options: &Options, context: String, continuation: String) -> Plan {
    let document = &base.tasks[0].documents[0];
    let item = outgrow_eval::Item::Completion { context, target: continuation };
    let document = PlannedDocument { fields: document.fields.clone(), item, lead: String::new() };
    assert!(matches!(document.requests().as_slice(), [Request::Continuation { .. }]));
    let planned = &base.tasks[0];
    let task = outgrow_eval::PlannedTask {
        task: planned.task,
        num_fewshot: 0,
        original: 1,
        documents: vec![document],
        files: planned.files.clone(),
    };
    Plan { tasks: vec![task], groups: Vec::new(), options: options.clone(), warnings: Vec::new() }
}

#[test]
fn draws_are_those_of_cpython() {
    let numbers = golden_json("numbers.json");
    for sample in numbers["samples"].as_array().unwrap() {
        let number = |key: &str| sample[key].as_u64().unwrap();
        let mut random = MersenneTwister::new(number("seed"));
        let (population, count) = (number("population") as usize, number("count") as usize);
        let drawn: Vec<_> = (0..2).flat_map(|_| random.sample(population, count).unwrap()).collect();
        assert_eq!(serde_json::to_value(drawn).unwrap(), sample["drawn"], "{sample}");
    }
    let values: Vec<f64> = serde_json::from_value(numbers["likelihoods"].clone()).unwrap();
    let mut chosen = Vec::new();
    MersenneTwister::new(3).choices(&values, 20, |value| chosen.push(value));
    assert_eq!(serde_json::to_value(chosen).unwrap(), numbers["choices_of_seed_3"]);
}

#[test]
fn a_bootstrap_is_the_harness_own() {
    let numbers = golden_json("numbers.json");
    let values: Vec<f64> = serde_json::from_value(numbers["likelihoods"].clone()).unwrap();
    for (iterations, theirs) in numbers["bootstrap"].as_object().unwrap() {
        let (ours, theirs) =
            (bootstrap_perplexity(&values, iterations.parse().unwrap()).unwrap(), theirs.as_f64().unwrap());
        assert!((ours - theirs).abs() <= SAME * theirs, "{iterations}: {ours:?} and {theirs:?}");
    }
}
