//! Folders' models at work: benchmarks, within training and after it, and text.

mod tiny;

use std::{fs, thread, time::Duration};

use serde_json::{Value, json};
use tiny::{Workshop, assert_success, recipe, scratch, stderr, stdout, text};

const EVALUATION: &str = r#"
[evaluation]
tasks = ["piqa", "lambada_openai"]
data = "documents"
interval_tokens = 96
limit = 20
"#;

/// A workshop with documents of two tasks, made of the tokenizer's words.
fn workshop(documents: u64) -> Workshop {
    let workshop = Workshop::with_shards();
    for folder in ["lambada_openai", "piqa"] {
        fs::create_dir_all(workshop.path("documents").join(folder)).unwrap();
    }
    let lines = |line: &dyn Fn(u64) -> Value| {
        (0..documents).map(|index| line(index).to_string() + "\n").collect::<String>()
    };
    let lambada = lines(&|index| json!({ "text": text(index + 3, 6 + index % 5) }));
    workshop.write("documents/lambada_openai/lambada_openai_test.jsonl", lambada);
    let piqa = lines(&|index| {
        json!({
            "goal": text(index, 4),
            "sol1": text(index + 9, 1 + index % 3),
            "sol2": text(index + 5, 2),
            "label": index % 2,
        })
    });
    workshop.write("documents/piqa/piqa_validation.jsonl", piqa);
    workshop
}

/// Trains for 7 steps; the model is in `run/step-00000007`.
fn train(workshop: &Workshop, sections: &str) {
    workshop.write("recipe.toml", recipe(&scratch(224, "1e-2")) + sections);
    assert_success(&workshop.run(&["train", "recipe.toml", "--out", "run"]));
}

const MODEL: &str = "run/step-00000007";

