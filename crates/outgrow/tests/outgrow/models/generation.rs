//! `outgrow generate`: what is written, and where it ends.

use std::fs;

use serde_json::{Value, json};

use crate::{
    models::{MODEL, train},
    tiny::{Workshop, assert_success, recipe, scratch, stderr, stdout},
};

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
fn a_text_ends_where_generation_config_json_says_and_nowhere_if_that_says_nothing() {
    let workshop = Workshop::with_shards();
    train(&workshop, "");
    let generate = || {
        let output =
            workshop.run(&["generate", MODEL, "--prompt", "w1 w2 w3", "--max-new-tokens", "5", "--json"]);
        assert_success(&output);
        let written: Value = serde_json::from_str(&stdout(&output)).unwrap();
        (written["tokens"].clone(), stderr(&output))
    };
    let edit = |name: &str, edit: &dyn Fn(&mut Value)| {
        let file = workshop.path(MODEL).join(name);
        let mut json = serde_json::from_str(&fs::read_to_string(file).unwrap_or("{}".into())).unwrap();
        edit(&mut json);
        workshop.write(&format!("{MODEL}/{name}"), json.to_string());
    };
    edit("tokenizer_config.json", &|json| json["eos_token"] = "<|endoftext|>".into());
    edit("config.json", &|json| json["eos_token_id"] = Value::Null);
    let (tokens, said) = generate();
    assert_eq!(tokens.as_array().unwrap().len(), 5);
    let note = "config.json names no eos_token_id, though the tokenizer has <|endoftext|>: as in transformers, no token ends the text";
    assert!(said.contains(note), "{said}");

    // config.json counts only where there is no generation_config.json.
    edit("config.json", &|json| json["eos_token_id"] = json!([31, tokens[1]]));
    assert_eq!(generate().0, json!([tokens[0]]));
    workshop.write(
        &format!("{MODEL}/generation_config.json"),
        r#"{ "repetition_penalty": 1.1, "do_sample": true }"#,
    );
    let (all, said) = generate();
    assert_eq!(all, tokens);
    assert!(said.contains("generation_config.json names no eos_token_id"), "{said}");
    assert!(said.contains("generation_config.json: repetition_penalty plays no part here"), "{said}");
    edit("generation_config.json", &|json| json["eos_token_id"] = tokens[0].clone());
    assert_eq!(generate().0, json!([]));
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
