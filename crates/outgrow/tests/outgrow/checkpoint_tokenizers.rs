//! What a run's checkpoints say of their tokenizer to other programs.

use std::{fs, path::Path};

use serde_json::Value;

use crate::tiny::{G_STACK, Workshop, assert_success, recipe, stderr, tokenizer};

/// The tests' tokenizer with two more special tokens, and a template that has them around each text.
fn with_template(before: Option<&str>, behind: Option<&str>) -> String {
    let mut json: Value = serde_json::from_str(&tokenizer()).unwrap();
    let added = json["added_tokens"].as_array_mut().unwrap();
    let mut special = added[0].clone();
    for (id, content) in [(32, "<s>"), (33, "</s>")] {
        special["id"] = id.into();
        special["content"] = content.into();
        added.push(special.clone());
    }
    let id_of = |token: &str| {
        if token == "<s>" {
            32
        } else if token == "</s>" {
            33
        } else {
            0
        }
    };
    let piece = |token: &str| serde_json::json!({ "SpecialToken": { "id": token, "type_id": 0 } });
    let text = |id: &str| serde_json::json!({ "Sequence": { "id": id, "type_id": 0 } });
    let around = |id: &str| {
        before.map(piece).into_iter().chain([text(id)]).chain(behind.map(piece)).collect::<Vec<_>>()
    };
    let (single, pair) = (around("A"), [around("A"), around("B")].concat());
    let tokens = before.into_iter().chain(behind);
    let tokens: serde_json::Map<_, _> = tokens
        .map(|token| {
            (token.to_owned(), serde_json::json!({ "id": token, "ids": [id_of(token)], "tokens": [token] }))
        })
        .collect();
    json["post_processor"] = serde_json::json!({
        "type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens
    });
    json.to_string()
}

/// A run on shards of this tokenizer: what it said, and the folder.
fn trained(tokenizer: &str) -> (Workshop, String) {
    let workshop = Workshop::new();
    workshop.write("tokenizer.json", tokenizer);
    for name in ["training", "validation"] {
        let input = format!("{name}.txt");
        let arguments = ["data", "prepare", &input, "--tokenizer", "tokenizer.json", "--out", name];
        assert_success(&workshop.run(&[&arguments[..], &["--separator", "<|endoftext|>"]].concat()));
    }
    workshop.write("recipe.toml", recipe(G_STACK));
    let output = workshop.run(&["train", "recipe.toml", "--out", "run"]);
    assert_success(&output);
    let said = stderr(&output);
    (workshop, said)
}

fn json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

#[test]
fn a_checkpoint_names_the_tokens_that_the_shards_have_between_texts() {
    let (workshop, said) = trained(&tokenizer());
    assert!(!said.contains("note:"), "{said}");
    for step in ["step-00000004", "step-00000007"] {
        let folder = workshop.path("run").join(step);
        let named = json(&folder.join("tokenizer_config.json"));
        insta::allow_duplicates! {
            insta::assert_snapshot!(named, @r#"{"tokenizer_class":"PreTrainedTokenizerFast","bos_token":"<|endoftext|>","eos_token":"<|endoftext|>","pad_token":"<|endoftext|>","padding_side":"left","model_max_length":16,"clean_up_tokenization_spaces":false}"#);
        }
        assert_eq!(fs::read_to_string(folder.join("tokenizer.json")).unwrap(), tokenizer());
        let config = json(&folder.join("config.json"));
        assert_eq!((&config["bos_token_id"], &config["eos_token_id"]), (&0.into(), &0.into()));
    }
}

#[test]
fn a_grown_folder_names_them_too() {
    let (workshop, _) = trained(&tokenizer());
    let grow = ["grow", "run/step-00000007", "grown", "--operator", "stack", "--factor", "2"];
    assert_success(&workshop.run(&grow));
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        let [grown, source] =
            ["grown", "run/step-00000007"].map(|folder| fs::read(workshop.path(folder).join(name)).unwrap());
        assert!(grown == source, "{name}");
    }
}

#[test]
fn a_padding_token_of_the_tokenizers_own_is_named() {
    let mut with_padding: Value = serde_json::from_str(&tokenizer()).unwrap();
    let added = with_padding["added_tokens"].as_array_mut().unwrap();
    let mut padding = added[0].clone();
    padding["id"] = 32.into();
    padding["content"] = "<pad>".into();
    added.push(padding);
    let (workshop, _) = trained(&with_padding.to_string());
    let named = json(&workshop.path("run/step-00000007/tokenizer_config.json"));
    assert_eq!(named["pad_token"], "<pad>");
}