fn results(workshop: &Workshop, out: &str) -> Value {
    let folder = workshop.path(out).join(MODEL.replace('/', "__"));
    let file = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let file = file.filter(|path| path.to_string_lossy().contains("results_")).last().unwrap();
    serde_json::from_str::<Value>(&fs::read_to_string(file).unwrap()).unwrap()["results"].clone()
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
fn text_goes_on_the_same_way_with_the_same_seed_until_there_is_no_more_room() {
    let workshop = Workshop::with_shards();
    train(&workshop, "");
    let generate = |flags: &[&str]| {
        let output = workshop.run(&[&["generate", MODEL, "--prompt", "w1 w2 w3"], flags].concat());
        assert_success(&output);
        (stdout(&output), stderr(&output))
    };
    let (greedy, said) = generate(&["--max-new-tokens", "5", "--ignore-eos"]);
    assert_eq!(greedy.split_whitespace().count(), 5, "{greedy:?}");
    assert!(said.starts_with("5 tokens, ") && said.contains("; 3 tokens of prompt in "), "{said}");
    assert_eq!(greedy, generate(&["--max-new-tokens", "5", "--ignore-eos"]).0);
    let drawn = |seed| generate(&["--temperature", "1.5", "--seed", seed, "--ignore-eos"]);
    let (first, said) = drawn("1");
    assert!(
        said.starts_with("stopped: the model has 16 positions, and all are taken\n14 tokens, "),
        "{said}"
    );
    assert_eq!(first, drawn("1").0);
    assert_ne!(first, drawn("2").0);
    let (as_json, _) = generate(&["--max-new-tokens", "5", "--ignore-eos", "--json"]);
    let written: Value = serde_json::from_str(&as_json).unwrap();
    assert_eq!(written["text"].as_str().unwrap().trim(), greedy.trim());
    assert_eq!(written["tokens"].as_array().unwrap().len(), 5);

    let ends = json!({ "eos_token_id": [31, written["tokens"][0]] });
    workshop.write(&format!("{MODEL}/generation_config.json"), ends.to_string());
    let (nothing, said) = generate(&[]);
    assert!(nothing.trim().is_empty() && said.starts_with("0 tokens, "), "{nothing:?} {said}");
}

#[test]
fn a_head_larger_than_the_vocabulary_may_say_tokens_that_are_spelt_as_nothing() {
    let workshop = Workshop::with_shards();
    let wide = recipe(&scratch(64, "1e-9")).replace("hidden_size = 16", "hidden_size = 16\nvocab_size = 640");
    workshop.write("recipe.toml", wide);
    assert_success(&workshop.run(&["train", "recipe.toml", "--out", "run"]));
    let model = "run/step-00000002";
    let flags = ["--temperature", "9", "--max-new-tokens", "12", "--ignore-eos", "--json"];
    let output = workshop.run(&[&["generate", model, "--prompt", "w1"], &flags[..]].concat());
    assert_success(&output);
    let written: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let tokens: Vec<_> =
        written["tokens"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
    assert_eq!(tokens.len(), 12);
    let known = tokens.iter().filter(|&&token| token < 32).count();
    assert!(known < 12, "none of {tokens:?} is beyond the tokenizer's vocabulary: draw more");
    assert_eq!(written["text"].as_str().unwrap().split_whitespace().count(), known, "{written}");
}

#[test]
fn what_cannot_be_evaluated_or_gone_on_from_is_refused_in_one_line() {
    let workshop = workshop(10);
    train(&workshop, "");
    let said = |arguments: &[&str]| {
        let output = workshop.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
        assert!(!workshop.path("out").exists(), "{arguments:?} left something behind");
        stderr(&output)
    };
    let eval = |model, flags: &[&str]| {
        said(&[&["eval", model, "--data", "documents", "--out", "out"], flags].concat())
    };
    let mut messages = String::new();
    messages += &eval(MODEL, &["--tasks", "lambda,piqa"]);
    messages += &eval(MODEL, &["--tasks", "piqa,sciq"]);
    messages += &eval(MODEL, &["--tasks", "piqa", "--num-fewshot", "2"]);
    messages += &eval(MODEL, &["--tasks", "piqa", "--batch-size", "many"]);
    messages += &eval(MODEL, &["--tasks", "piqa", "--max-length", "500"]);
    messages += &eval("nowhere", &["--tasks", "piqa"]);
    fs::remove_file(workshop.path(MODEL).join("tokenizer.json")).unwrap();
    messages += &eval(MODEL, &["--tasks", "piqa"]);
    messages += &said(&["eval", "--tasks", "piqa"]);
    workshop.write("run/step-00000007/tokenizer.json", tiny::tokenizer().replace("\"w3\": 5", "\"w3\": 500"));
    messages += &said(&["generate", MODEL, "--prompt", "w3"]);
    workshop.write("run/step-00000007/tokenizer.json", tiny::tokenizer());
    let generate = |flags: &[&str]| said(&[&["generate", MODEL, "--prompt", "w1"], flags].concat());
    messages += &generate(&["--temperature", "-1"]);
    messages += &generate(&["--top-k", "5"]);
    messages += &generate(&["--temperature", "1", "--top-p", "1.5"]);
    messages += &said(&["generate", MODEL, "--prompt", &text(1, 40)]);
    workshop.write("recipe.toml", recipe(&scratch(224, "1e-2")) + &EVALUATION.replace("piqa", "pica"));
    messages += &said(&["train", "recipe.toml", "--out", "out"]);
    insta::assert_snapshot!(messages, @r#"
    error: no task "lambda"; nearest: lambada_openai, lambada_standard
    error: documents/sciq/sciq_test.jsonl: no such file; sciq needs the split test of the data set allenai/sciq of the Hugging Face hub there, 1000 documents as JSON lines or parquet with the fields question, distractor1, distractor2, distractor3, correct_answer, support
    error: documents/piqa/piqa_train.jsonl: no such file; piqa needs the split train of the data set baber/piqa of the Hugging Face hub there, 16113 documents as JSON lines or parquet with the fields goal, sol1, sol2, label
    error: --batch-size many: give a number from 1 on, or auto
    error: max-length is 500; it must be at most 16, the model's positions
    error: nowhere: no such folder
    error: run/step-00000007: there is no tokenizer.json, which turns text into the model's tokens; copy the one it was trained with here
    error: the following required arguments were not provided: --data <DIR> --out <DIR> <MODEL>
    error: the prompt has token 500, "w3", but the model has 32 tokens
    error: --temperature -1: give 0 or more
    error: --top-k and --top-p narrow what is drawn, and at --temperature 0 nothing is: give a temperature too
    error: --top-p 1.5: give a number above 0, at most 1
    error: the prompt has 40 tokens, the model has 16 positions
    error: recipe.toml: evaluation: no task "pica"; nearest: piqa
    "#);
}
