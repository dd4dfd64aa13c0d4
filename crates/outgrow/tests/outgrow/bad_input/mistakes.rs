//! The mistakes that people make in recipes, each with what the program says to it. A recipe has one mistake here, but
//! for the last.

use std::fs;

use crate::{
    bad_input::{BAD_INPUT, FAILED, message_of, refused, refused_recipe},
    tiny::{self, G_STACK, Workshop, assert_success, recipe, scratch, stderr},
};

/// What is said of the recipe with G_stack where something stands in place of something else.
fn with(workshop: &Workshop, from: &str, to: &str) -> String {
    let recipe = recipe(G_STACK);
    assert!(recipe.contains(from), "{from}");
    refused_recipe(workshop, &recipe.replacen(from, to, 1))
}

#[test]
fn keys_that_are_none() {
    let workshop = Workshop::with_shards();
    let said = |from, to| with(&workshop, from, to);
    insta::assert_snapshot!(said("hidden_size", "hiden_size"), @"recipe.toml, line 5: model.hiden_size: no such key; did you mean `hidden_size`?");
    insta::assert_snapshot!(said("batch_sequences = 2", "batch_sequences = 2\nbatch_size = 8"), @"recipe.toml, line 17: training.batch_size: no such key; did you mean `batch_sequences`?");
    insta::assert_snapshot!(said("[training]\n", "[training]\nepsilon = 1e-8\n"), @"recipe.toml, line 16: training.epsilon: no such key here; [training.optimizer] has it");
    insta::assert_snapshot!(said("warmup_tokens = 32 }", "warmup_steps = 32, warmup_tokens = 32 }"), @"recipe.toml, line 24: schedule.base_learning_rate.warmup_steps: no such key; did you mean `warmup_tokens`?");
    insta::assert_snapshot!(said("seed = 1", "seed = 1\nlearning_rate = 1e-3"), @"recipe.toml, line 3: learning_rate: no such key here; it is one of [schedule]");
    insta::assert_snapshot!(said("seed = 1", "seed = 1\ncolour = \"blue\""), @"recipe.toml, line 3: colour: no such key; there are name, seed, device, dtype, model, data, schedule, training, evaluation");
    insta::assert_snapshot!(said("seed = 1", "seed = 1\nseed = 2"), @"recipe.toml, line 3: seed = 2: duplicate key");
}

