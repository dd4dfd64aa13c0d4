//! Folders' models at work: benchmarks, within training and after it, and text.

mod evaluation;
mod generation;

use std::fs;

use serde_json::{Value, json};

use crate::tiny::{self, Workshop, assert_success, recipe, scratch, stderr, stdout, text};

pub(crate) const EVALUATION: &str = r#"
[evaluation]
tasks = ["piqa", "lambada_openai"]
data = "documents"
interval_tokens = 96
limit = 20
"#;

/// A workshop with documents of two tasks, made of the tokenizer's words.
pub(crate) fn workshop(documents: u64) -> Workshop {
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

#[test]
fn a_token_without_a_row_stops_only_a_text_that_has_it() {
    let workshop = workshop(10);
    train(&workshop, "");
    let filler = r#""added_tokens": [{ "id": 32, "content": "[PAD]", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true }, "#;
    workshop
        .write(&format!("{MODEL}/tokenizer.json"), tiny::tokenizer().replace("\"added_tokens\": [", filler));
    let generate =
        |prompt: &str| workshop.run(&["generate", MODEL, "--prompt", prompt, "--max-new-tokens", "2"]);
    let output = generate("w1 w2");
    assert_success(&output);
    assert!(stderr(&output).contains("ids up to 32, the model 32 tokens: a text with one beyond is refused"));
    let output = generate("w1 [PAD]");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output), "error: the prompt has token 32, \"[PAD]\", but the model has 32 tokens\n");
    let eval = ["eval", MODEL, "--tasks", "piqa", "--data", "documents", "--out", "out"];
    assert_success(&workshop.run(&eval));
    fs::remove_dir_all(workshop.path("out")).unwrap();
    let lines = json!({ "goal": "w1", "sol1": "w2 [PAD]", "sol2": "w3", "label": 0 }).to_string() + "\n";
    workshop.write("documents/piqa/piqa_validation.jsonl", lines);
    let output = workshop.run(&eval);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).ends_with(
            "error: piqa, document 0: \"[PAD]\" is token 32, but the model's vocabulary has 32: its embedding lacks a row, or this is another model's tokenizer\n"
        ),
        "{}",
        stderr(&output)
    );
    assert!(!workshop.path("out").exists());
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
    error: max_length is 500; it must be at most 16, the model's positions
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
