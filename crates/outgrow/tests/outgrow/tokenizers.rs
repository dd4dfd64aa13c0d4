//! tokenizer.json files as people have them, through the program: what is made of them, and what is said.

use std::{fs, process::Output};

use serde_json::{Value, json};

use crate::tiny::{self, Workshop, assert_success, recipe, scratch, stderr};

fn prepare(workshop: &Workshop, out: &str, flags: &[&str]) -> Output {
    let arguments = ["data", "prepare", "text.jsonl", "--tokenizer", "other.json", "--out", out];
    workshop.run(&[&arguments[..], flags].concat())
}

fn ids(workshop: &Workshop, out: &str) -> Vec<u16> {
    let bytes = fs::read(workshop.path(out).join("shard-00000.bin")).unwrap();
    bytes.chunks(2).map(|id| u16::from_le_bytes([id[0], id[1]])).collect()
}

fn manifest(workshop: &Workshop, out: &str) -> Value {
    serde_json::from_slice(&fs::read(workshop.path(out).join("manifest.json")).unwrap()).unwrap()
}

fn added(id: u32, content: &str) -> Value {
    json!({
        "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        "special": true,
    })
}

/// The tokenizer of the tests with parts exchanged, as `other.json`, beside a text.
fn workshop(parts: &Value) -> Workshop {
    let workshop = Workshop::new();
    let mut made: Value = serde_json::from_str(&tiny::tokenizer()).unwrap();
    for (name, part) in parts.as_object().unwrap() {
        made[name] = part.clone();
    }
    workshop.write("other.json", made.to_string());
    workshop.write("text.jsonl", "{\"text\": \"w1 w2\"}\n{\"text\": \"w3\"}\n");
    workshop
}

#[test]
fn a_split_by_a_regular_expression_cuts_the_text() {
    let split = json!({ "type": "Split", "pattern": { "Regex": "w(?=\\d)|\\s+" }, "behavior": "Isolated", "invert": false });
    let model = json!({ "type": "WordLevel", "unk_token": "?", "vocab": { "?": 0, "w": 1, "1": 2, "2": 3, "3": 4, " ": 5, "</s>": 6 } });
    let workshop = workshop(&json!({ "pre_tokenizer": split, "model": model, "added_tokens": [] }));
    let output = prepare(&workshop, "shards", &[]);
    assert_success(&output);
    assert_eq!(stderr(&output), "");
    assert_eq!(ids(&workshop, "shards"), [6, 1, 2, 5, 1, 3, 6, 1, 4]);
}

/// The vocabulary has 32 entries, so `</s>` is 32 whatever the file says.
#[test]
fn a_gap_in_the_ids_is_said_once_by_each_command_and_closed() {
    let list = [added(0, "<|endoftext|>"), added(70_000, "</s>")];
    let workshop = workshop(&json!({ "added_tokens": list }));
    let note = "note: other.json: the file has other ids than the tokenizers library, which numbers added tokens on from the vocabulary in the list's order and ignores the ids written there; the library's are used: \"</s>\" is 32 (file: 70000)\n";
    let output = prepare(&workshop, "shards", &["--separator", "</s>"]);
    assert_success(&output);
    assert_eq!(stderr(&output), note);
    let manifest = manifest(&workshop, "shards");
    assert_eq!(
        (&manifest["vocab_size"], &manifest["separator"]["id"], &manifest["dtype"]),
        (&json!(33), &json!(32), &json!("u16"))
    );
    assert_eq!(ids(&workshop, "shards"), [32, 3, 4, 32, 5]);

    for name in ["training", "validation"] {
        let input = format!("{name}.txt");
        assert_success(&workshop.run(&[
            "data",
            "prepare",
            &input,
            "--tokenizer",
            "other.json",
            "--out",
            name,
            "--separator",
            "</s>",
        ]));
    }
    workshop.write("recipe.toml", recipe(&scratch(224, "1e-2")));
    let trained = workshop.run(&["train", "recipe.toml", "--out", "run"]);
    assert_success(&trained);
    assert!(
        stderr(&trained).contains(&note.replace("other.json", "training/tokenizer.json")),
        "{}",
        stderr(&trained)
    );
    let generated =
        workshop.run(&["generate", "run/step-00000007", "--prompt", "w1", "--max-new-tokens", "2"]);
    assert!(stderr(&generated).contains("\"</s>\" is 32 (file: 70000)"), "{}", stderr(&generated));
}

#[test]
fn any_token_can_be_the_separator_and_a_choice_among_ends_is_said() {
    let list = [added(0, "<|endoftext|>"), added(32, "<|im_end|>")];
    let workshop = workshop(&json!({ "added_tokens": list }));
    let output = prepare(&workshop, "chosen", &[]);
    assert_success(&output);
    insta::assert_snapshot!(stderr(&output), @"note: other.json: several tokens end a text (<|endoftext|>, <|im_end|>); <|endoftext|> separates documents, unless another is named");
    assert_eq!(ids(&workshop, "chosen"), [0, 3, 4, 0, 5]);
    let output = prepare(&workshop, "named", &["--separator", "w7"]);
    assert_success(&output);
    assert_eq!(stderr(&output), "");
    assert_eq!(ids(&workshop, "named"), [9, 3, 4, 9, 5]);
}