#[test]
fn values_of_another_kind() {
    let workshop = Workshop::with_shards();
    let said = |from, to| with(&workshop, from, to);
    insta::assert_snapshot!(said("base_tokens = 128", "base_tokens = \"75K\""), @r#"recipe.toml, line 23: schedule.base_tokens = "75K": a whole number is needed, such as 75_000"#);
    insta::assert_snapshot!(said("base_tokens = 128", "base_tokens = 75K"), @"recipe.toml, line 23: base_tokens = 75K: a number has no unit: base_tokens = 75_000");
    insta::assert_snapshot!(said("base_tokens = 128", "base_tokens = 1.28e2"), @"recipe.toml, line 23: schedule.base_tokens = 128.0: a whole number is needed, such as 128");
    insta::assert_snapshot!(said("base_tokens = 128", "base_tokens = -128"), @"recipe.toml, line 23: schedule.base_tokens = -128: a whole number from 0 is needed, such as 240_000");
    insta::assert_snapshot!(said("base_tokens = 128", "base_tokens = \"many\""), @r#"recipe.toml, line 23: schedule.base_tokens = "many": a whole number is needed, such as 240_000"#);
    insta::assert_snapshot!(said("base_tokens = 128", "base_tokens = [128]"), @"recipe.toml, line 23: schedule.base_tokens: a whole number is needed, such as 240_000");
    insta::assert_snapshot!(said("name = \"tiny\"", "name = 1"), @r#"recipe.toml, line 1: name = 1: a text in quotes is needed, such as "my-run""#);
    insta::assert_snapshot!(said("name = \"tiny\"", "name = tiny"), @r#"recipe.toml, line 1: name = tiny: a text is in quotes: name = "tiny""#);
    insta::assert_snapshot!(said("peak = 1e-2", "peak = \"1e-2\""), @r#"recipe.toml, line 24: schedule.base_learning_rate.peak = "1e-2": a number is needed, such as 4e-3"#);
    insta::assert_snapshot!(said("peak = 1e-2", "peak = nan"), @r#"recipe.toml, line 24: schedule: 2 problems: stage "base": learning rate: peak is NaN, it must be finite and above 0; stage "base": learning rate: minimum is 0.001, it must be between 0 and the peak of NaN"#);
    insta::assert_snapshot!(said("base_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }", "base_learning_rate = 1e-2"), @"recipe.toml, line 24: schedule.base_learning_rate = 0.01: a table is needed, such as { peak = 4e-3, minimum = 4e-4, warmup_tokens = 24_000 }");
    insta::assert_snapshot!(said("warmup_tokens = 32 }", "warmup_tokens = 32, shape = { cosine = { tokens = 3 } } }"), @"recipe.toml, line 20: schedule: expected unit");
    insta::assert_snapshot!(said("training = \"training\"", "training = 3"), @r#"recipe.toml, line 11: data.training = 3: a text in quotes is needed, such as "shards/training""#);
    insta::assert_snapshot!(said("[model]\n", "[model]\ntie_word_embeddings = \"yes\"\n"), @r#"recipe.toml, line 5: model.tie_word_embeddings = "yes": true or false is needed"#);
}

#[test]
fn words_that_are_none() {
    let workshop = Workshop::with_shards();
    let said = |from, to| with(&workshop, from, to);
    insta::assert_snapshot!(said("\"g-stack\"", "\"gstack\""), @r#"recipe.toml, line 21: schedule.method = "gstack": did you mean "g-stack"? There are scratch, g-stack, random-mask, gradual, stackbert, stacking2, midas, lidas, staged, staged-training, learned, llama-pro, late, recycle, stages"#);
    insta::assert_snapshot!(said("\"g-stack\"", "\"grow\""), @r#"recipe.toml, line 21: schedule.method = "grow": there are scratch, g-stack, random-mask, gradual, stackbert, stacking2, midas, lidas, staged, staged-training, learned, llama-pro, late, recycle, stages"#);
    insta::assert_snapshot!(said("factor = 2", "growth = { operator = \"stak\", factor = 2 }"), @r#"recipe.toml, line 22: schedule.growth.operator = "stak": did you mean "stack"? There are stack, interleave, middle, lidas, solar, last, zero, random, learned, split, hyperclone, aki, zero-depth, zero-width, random-depth, random-width, layers, pattern, noise"#);
    insta::assert_snapshot!(said("seed = 1", "seed = 1\ndtype = \"float32\""), @r#"recipe.toml, line 3: dtype = "float32": there are f32, bf16, bf16-emulated"#);
    insta::assert_snapshot!(said("warmup_tokens = 32 }", "warmup_tokens = 32, shape = \"cosin\" }"), @r#"recipe.toml, line 24: schedule.base_learning_rate.shape = "cosin": did you mean "cosine"? There are cosine, linear, constant, inverse-square-root, or a table"#);
    insta::assert_snapshot!(said("grown_tokens = 96\n", "grown_tokens = 96\nat_growth = { moments = \"keep\" }\n"), @r#"recipe.toml, line 26: schedule.at_growth.moments = "keep": there are reset, copy, keep-old, scaled"#);
    insta::assert_snapshot!(said("seed = 1", "seed = 1\ndevice = \"gpu\""), @"recipe.toml: device: unknown device `gpu`: expected cpu, wgpu, cuda or cuda:INDEX");
}

#[test]
fn what_is_missing() {
    let workshop = Workshop::with_shards();
    let said = |from, to| with(&workshop, from, to);
    insta::assert_snapshot!(said("seed = 1\n", ""), @"recipe.toml: seed is missing, for example seed = 1");
    insta::assert_snapshot!(said("hidden_size = 16\n", ""), @"recipe.toml, line 4: model.hidden_size is missing, for example hidden_size = 256");
    insta::assert_snapshot!(said("method = \"g-stack\"\n", ""), @r#"recipe.toml, line 20: schedule.method is missing, for example method = "g-stack""#);
    insta::assert_snapshot!(said("peak = 1e-2, ", ""), @"recipe.toml, line 24: schedule.base_learning_rate.peak is missing, for example peak = 4e-3");
    insta::assert_snapshot!(said("[data]\ntraining = \"training\"\nvalidation = \"validation\"\nsequence_length = 16\n", ""), @r#"recipe.toml: [data] is missing, for example with training = "shards/training", validation = "shards/validation", sequence_length = 128"#);
    insta::assert_snapshot!(said("grown_tokens = 96\n", ""), @"recipe.toml, line 20: schedule: one of `grown_tokens` and `scratch_tokens` is needed, neither is given");
}

#[test]
fn sizes_and_lengths_that_do_not_fit() {
    let workshop = Workshop::with_shards();
    let said = |from, to| with(&workshop, from, to);
    insta::assert_snapshot!(said("num_attention_heads = 2", "num_attention_heads = 3"), @"recipe.toml, line 8: model: num_attention_heads = 3 doesn't divide hidden_size = 16 into heads of an even width: 2 or 4 heads would do");
    insta::assert_snapshot!(said("factor = 2", "factor = 3"), @"recipe.toml, line 22: schedule: factor is 3, it must divide the target's num_hidden_layers, 4");
    insta::assert_snapshot!(said("batch_sequences = 2", "batch_sequences = 500"), @"recipe.toml, line 10: data: training: the corpus has 75 samples of sequence length 16, but one batch needs 500");
    insta::assert_snapshot!(said("batch_sequences = 2", "batch_sequences = 0"), @"recipe.toml, line 16: training: batch_sequences = 0: at least 1 is needed; micro_batch_sequences = 0: between 1 and batch_sequences = 0 is needed");
    insta::assert_snapshot!(said("sequence_length = 16", "sequence_length = 4096"), @"training: the corpus has 1201 tokens, but one sample of sequence length 4096 needs 4097");
    insta::assert_snapshot!(said("validation_sequences = 2", "validation_sequences = 2000"), @"recipe.toml, line 18: data: validation_sequences = 2000, but the validation shards hold only 25 sequences");
    insta::assert_snapshot!(said("base_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }", "base_learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 500 }"), @r#"recipe.toml, line 24: schedule: stage "base": learning rate: warmup_tokens is 500, it must be below the stage's tokens, 128"#);
    insta::assert_snapshot!(said("grown_tokens = 96", "scratch_tokens = 100"), @"recipe.toml, line 23: schedule: base_tokens = 128, it must be below scratch_tokens = 100: the base alone would be trained as long as the whole");
    insta::assert_snapshot!(said("grown_tokens = 96", "grown_tokens = 0"), @r#"recipe.toml, line 24: schedule: 2 problems: stage "grown": tokens is 0: a stage trains on at least one token; stage "grown": learning rate: warmup_tokens is 32, it must be below the stage's tokens, 0"#);
    insta::assert_snapshot!(said("[model]\n", "[model]\nvocab_size = 8\n"), @"recipe.toml, line 5: model: vocab_size = 8, but the tokenizer has 32 entries: at least 32 is needed");
}

#[test]
fn data_that_is_not_there_or_of_another_tokenizer() {
    let workshop = Workshop::with_shards();
    let said = |from, to| with(&workshop, from, to);
    insta::assert_snapshot!(said("\"training\"", "\"trainng\""), @"recipe.toml, line 11: data.training: trainng: no such folder (a recipe's paths are taken from its own folder); `outgrow data prepare TEXTS --tokenizer FILE --out trainng` makes token shards");
    insta::assert_snapshot!(said("\"training\"", "\"training.txt\""), @"recipe.toml, line 11: data.training: training.txt: is a file, not a folder of token shards; `outgrow data prepare TEXTS --tokenizer FILE --out FOLDER` makes token shards");
    workshop.write("other.json", tiny::tokenizer().replace("\"w3\": 5", "\"other\": 5"));
    assert_success(&workshop.run(&[
        "data",
        "prepare",
        "validation.txt",
        "--tokenizer",
        "other.json",
        "--out",
        "others",
    ]));
    insta::assert_snapshot!(said("\"validation\"", "\"others\""), @r#"recipe.toml, line 11: data: the tokenizer of training is 89fe8d93afeb, that of others is 807e732f73dd (id 5 is "w3" in the one, "other" in the other): prepare both with one tokenizer"#);
}

#[test]
fn files_that_are_no_recipes() {
    let workshop = Workshop::with_shards();
    let train = |file: &str| refused(&workshop, &["train", file, "--out", "run"], BAD_INPUT, "run");
    insta::assert_snapshot!(train("nowhere.toml"), @"nowhere.toml: no such file; a recipe is a TOML file: `outgrow init SHARDS` writes two, docs/recipes has one for each method");
    fs::create_dir(workshop.path("recipes")).unwrap();
    insta::assert_snapshot!(train("recipes"), @"recipes: is a folder; `outgrow experiment recipes` trains all recipes in it");
    workshop.write("empty.toml", "# nothing yet\n");
    insta::assert_snapshot!(train("empty.toml"), @"empty.toml: is empty; `outgrow init SHARDS` writes two, docs/recipes has one for each method");
    workshop.write("recipe.json", "{ \"name\": \"tiny\", \"seed\": 1 }");
    insta::assert_snapshot!(train("recipe.json"), @r#"recipe.json: is JSON, and a recipe is TOML: name = "my-run"; `outgrow init SHARDS` writes two, docs/recipes has one for each method"#);
    workshop.write("recipe.yaml", "name: tiny\nseed: 1\n");
    insta::assert_snapshot!(train("recipe.yaml"), @"recipe.yaml, line 1: name: tiny: key with no value, expected `=`; a recipe is a TOML file: `outgrow init SHARDS` writes two, docs/recipes has one for each method");
    workshop.write("model.safetensors", [0xff, 0xfe, 0, 1]);
    insta::assert_snapshot!(train("model.safetensors"), @"model.safetensors: is no text; a recipe is a TOML file: `outgrow init SHARDS` writes two, docs/recipes has one for each method");
}

#[test]
fn a_folder_of_another_run_and_a_rate_that_is_too_high() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(&scratch(96, "1e-2")));
    let train = ["train", "recipe.toml", "--out", "run"];
    assert_success(&workshop.run(&train));
    workshop.write("recipe.toml", recipe(G_STACK));
    insta::assert_snapshot!(message_of(&workshop.run(&train), BAD_INPUT), @"run/step-00000003: was written by a run with schedule: stages = scratch, here base, grown; use another --out, or the recipe that began this run");
    insta::assert_snapshot!(message_of(&workshop.run(&["train", "recipe.toml", "--out", "training"]), BAD_INPUT), @"training: is a folder of token shards; give --out a folder of the run's own");
    workshop.write("recipe.toml", recipe(&scratch(1000, "1e30")));
    let diverged = workshop.run(&["train", "recipe.toml", "--out", "other"]);
    assert_eq!(diverged.status.code(), Some(FAILED));
    insta::assert_snapshot!(stderr(&diverged).lines().last().unwrap(), @"error: the loss is 3.4657 (gradient norm NaN) at step 2 with learning rate 9.97e29: a lower learning rate or a longer warm-up may help; no checkpoint had been written yet");
}

#[test]
fn several_problems_have_a_line_each_in_the_order_of_the_file() {
    let workshop = Workshop::with_shards();
    let recipe = recipe(G_STACK)
        .replace("seed = 1", "sede = 1")
        .replace("hidden_size = 16", "hidden_size = \"16\"")
        .replace("\"g-stack\"", "\"gstack\"")
        .replace("validation_sequences = 2", "validation_sequnces = 2");
    insta::assert_snapshot!(refused_recipe(&workshop, &recipe), @r#"
    recipe.toml: 4 problems
      line 2: sede: no such key; did you mean `seed`?
      line 5: model.hidden_size = "16": a whole number is needed, such as 16
      line 18: training.validation_sequnces: no such key; did you mean `validation_sequences`?
      line 21: schedule.method = "gstack": did you mean "g-stack"? There are scratch, g-stack, random-mask, gradual, stackbert, stacking2, midas, lidas, staged, staged-training, learned, llama-pro, late, recycle, stages
    "#);
}
