//! `outgrow eval`, and the benchmarks of a run, which say the same.

use std::{fs, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    models::{EVALUATION, MODEL, train, workshop},
    tiny::{self, Workshop, assert_success, stderr, stdout},
};

fn results(workshop: &Workshop, out: &str) -> Value {
    whole_results(workshop, out)["results"].clone()
}

fn whole_results(workshop: &Workshop, out: &str) -> Value {
    let folder = workshop.path(out).join(MODEL.replace('/', "__"));
    let file = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let file = file.filter(|path| path.to_string_lossy().contains("results_")).last().unwrap();
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn benchmarks_within_training_say_what_an_evaluation_of_the_checkpoint_says() {
    let workshop = workshop(30);
    train(&workshop, EVALUATION);
    let metrics = fs::read_to_string(workshop.path("run/metrics.jsonl")).unwrap();
    let lines = metrics.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let evaluated: Vec<_> = lines.filter(|line| line.get("evaluation").is_some()).collect();
    let tokens: Vec<_> = evaluated.iter().map(|line| line["tokens"].as_u64().unwrap()).collect();
    assert_eq!(tokens, [128, 192, 224], "at the validation after each 96 tokens, and at the end");

    let eval = ["eval", MODEL, "--tasks", "lambada_openai,piqa", "--data", "documents", "--limit", "20"];
    let output = workshop.run(&[&eval[..], &["--out", "evaluated", "--bootstrap-iters", "1000"]].concat());
    assert_success(&output);
    assert!(stdout(&output).contains("|lambada_openai|      1|none  |     0|acc"), "{}", stdout(&output));
    assert!(
        stderr(&output).contains("holds 30 documents, but the official split has"),
        "{}",
        stderr(&output)
    );
    let found = results(&workshop, "evaluated");
    for (task, metrics) in evaluated[2]["evaluation"].as_object().unwrap() {
        for (metric, value) in metrics.as_object().unwrap() {
            assert_eq!(&found[task][format!("{metric},none")], value, "{task} {metric}");
        }
    }
    assert_eq!(found["lambada_openai"]["sample_len"], 20);
    assert_success(&workshop.run(&["report", "run", "--out", "page.html"]));
}

#[test]
fn an_evaluation_that_is_killed_goes_on_with_the_scores_it_had() {
    let workshop = workshop(1500);
    train(&workshop, "");
    let eval = ["eval", MODEL, "--tasks", "lambada_openai,piqa", "--data", "documents", "--batch-size", "1"];
    let eval = |out| [&eval[..], &["--bootstrap-iters", "0", "--log-samples", "--out", out]].concat();
    let mut child = workshop.command(&eval("killed")).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let journal = || {
        let name = workshop.names("killed").into_iter().find(|name| name.ends_with(".journal"))?;
        fs::read_to_string(workshop.path("killed").join(name)).ok()
    };
    while journal().is_none_or(|journal| journal.lines().count() < 20) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let output = workshop.run(&eval("killed"));
    assert_success(&output);
    assert!(stderr(&output).contains("going on from "), "{}", stderr(&output));
    assert_success(&workshop.run(&eval("whole")));
    assert_eq!(results(&workshop, "killed"), results(&workshop, "whole"));
    assert_eq!(workshop.names("killed").len(), 1, "the journal is gone: {:?}", workshop.names("killed"));
}

#[test]
fn the_flag_for_the_beginning_puts_it_in_front_and_the_results_say_what_was_there() {
    let workshop = workshop(10);
    train(&workshop, "");
    let configured = |tokens: Value| {
        workshop.write(&format!("{MODEL}/tokenizer_config.json"), tokens.to_string());
    };
    let eval = |out: &str, flags: &[&str]| {
        let eval =
            ["eval", MODEL, "--tasks", "lambada_openai", "--data", "documents", "--bootstrap-iters", "0"];
        let output = workshop.run(&[&eval[..], flags, &["--out", out]].concat());
        assert_success(&output);
        let whole = whole_results(&workshop, out);
        let tokenizer = &whole["outgrow"]["tokenizer"];
        let around = [tokenizer["tokens_in_front"].clone(), tokenizer["tokens_behind"].clone()];
        (around, whole["results"]["lambada_openai"]["perplexity,none"].clone(), stderr(&output))
    };
    let (none, end) = (json!([]), json!([["<|endoftext|>", "0"]]));
    configured(json!({ "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>" }));
    let (around, plain, _) = eval("plain", &[]);
    assert_eq!(around, [none.clone(), none.clone()], "the template adds nothing");
    let (around, with, _) = eval("with", &["--add-bos-token", "true"]);
    assert_eq!(around, [end.clone(), none.clone()]);
    assert_ne!(plain, with, "each context begins with one token more");
    let (around, without, _) = eval("without", &["--add-bos-token", "false"]);
    assert_eq!((around, without), ([none.clone(), none.clone()], plain.clone()));

    // A template with the token at both ends is one with nothing behind as soon as the flag is given, and one with
    // nothing at all without it.
    let file = format!("{MODEL}/tokenizer.json");
    let both = r#""post_processor": { "type": "TemplateProcessing",
        "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }],
        "single": [{ "SpecialToken": { "id": "e", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } }, { "SpecialToken": { "id": "e", "type_id": 0 } }],
        "special_tokens": { "e": { "id": "e", "ids": [0], "tokens": ["<|endoftext|>"] } } }"#;
    workshop.write(&file, tiny::tokenizer().replace("\"post_processor\": null", both));
    assert_eq!(eval("both", &[]).0, [end.clone(), end.clone()]);
    let (around, again, _) = eval("both_with", &["--add-bos-token", "true"]);
    assert_eq!((around, again), ([end.clone(), none.clone()], with.clone()));
    assert_eq!(eval("both_without", &["--add-bos-token", "false"]).1, plain);
    let (around, by_file, _) = eval("by_file", &["--add-bos-token", "true", "--tokenizer-from", "file"]);
    assert_eq!((around, by_file), ([end, none.clone()], with));

    configured(json!({ "eos_token": "<|endoftext|>" }));
    let (around, _, said) = eval("nameless", &["--add-bos-token", "true"]);
    assert_eq!(around, [none.clone(), none]);
    assert!(said.contains("note: no file names a bos_token: nothing is put in front of texts"), "{said}");
}

