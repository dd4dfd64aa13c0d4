//! Folders as the harness' command line opens them: its own `hf` model is given a path and `add_bos_token`, and so are
//! we. The same scores, which are hashes of a request's tokens, for every class of tokenizer, every flag, with examples
//! and without (golden/front_door.json, by xtask/python/golden/front_door.py).

use std::{fs, path::Path};

use outgrow_eval::{
    BatchLimit, Evaluation, ModelOutline, Options, Scores, TokenRequests,
    evaluation::{Answer, TaskOutcome},
    tokenizer::pretrained::{TokenizerFiles, TokenizerSource},
};
use serde_json::{Value, json};

use crate::support::{Hashed, documents, golden_json, options, plan};

/// The folder of a case: a vocabulary of outgrow-tokenizer's golden files, and what stands beside it.
fn folder(case: &Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let vocabularies =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../outgrow-tokenizer/tests/golden/pretrained");
    for entry in fs::read_dir(vocabularies.join(case["vocabulary"].as_str().unwrap())).unwrap() {
        let file = entry.unwrap();
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    for (key, value) in case["edit"].as_object().unwrap() {
        let file = folder.path().join("tokenizer.json");
        let mut json: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        json[key] = value.clone();
        fs::write(file, json.to_string()).unwrap();
    }
    for (name, contents) in case["files"].as_object().unwrap() {
        fs::write(folder.path().join(name), contents.to_string()).unwrap();
    }
    folder
}

/// For each document of each task, the score of each request and whether it is the greedy one; of a page the sum over
/// its windows.
fn scores(case: &Value, tasks: &[&str], rows: usize, positions: usize) -> Vec<Vec<Value>> {
    // Standard errors by bootstrap aren't asked for.
    let options = Options { bootstrap_iters: 0, ..options(case) };
    let plan = plan(tasks, &documents(), &options).unwrap();
    let folder = folder(case);
    let files = TokenizerFiles::read(folder.path()).unwrap();
    let tokenizer = files.open(TokenizerSource::Class, options.add_bos_token.flag()).unwrap();
    let named = tokenizer.named();
    let outline = ModelOutline {
        vocab_size: rows,
        max_length: positions,
        bos_token_id: named.bos.as_ref().map(|token| token.id),
        eos_token_id: named.eos.as_ref().map(|token| token.id),
    };
    let requests = TokenRequests::new(&plan, &tokenizer, &outline).unwrap();
    let mut model = Hashed::new(outline);
    let scores = Scores::compute(&requests, &mut model, BatchLimit::default(), None, &mut |_| ()).unwrap();
    let evaluation = Evaluation::new(&plan, &requests, &scores).unwrap();
    let answer = |answer: &Answer| match answer {
        Answer::Total(sum) => json!([sum]),
        Answer::Scores(scores) => {
            scores.iter().map(|score| json!([score.log_likelihood, score.is_greedy])).collect()
        }
    };
    let of_task = |outcome: &TaskOutcome<'_>| outcome.answers.iter().map(answer).collect();
    evaluation.tasks().iter().map(of_task).collect()
}

#[test]
fn every_score_is_that_of_the_harness_through_its_own_front_door() {
    let golden = golden_json("front_door.json");
    let tasks: Vec<&str> =
        golden["tasks"].as_array().unwrap().iter().map(|task| task.as_str().unwrap()).collect();
    let number = |key: &str| golden[key].as_u64().unwrap() as usize;
    let cases = golden["cases"].as_array().unwrap();
    let mut different = Vec::new();
    for case in cases {
        let words = format!("{}, {}, {}", case["name"], case["add_bos_token"], case["num_fewshot"]);
        let found = scores(case, &tasks, number("rows"), number("positions"));
        for (task, ours) in tasks.iter().zip(found) {
            let theirs = case["expected"][task].as_array().unwrap();
            assert_eq!(ours.len(), theirs.len(), "{words}: {task}");
            let pairs = ours.iter().zip(theirs).enumerate();
            different.extend(
                pairs
                    .filter(|(_, (ours, theirs))| ours != theirs)
                    .map(|(index, (ours, theirs))| format!("{words}: {task} {index}: {ours}, not {theirs}")),
            );
        }
    }
    assert!(different.is_empty(), "{} differences:\n{}", different.len(), different.join("\n"));
    assert_eq!(cases.len(), 72);
}
