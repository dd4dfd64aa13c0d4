//! Folders that won't do as a base, and recipes that say two things: one line each, exit status 2, nothing written.

use std::fs;

use serde_json::{Value, json};

use crate::{
    bases::{copy, from, g_stack, trained, with_base},
    tiny::{self, Workshop, assert_success, stderr},
};

fn refused(workshop: &Workshop, recipe: &str) -> String {
    workshop.write("recipe.toml", recipe);
    let output = workshop.run(&["train", "recipe.toml", "--out", "run"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(!workshop.path("run").exists(), "a run that is refused writes nothing");
    let said = stderr(&output);
    assert_eq!(said.lines().count(), 1, "{said}");
    said.replace(workshop.path("").to_str().unwrap(), "")
}

fn change_config(workshop: &Workshop, folder: &str, change: impl FnOnce(&mut Value)) {
    let file = workshop.path(folder).join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut config);
    fs::write(file, config.to_string()).unwrap();
}

#[test]
fn a_recipe_that_says_the_model_twice_or_by_half_is_refused() {
    let workshop = with_base();
    let refused = |recipe: String| refused(&workshop, &recipe);
    let scratch = from("base", &tiny::scratch(64, "1e-2"));
    let with = |line: &str| scratch.replace("[model]\n", &format!("[model]\n{line}\n"));
    insta::assert_snapshot!(refused(with("hidden_size = 16\nrms_norm_eps = 1e-5")), @"error: recipe.toml, line 4: model: with `from` the folder says what the model is: remove hidden_size, rms_norm_eps");
    insta::assert_snapshot!(refused(with("from_flops = -1.0")), @"error: recipe.toml: model: from_flops = -1, expected FLOPs from 0");
    insta::assert_snapshot!(refused(with("from_flops = 1.0")), @"error: recipe.toml: model: base itself says that it has cost 3.096576e6 FLOPs: remove from_flops, which says 1e0");
    insta::assert_snapshot!(refused(tiny::recipe(&tiny::scratch(64, "1e-2")).replace("[model]\n", "[model]\nfrom_flops = 1.0\n")), @"error: recipe.toml, line 4: model: `from_flops` is what the folder of `from` has cost, and `from` isn't there");
    insta::assert_snapshot!(refused(scratch.replace("\"base\"", "\"nowhere\"")), @"error: recipe.toml: model: nowhere: no such folder");
    insta::assert_snapshot!(refused(scratch.replace("\"base\"", "\"some/llama\"")), @"error: recipe.toml: model: some/llama: no such folder; a model of the hub has to be downloaded first: `hf download some/llama --local-dir FOLDER`");
    insta::assert_snapshot!(refused(scratch.replace("\"base\"", "\"../some/llama\"")), @"error: recipe.toml: model: ../some/llama: no such folder");
    insta::assert_snapshot!(refused(scratch.replace("\"base\"", "\"training\"")), @"error: recipe.toml: model: training: holds token shards, not a model");
}

#[test]
fn a_schedule_that_does_not_go_with_a_base_is_refused() {
    let workshop = with_base();
    let refused = |schedule: &str| refused(&workshop, &from("base", schedule));
    let rate = "{ peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }";
    insta::assert_snapshot!(refused(&g_stack(0).replace("base_tokens = 0", "base_tokens = 64")), @"error: recipe.toml, line 17: schedule: base_learning_rate is missing");
    let stacking2 = format!(
        "method = \"stacking2\"\nlayer_counts = [2, 4]\nstage_tokens = 64\nstage_learning_rate = {rate}\njoint_tokens = 64\njoint_learning_rate = {rate}\n"
    );
    insta::assert_snapshot!(refused(&stacking2), @"error: recipe.toml, line 17: schedule: base_tokens is missing: how long the base of model.from is trained on before it grows, 0 for not at all");
    insta::assert_snapshot!(refused(&format!("{stacking2}base_tokens = 0\n").replace("[2, 4]", "[1, 2, 4]")), @"error: recipe.toml, line 19: schedule: layer_counts is [1, 2, 4], it must begin with the base's num_hidden_layers, 2");
    let stages = format!(
        "method = \"stages\"\n[[schedule.stages]]\nname = \"first\"\nnum_hidden_layers = 2\ntokens = 64\nlearning_rate = {rate}\n"
    );
    insta::assert_snapshot!(refused(&stages), @"error: recipe.toml, line 21: schedule: stage `first`: the first stage's model is that of model.from: remove num_hidden_layers");
    insta::assert_snapshot!(refused(&tiny::scratch(0, "1e-2")), @r#"error: recipe.toml, line 19: schedule: 2 problems: stage "continued": tokens is 0: a stage trains on at least one token; stage "continued": learning rate: warmup_tokens is 32, it must be below the stage's tokens, 0"#);
    // Without a base, there is nothing to grow at once.
    workshop.write("recipe.toml", tiny::recipe(&g_stack(0)));
    insta::assert_snapshot!(stderr(&workshop.run(&["train", "recipe.toml", "--out", "run"])), @"error: recipe.toml, line 23: schedule: base_tokens = 0: only a base that there is, by model.from, grows at once");
}

#[test]
fn a_model_that_cannot_be_trained_or_is_too_small_is_refused() {
    let workshop = with_base();
    let refused = || refused(&workshop, &from("other", &g_stack(0)));
    let with = |change: &dyn Fn(&mut Value)| {
        let _ = fs::remove_dir_all(workshop.path("other"));
        copy(&workshop.path("base"), &workshop.path("other"));
        change_config(&workshop, "other", change);
        refused()
    };
    insta::assert_snapshot!(with(&|config| config["model_type"] = json!("gpt_neox")), @r#"error: recipe.toml: model: only LLaMA-style decoders can be trained: other/config.json: `model_type` is "gpt_neox", but this decoder is "llama", "mistral" or "qwen2""#);
    insta::assert_snapshot!(with(&|config| { config["model_type"] = json!("mistral"); config["sliding_window"] = json!(8) }), @"error: recipe.toml: model: only LLaMA-style decoders can be trained: other/config.json: `sliding_window` is 8, but the decoder attends to the whole sequence, up to 16 tokens");
    insta::assert_snapshot!(with(&|config| config["max_position_embeddings"] = json!(8)), @"error: recipe.toml, line 10: model: max_position_embeddings = 8 is below sequence_length = 16");
    let base = outgrow_checkpoint::Checkpoint::open(&workshop.path("base")).unwrap();
    let small = base.config().with(|fields| fields.vocab_size = 20).unwrap();
    let mut tensors = base.to_named_tensors().unwrap();
    for name in ["model.embed_tokens.weight", "lm_head.weight"] {
        let tensor = tensors.get_mut(name).unwrap();
        tensor.shape[0] = 20;
        tensor.values.truncate(20 * 16);
    }
    fs::remove_dir_all(workshop.path("other")).unwrap();
    outgrow_checkpoint::write_checkpoint(&workshop.path("other"), &small, &tensors, 1 << 30).unwrap();
    insta::assert_snapshot!(refused(), @"error: recipe.toml, line 4: model: vocab_size = 20, but the tokenizer has 32 entries: at least 32 is needed");
}

#[test]
fn ids_have_to_mean_the_same_to_the_base_and_in_the_shards() {
    let workshop = with_base();
    let with_tokenizer = |tokenizer: String| {
        workshop.write("base/tokenizer.json", tokenizer);
        refused(&workshop, &from("base", &g_stack(0)))
    };
    insta::assert_snapshot!(with_tokenizer(tiny::tokenizer().replace("\"w3\": 5", "\"other\": 5")), @r#"error: recipe.toml, line 4: model: base: its tokenizer isn't that of the shards in training: id 5 is "other" there, "w3" in the shards; prepare shards with --tokenizer base/tokenizer.json"#);
    insta::assert_snapshot!(with_tokenizer(tiny::tokenizer().replace("\"Whitespace\"", "\"WhitespaceSplit\"").replace("\"normalizer\": null", "\"normalizer\": { \"type\": \"Replace\", \"pattern\": { \"String\": \"w1\" }, \"content\": \"w2\" }")), @"error: recipe.toml, line 4: model: base: its tokenizer isn't that of the shards in training: with the same ids for the same words it reads the shards' first documents otherwise; prepare shards with --tokenizer base/tokenizer.json");
    // What is put around texts, and how the file is spelt, makes no other ids; and no tokenizer is a note.
    workshop.write("base/tokenizer.json", tiny::tokenizer().replace(", ", ",  "));
    trained(&workshop, "spelt", &from("base", &g_stack(0)));
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        fs::remove_file(workshop.path("base").join(name)).unwrap();
    }
    workshop.write("without.toml", from("base", &g_stack(0)));
    let output = workshop.run(&["train", "without.toml", "--out", "without"]);
    assert_success(&output);
    let note = stderr(&output).lines().find(|line| line.starts_with("note: base: ")).map(str::to_owned);
    insta::assert_snapshot!(note.unwrap(), @"note: base: there is no tokenizer.json, which turns text into the model's tokens; copy the one it was trained with here; whether the shards' ids are the model's isn't known");
}

#[test]
fn a_run_does_not_go_on_with_another_base() {
    let workshop = with_base();
    trained(&workshop, "begun", &from("base", &g_stack(0)));
    copy(&workshop.path("base"), &workshop.path("other"));
    change_config(&workshop, "other", |config| config["initializer_range"] = json!(0.03));
    workshop.write("begun.toml", from("other", &g_stack(0)));
    let output = workshop.run(&["train", "begun.toml", "--out", "begun"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("was written by a run with model.from = ") && !said.contains("model.initializer_range"),
        "{said}"
    );
    // Nor without one.
    workshop.write(
        "begun.toml",
        tiny::recipe(
            &tiny::G_STACK
                .replace("base_tokens = 128", "base_tokens = 32")
                .replace("warmup_tokens = 32", "warmup_tokens = 16"),
        ),
    );
    let said = stderr(&workshop.run(&["train", "begun.toml", "--out", "begun"]));
    assert!(said.contains("by a run with model.from = ") && said.contains(", here none"), "{said}");
}