#[test]
fn a_head_that_is_tied_by_the_flag_alone_is_scored_as_the_harness_scores_it() {
    let workshop = workshop(10);
    train(&workshop, "");
    let eval = |out: &str| {
        let run =
            workshop.run(&["eval", MODEL, "--tasks", "lambada_openai", "--data", "documents", "--out", out]);
        assert_success(&run);
        (results(&workshop, out)["lambada_openai"]["perplexity,none"].clone(), stderr(&run))
    };
    let note = "note: lm-evaluation-harness ties the head to the embedding before it scores";
    let (own_head, said) = eval("own");
    assert!(!said.contains(note), "{said}");
    let file = workshop.path(&format!("{MODEL}/config.json"));
    let mut config: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    config["tie_word_embeddings"] = true.into();
    fs::write(&file, config.to_string()).unwrap();
    let (flagged, said) = eval("flagged");
    assert_eq!(said.matches(note).count(), 1, "{said}");
    // A folder without the head is tied for everybody.
    let file = workshop.path(&format!("{MODEL}/model.safetensors"));
    let mut tensors = outgrow_checkpoint::read_tensors(&file).unwrap();
    tensors.remove("lm_head.weight").unwrap();
    outgrow_checkpoint::write_tensors(&file, &tensors).unwrap();
    let (tied, said) = eval("tied");
    assert!(!said.contains(note), "{said}");
    assert_eq!(flagged, tied);
    assert_ne!(flagged, own_head);
}