#[test]
fn a_template_whose_token_training_never_saw_is_replaced_and_that_is_said() {
    for (before, behind, spelt) in [
        (Some("<s>"), None, "<s>"),
        (Some("<s>"), Some("</s>"), "<s> and </s>"),
        (Some("<|endoftext|>"), Some("</s>"), "</s>"),
        (None, Some("</s>"), "</s>"),
    ] {
        let (workshop, said) = trained(&with_template(before, behind));
        let expected = format!(
            "note: training/tokenizer.json: puts {spelt} around a text, which the shards don't have; the checkpoints' tokenizer.json puts <|endoftext|> before it, as they do"
        );
        assert_eq!(said.matches(&expected).count(), 1, "{said}");
        let template = &json(&workshop.path("run/step-00000007/tokenizer.json"))["post_processor"];
        insta::allow_duplicates! {
            insta::assert_snapshot!(template["single"], @r#"[{"SpecialToken":{"id":"<|endoftext|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}]"#);
            insta::assert_snapshot!(template["special_tokens"], @r#"{"<|endoftext|>":{"id":"<|endoftext|>","ids":[0],"tokens":["<|endoftext|>"]}}"#);
        }
        // The shards keep the file that made them.
        let kept = fs::read_to_string(workshop.path("training/tokenizer.json")).unwrap();
        assert_eq!(kept, with_template(before, behind));
    }
}

#[test]
fn a_template_of_the_separator_stays_as_it_is() {
    let (workshop, said) = trained(&with_template(Some("<|endoftext|>"), None));
    assert!(!said.contains("note:"), "{said}");
    let kept = fs::read_to_string(workshop.path("run/step-00000007/tokenizer.json")).unwrap();
    assert_eq!(kept, with_template(Some("<|endoftext|>"), None));
}

/// A run on shards whose tokenizer lay beside a tokenizer_config.json that names this class.
fn trained_with_class(class: &str, tokenizer: &str) -> (Workshop, String) {
    let workshop = Workshop::new();
    workshop.write("tokenizer.json", tokenizer);
    let config =
        format!(r#"{{ "tokenizer_class": "{class}", "bos_token": "<s>", "chat_template": "{{{{ x }}}}" }}"#);
    workshop.write("tokenizer_config.json", config);
    for name in ["training", "validation"] {
        let input = format!("{name}.txt");
        assert_success(&workshop.run(&[
            "data",
            "prepare",
            &input,
            "--tokenizer",
            "tokenizer.json",
            "--out",
            name,
        ]));
    }
    workshop.write("recipe.toml", recipe(G_STACK));
    let output = workshop.run(&["train", "recipe.toml", "--out", "run"]);
    assert_success(&output);
    let said = stderr(&output);
    (workshop, said)
}

/// Letters in bytes, as GPT-2 has them, with words split by the class's own rule.
fn byte_level(pre_tokenizer: &str) -> String {
    let letters = "w0123456789".chars().zip(2..).map(|(letter, id)| format!(r#""{letter}": {id}"#));
    let letters = letters.collect::<Vec<_>>().join(", ");
    format!(
        r#"{{ "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
            "decoder": {{ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true }},
            "pre_tokenizer": {pre_tokenizer},
            "added_tokens": [{{ "id": 0, "content": "<|endoftext|>", "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true }}],
            "model": {{ "type": "BPE", "vocab": {{ "<|endoftext|>": 0, "\u0120": 1, {letters}, "00": 13, "11": 14, "12": 15 }},
                "merges": [["0", "0"], ["1", "1"], ["1", "2"]] }} }}"#
    )
}

const BYTES: &str =
    r#"{ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true }"#;

#[test]
fn a_class_of_the_sources_own_is_kept_where_it_gives_the_files_ids() {
    let (workshop, said) = trained_with_class("GPT2Tokenizer", &byte_level(BYTES));
    assert!(!said.contains("note:"), "{said}");
    let named = json(&workshop.path("run/step-00000007/tokenizer_config.json"));
    insta::assert_snapshot!(named, @r#"{"tokenizer_class":"GPT2Tokenizer","bos_token":"<|endoftext|>","chat_template":"{{ x }}","eos_token":"<|endoftext|>","model_max_length":16,"pad_token":"<|endoftext|>"}"#);
}

#[test]
fn a_class_that_gives_other_ids_than_the_file_is_not_named_and_that_is_said() {
    let digits = format!(
        r#"{{ "type": "Sequence", "pretokenizers": [{{ "type": "Digits", "individual_digits": true }}, {BYTES}] }}"#
    );
    for (class, tokenizer) in [("GPT2Tokenizer", byte_level(&digits)), ("SomeTokenizer", byte_level(BYTES))] {
        let (workshop, said) = trained_with_class(class, &tokenizer);
        let expected = format!(
            "note: training/tokenizer_config.json: names {class}, which gives other ids than tokenizer.json on the shards' first documents, or may do so; the checkpoints name PreTrainedTokenizerFast"
        );
        assert_eq!(said.matches(&expected).count(), 1, "{said}");
        let named = json(&workshop.path("run/step-00000007/tokenizer_config.json"));
        assert_eq!(named["tokenizer_class"], "PreTrainedTokenizerFast");
    }
}
