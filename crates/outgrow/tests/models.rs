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

    // A template with the token at both ends is one with nothing behind as soon as the flag is given, and one with nothing at all without it.
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
