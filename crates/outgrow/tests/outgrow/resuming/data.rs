//! What a validation loss is measured on: the tokenizer, the shards, their sequences.

use std::fs;

use serde_json::json;

use crate::{
    resuming::{TRAIN, checkpointed, notes, refusal, refused, run_file, trained, underway},
    tiny::{self, Workshop, assert_success, recipe, scratch, stderr, stdout},
};

fn prepare(workshop: &Workshop, text: &str, tokenizer: &str, out: &str) {
    let output = workshop.run(&["data", "prepare", text, "--tokenizer", tokenizer, "--out", out]);
    assert_success(&output);
}

/// A tokenizer of the same words and the same size, whose ids are others.
fn other_tokenizer() -> String {
    let last = tiny::WORDS - 1;
    let one = tiny::tokenizer()
        .replace("\"w0\": 2,", "\"w0\": -1,")
        .replace(&format!("\"w{last}\": {}", last + 2), &format!("\"w{last}\": 2"));
    one.replace("\"w0\": -1,", &format!("\"w0\": {},", last + 2))
}

#[test]
fn validation_shards_of_another_tokenizer_are_refused_with_both_folders() {
    let workshop = Workshop::with_shards();
    workshop.write("other.json", other_tokenizer());
    prepare(&workshop, "validation.txt", "other.json", "foreign");
    workshop.write("recipe.toml", recipe(&scratch(64, "1e-2")).replace("\"validation\"", "\"foreign\""));
    let message = refused(&workshop, &TRAIN);
    let sum = |folder: &str| {
        let manifest: serde_json::Value =
            serde_json::from_slice(&fs::read(workshop.path(folder).join("manifest.json")).unwrap()).unwrap();
        assert_eq!(manifest["vocab_size"], tiny::WORDS + 2);
        manifest["tokenizer"]["sha256"].as_str().unwrap()[..12].to_owned()
    };
    assert_eq!(
        message,
        format!(
            "recipe.toml, line 11: data: the tokenizer of training is {}, that of foreign is {} (id 2 is \"w0\" in the \
             one, \"w{}\" in the other): prepare both with one tokenizer",
            sum("training"),
            sum("foreign"),
            tiny::WORDS - 1
        )
    );
    // Beside what else is wrong.
    let wrong = recipe(&scratch(64, "1e-2")).replace("\"validation\"", "\"foreign\"");
    workshop.write("recipe.toml", wrong.replace("num_attention_heads = 2", "num_attention_heads = 0"));
    let message = refused(&workshop, &TRAIN);
    assert!(
        message.contains("prepare both with one tokenizer")
            && message.contains("model: `num_attention_heads` is 0"),
        "{message}"
    );
}

#[test]
fn validation_shards_of_another_file_with_the_same_ids_are_taken_with_a_note() {
    let workshop = Workshop::with_shards();
    workshop.write("other.json", format!("{}\n", tiny::tokenizer()));
    prepare(&workshop, "validation.txt", "other.json", "again");
    workshop.write("recipe.toml", recipe(&scratch(64, "1e-2")).replace("\"validation\"", "\"again\""));
    let output = workshop.run(&TRAIN);
    assert_success(&output);
    let note = "note: the validation shards were made with another tokenizer.json than the training shards; it gives the \
                same ids";
    assert!(stderr(&output).lines().any(|line| line == note), "{}", stderr(&output));
}

#[test]
fn validation_shards_with_another_separator_are_refused() {
    let workshop = Workshop::new();
    let second = r#"{ "id": 1, "content": "?", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true }"#;
    let tokenizer =
        tiny::tokenizer().replace("\"added_tokens\": [", &format!("\"added_tokens\": [{second}, "));
    workshop.write("tokenizer.json", tokenizer);
    for (name, separator) in [("training", "<|endoftext|>"), ("validation", "?")] {
        let text = format!("{name}.txt");
        let prepare = ["data", "prepare", &text, "--tokenizer", "tokenizer.json", "--out", name];
        assert_success(&workshop.run(&[&prepare[..], &["--separator", separator]].concat()));
    }
    workshop.write("recipe.toml", recipe(&scratch(64, "1e-2")));
    insta::assert_snapshot!(refused(&workshop, &TRAIN), @"recipe.toml, line 11: data: the separator of training is `<|endoftext|>` (0), that of validation is `?` (1): prepare both with one separator");
}

#[test]
fn a_tokenizer_that_was_changed_beside_its_shards_is_refused() {
    let workshop = Workshop::with_shards();
    workshop.write("training/tokenizer.json", other_tokenizer());
    workshop.write("recipe.toml", recipe(&scratch(64, "1e-2")));
    let message = refused(&workshop, &TRAIN);
    assert!(message.starts_with("training/tokenizer.json: "), "{message}");
}

#[test]
fn an_experiment_is_refused_by_the_same_rule_before_any_run() {
    let workshop = Workshop::new();
    workshop.write("other.json", other_tokenizer());
    fs::create_dir(workshop.path("corpus")).unwrap();
    prepare(&workshop, "training.txt", "tokenizer.json", "corpus/training");
    prepare(&workshop, "validation.txt", "other.json", "corpus/validation");
    let output = workshop.run(&["experiment", "quickstart", "--data", "corpus", "--out", "out"]);
    let message = refusal(&output);
    assert!(
        message.starts_with("scratch-seed-1: data: the tokenizer of ")
            && message.contains("corpus/validation"),
        "{message}"
    );
    assert!(!workshop.path("out/scratch-seed-1/run.json").exists());
}

#[test]
fn a_run_records_what_its_losses_are_measured_on() {
    let workshop = underway();
    let data = run_file(&workshop)["data"].clone();
    assert_eq!((&data["sequence_length"], &data["validation"]["sequences"]), (&json!(16), &json!(2)));
    let sums = [&data["tokenizer_sha256"], &data["training"]["sha256"], &data["validation"]["sha256"]];
    assert!(sums.iter().all(|sum| sum.as_str().is_some_and(|sum| sum.len() == 64)), "{data}");
    assert_ne!(sums[1], sums[2]);
    // By bytes and not by place.
    let copied = workshop.path("elsewhere");
    fs::create_dir(&copied).unwrap();
    for name in workshop.names("validation") {
        fs::copy(workshop.path("validation").join(&name), copied.join(&name)).unwrap();
    }
    workshop.write("recipe.toml", checkpointed().replace("\"validation\"", "\"elsewhere\""));
    assert_eq!(notes(&workshop.run(&TRAIN)), [""; 0]);
    assert_eq!(run_file(&workshop)["data"], data);
}

#[test]
fn a_run_does_not_go_on_with_other_data() {
    let workshop = underway();
    workshop.write("more.txt", tiny::text(9, 700));
    prepare(&workshop, "more.txt", "tokenizer.json", "more");
    let with = |from: &str, to: &str| {
        workshop.write("recipe.toml", checkpointed().replace(from, to));
        refused(&workshop, &TRAIN)
    };
    let sum = |key: &str| run_file(&workshop)["data"][key]["sha256"].as_str().unwrap()[..12].to_owned();
    let message = with("validation = \"validation\"", "validation = \"more\"");
    let start = format!(
        "run/step-00000006: was written by a run with data.validation = {}, here ",
        sum("validation")
    );
    assert!(message.starts_with(&start), "{message}");
    let message = with("training = \"training\"", "training = \"more\"");
    assert!(
        message.starts_with("run/step-00000006: was written by a run with data.training = 1 shard, "),
        "{message}"
    );
    // In the same folder, too.
    for name in workshop.names("more") {
        fs::copy(workshop.path("more").join(&name), workshop.path("validation").join(&name)).unwrap();
    }
    workshop.write("recipe.toml", checkpointed());
    assert!(refused(&workshop, &TRAIN).starts_with(&start));
}

#[test]
fn a_finished_run_is_not_done_on_data_that_has_changed_since() {
    let workshop = trained();
    let sum = run_file(&workshop)["data"]["validation"]["sha256"].as_str().unwrap()[..12].to_owned();
    workshop.write("more.txt", tiny::text(9, 700));
    fs::remove_dir_all(workshop.path("validation")).unwrap();
    assert_eq!(stderr(&workshop.run(&TRAIN)), "run: this run is done\n", "data that is gone changes nothing");
    prepare(&workshop, "more.txt", "tokenizer.json", "validation");
    let message = refused(&workshop, &TRAIN);
    let start = format!("run: this run is done, with data.validation = {sum}, here ");
    assert!(
        message.starts_with(&start) && message.ends_with("; with these it needs another --out"),
        "{message}"
    );
}

#[test]
fn a_loss_on_what_is_trained_on_is_said_to_be_one() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(&scratch(64, "1e-2")).replace("\"validation\"", "\"training\""));
    let said = notes(&workshop.run(&TRAIN));
    assert_eq!(
        said,
        [
            "1 of 1 validation shards are training shards, too: the validation loss is of text that is trained on"
        ]
    );
}

#[test]
fn a_report_gives_no_speed_up_over_other_validation_data() {
    let workshop = Workshop::with_shards();
    workshop.write("more.txt", tiny::text(9, 700));
    prepare(&workshop, "more.txt", "tokenizer.json", "more");
    for (name, schedule) in [("scratch", scratch(224, "1e-2")), ("stacked", tiny::G_STACK.to_owned())] {
        let text = recipe(&schedule);
        let text = if name == "stacked" { text.replace("\"validation\"", "\"more\"") } else { text };
        workshop.write("recipe.toml", text);
        assert_success(&workshop.run(&["train", "recipe.toml", "--out", name]));
    }
    let output = workshop.run(&["report", "scratch", "stacked", "--out", "page.html"]);
    assert_success(&output);
    let said = stdout(&output);
    assert!(
        said.starts_with("G_stack (other validation data): no speed-up, as the runs can't be compared: its validation data is "),
        "{said}"
    );
    let numbers: serde_json::Value =
        serde_json::from_slice(&fs::read(workshop.path("page.json")).unwrap()).unwrap();
    assert_eq!(numbers["comparisons"][0]["exact_flops"], json!(null));
}
