//! Data, recipes and devices that a run cannot have.

use crate::{
    bad_input::{BAD_INPUT, FAILED, refused, refused_recipe},
    tiny::{self, G_STACK, Workshop, assert_success, recipe, scratch, stderr},
};

#[test]
fn a_corpus_without_text() {
    let workshop = Workshop::new();
    workshop.write("empty.txt", "");
    let prepare = ["data", "prepare", "empty.txt", "--tokenizer", "tokenizer.json", "--out", "shards"];
    insta::assert_snapshot!(refused(&workshop, &prepare, BAD_INPUT, "shards"), @"the corpus is empty: no text in 1 files (1 documents without text)");
}

#[test]
fn a_corpus_shorter_than_a_sample_or_a_batch() {
    let workshop = Workshop::new();
    for (name, words) in [("training", 40), ("validation", 400)] {
        workshop.write("text.txt", tiny::text(1, words));
        let output =
            workshop.run(&["data", "prepare", "text.txt", "--tokenizer", "tokenizer.json", "--out", name]);
        assert_success(&output);
    }
    let recipe = recipe(&scratch(1000, "1e-2"));
    let long = recipe.replace("sequence_length = 16", "sequence_length = 64");
    insta::assert_snapshot!(refused_recipe(&workshop, &long), @"training: the corpus has 41 tokens, but one sample of sequence length 64 needs 65");
    let wide = recipe.replace("batch_sequences = 2", "batch_sequences = 3");
    insta::assert_snapshot!(refused_recipe(&workshop, &wide), @"recipe.toml, line 10: data: training: the corpus has 2 samples of sequence length 16, but one batch needs 3");
    let held = recipe.replace("validation_sequences = 2", "validation_sequences = 99");
    insta::assert_snapshot!(refused_recipe(&workshop, &held), @"recipe.toml, line 18: data: validation_sequences = 99, but the validation shards hold only 25 sequences");
}

#[test]
fn a_tokenizer_with_more_entries_than_the_model() {
    let workshop = Workshop::with_shards();
    let recipe = recipe(G_STACK).replace("[model]\n", "[model]\nvocab_size = 31\n");
    insta::assert_snapshot!(refused_recipe(&workshop, &recipe), @"recipe.toml, line 5: model: vocab_size = 31, but the tokenizer has 32 entries: at least 32 is needed");
}

#[test]
fn a_token_that_the_vocabulary_does_not_have() {
    let workshop = Workshop::with_shards();
    let shard = workshop.names("training").into_iter().find(|name| name.starts_with("shard-")).unwrap();
    let path = workshop.path("training").join(&shard);
    let tokens = std::fs::metadata(&path).unwrap().len() / 2;
    std::fs::write(&path, 32_u16.to_le_bytes().repeat(tokens as usize)).unwrap();
    workshop.write("recipe.toml", recipe(&scratch(1000, "1e-2")));
    let output = workshop.run(&["train", "recipe.toml", "--out", "run"]);
    // Shards aren't read whole before a run, so this one has begun, and says so before it ends.
    assert_eq!(output.status.code(), Some(BAD_INPUT));
    let said = stderr(&output);
    insta::assert_snapshot!(said.lines().last().unwrap(), @"error: training/shard-00000.bin: token 528 is 32, but the vocabulary has 32 entries");
    assert_eq!(workshop.names("run"), ["metrics.jsonl", "run.json"]);
}

#[test]
fn misspelt_keys_are_all_named() {
    let workshop = Workshop::with_shards();
    let recipe = recipe(G_STACK)
        .replace("intermediate_size", "intermediate_sise")
        .replace("validation_sequences", "validation_seqences")
        .replace("seed = 1", "seed = 1\nsede = 2");
    insta::assert_snapshot!(refused_recipe(&workshop, &recipe), @"
    recipe.toml: 3 problems
      line 3: sede: no such key; did you mean `seed`?
      line 7: model.intermediate_sise: no such key; did you mean `intermediate_size`?
      line 19: training.validation_seqences: no such key; did you mean `validation_sequences`?
    ");
}

#[test]
fn a_key_is_named_with_where_it_is() {
    let workshop = Workshop::with_shards();
    let with = |from: &str, to: &str| {
        let recipe = recipe(G_STACK);
        assert!(recipe.contains(from), "{from}");
        refused_recipe(&workshop, &recipe.replace(from, to))
    };
    insta::assert_snapshot!(with("base_tokens = 128", "base_tokens = 3e4"), @"recipe.toml, line 23: schedule.base_tokens = 30000.0: a whole number is needed, such as 30_000");
    insta::assert_snapshot!(with("base_tokens = 128", "base_tokens = -1"), @"recipe.toml, line 23: schedule.base_tokens = -1: a whole number from 0 is needed, such as 240_000");
    insta::assert_snapshot!(with("base_tokens = 128", "base_tokens = \"75K\""), @r#"recipe.toml, line 23: schedule.base_tokens = "75K": a whole number is needed, such as 75_000"#);
    insta::assert_snapshot!(with("base_tokens = 128", "base_tokens = 1.5"), @"recipe.toml, line 23: schedule.base_tokens = 1.5: a whole number is needed, such as 240_000");
    insta::assert_snapshot!(with("seed = 1", "seed = true"), @"recipe.toml, line 2: seed = true: a whole number is needed, such as 1");
    insta::assert_snapshot!(with("sequence_length = 16", "sequence_length = 16.0"), @"recipe.toml, line 13: data.sequence_length = 16.0: a whole number is needed, such as 16");
    insta::assert_snapshot!(with("hidden_size = 16", "hidden_size = \"16\""), @r#"recipe.toml, line 5: model.hidden_size = "16": a whole number is needed, such as 16"#);
    insta::assert_snapshot!(with("method = \"g-stack\"", "method = \"gstack\""), @r#"recipe.toml, line 21: schedule.method = "gstack": did you mean "g-stack"? There are scratch, g-stack, random-mask, gradual, stackbert, stacking2, midas, lidas, staged, staged-training, learned, llama-pro, late, recycle, stages"#);
    // The same wrong value in several places: the first is named.
    insta::assert_snapshot!(with(" = { peak = 1e-2", " = { peak = \"high\""), @r#"recipe.toml, line 24: schedule.base_learning_rate.peak = "high": a number is needed, such as 4e-3"#);
    insta::assert_snapshot!(with("[training]\n", "[training]\noptimizer = { betas = [0.9, 0.95], beta3 = 1 }\nepsilon = 1\n"), @"
    recipe.toml: 3 problems
      line 16: training.optimizer.beta3: no such key; did you mean `beta1`?
      line 16: training.optimizer.betas: no such key; did you mean `beta1`?
      line 17: training.epsilon: no such key here; [training.optimizer] has it
    ");
    let stages =
        with("method = \"g-stack\"", "method = \"stages\"\nstages = [{ name = \"first\", tokens = 1e3 }]");
    insta::assert_snapshot!(stages.lines().find(|line| line.contains("tokens = ")).unwrap().trim(), @r#"line 22: schedule.stages["first"].tokens = 1000.0: a whole number is needed, such as 1_000"#);
}

#[test]
fn values_out_of_range_are_all_named() {
    let workshop = Workshop::with_shards();
    let recipe = recipe(G_STACK)
        .replace("num_attention_heads = 2", "num_attention_heads = 0")
        .replace("validation_sequences = 2", "validation_sequences = 0")
        .replace("[training]\n", "[training]\noptimizer = { beta1 = 1.5 }\n");
    insta::assert_snapshot!(refused_recipe(&workshop, &recipe), @"
    recipe.toml: 2 problems
      line 8: model: `num_attention_heads` is 0, expected at least 1; `num_key_value_heads` is 0, expected at least 1; `head_dim` is 0, expected at least 1
      line 19: training: validation_sequences = 0: at least 1 is needed; beta1 = 1.5: from 0 to below 1 is needed
    ");
}

/// Each of these once trained, or was refused by a key that the recipe doesn't have.
#[test]
fn shapes_that_transformers_would_not_open_are_refused_with_numbers_that_would_do() {
    let workshop = Workshop::with_shards();
    let with = |sizes: &str| {
        let sizes = format!("hidden_size = {sizes}");
        let recipe = recipe(G_STACK).replace("hidden_size = 16", &sizes);
        let recipe = if sizes.contains("heads") {
            recipe.replace("num_attention_heads = 2\n\n[data]", "\n[data]")
        } else {
            recipe
        };
        refused_recipe(&workshop, &recipe)
    };
    insta::assert_snapshot!(with("128\nnum_attention_heads = 12"), @"recipe.toml, line 6: model: num_attention_heads = 12 doesn't divide hidden_size = 128 into heads of an even width: 8 or 16 heads would do");
    insta::assert_snapshot!(with("128\nnum_attention_heads = 12\nhead_dim = 10"), @"recipe.toml, line 5: model: `hidden_size` is 128, not a multiple of `num_attention_heads`, which is 12; 8 or 16 heads would do");
    insta::assert_snapshot!(with("20\nnum_attention_heads = 4"), @"recipe.toml, line 6: model: num_attention_heads = 4 doesn't divide hidden_size = 20 into heads of an even width: 2 or 5 heads would do");
    insta::assert_snapshot!(with("16\nnum_attention_heads = 64"), @"recipe.toml, line 6: model: num_attention_heads = 64 doesn't divide hidden_size = 16 into heads of an even width: 8 heads would do");
    insta::assert_snapshot!(with("9\nnum_attention_heads = 3"), @"recipe.toml, line 6: model: num_attention_heads = 3 doesn't divide hidden_size = 9 into heads of an even width: no number does, an even hidden_size is needed");
    insta::assert_snapshot!(with("16\nnum_attention_heads = 4\nhead_dim = 7"), @"recipe.toml, line 7: model: `head_dim` is 7; rotary embedding needs an even one");
    insta::assert_snapshot!(with("16\nnum_attention_heads = 4\nnum_key_value_heads = 3"), @"recipe.toml, line 6: model: `num_attention_heads` is 4, not a multiple of `num_key_value_heads`, which is 3");
    insta::assert_snapshot!(with("16\nnum_attention_heads = 3\nvocab_size = 0\ninitializer_range = 1.5"), @"
    recipe.toml: 3 problems
      line 6: model: num_attention_heads = 3 doesn't divide hidden_size = 16 into heads of an even width: 2 or 4 heads would do
      line 7: model: `vocab_size` is 0, expected at least 1
      line 7: model: vocab_size = 0, but the tokenizer has 32 entries: at least 32 is needed
    ");
    insta::assert_snapshot!(with("16\ninitializer_range = 1.5"), @"recipe.toml, line 6: model: `initializer_range` is 1.5, expected at most 1");
    // A stage on the way leaves a checkpoint, too.
    let stages = r#"method = "stages"
[[schedule.stages]]
name = "narrow"
num_hidden_layers = 4
width = { hidden_size = 12, num_attention_heads = 5, num_key_value_heads = 5 }
tokens = 64
learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
[[schedule.stages]]
name = "wide"
enter = { operator = "split", width = { hidden_size = 20, num_attention_heads = 10, num_key_value_heads = 10 } }
tokens = 64
learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
"#;
    let recipe = recipe(stages)
        .replace("hidden_size = 16", "hidden_size = 20")
        .replace("num_attention_heads = 2\n\n[data]", "num_attention_heads = 10\n\n[data]");
    insta::assert_snapshot!(refused_recipe(&workshop, &recipe), @r#"recipe.toml, line 25: schedule: stage "narrow": model: `hidden_size` is 12, not a multiple of `num_attention_heads`, which is 5; 3 or 6 heads would do"#);
}

#[test]
fn schedules_that_cannot_be() {
    let workshop = Workshop::with_shards();
    let with = |from: &str, to: &str| refused_recipe(&workshop, &recipe(&G_STACK.replace(from, to)));
    insta::assert_snapshot!(with("factor = 2", "factor = 0"), @"recipe.toml, line 22: schedule: factor is 0, it must divide the target's num_hidden_layers, 4");
    insta::assert_snapshot!(with("factor = 2", "factor = 3"), @"recipe.toml, line 22: schedule: factor is 3, it must divide the target's num_hidden_layers, 4");
    insta::assert_snapshot!(with("grown_tokens = 96\n", ""), @"recipe.toml, line 20: schedule: one of `grown_tokens` and `scratch_tokens` is needed, neither is given");
    insta::assert_snapshot!(with("grown_tokens = 96", "scratch_tokens = 10"), @"recipe.toml, line 23: schedule: base_tokens = 128, it must be below scratch_tokens = 10: the base alone would be trained as long as the whole");
    insta::assert_snapshot!(with("base_tokens = 128", "base_tokens = 0"), @"recipe.toml, line 23: schedule: base_tokens = 0: only a base that there is, by model.from, grows at once");
}

#[test]
fn a_bad_schedule_does_not_hide_behind_bad_settings() {
    let workshop = Workshop::with_shards();
    let recipe = recipe(&G_STACK.replace("factor = 2", "factor = 3"))
        .replace("validation_sequences = 2", "validation_sequences = 0");
    insta::assert_snapshot!(refused_recipe(&workshop, &recipe), @"
    recipe.toml: 2 problems
      line 18: training: validation_sequences = 0: at least 1 is needed
      line 22: schedule: factor is 3, it must divide the target's num_hidden_layers, 4
    ");
}

#[test]
fn recipes_and_data_that_are_not_there() {
    let workshop = Workshop::new();
    let train = ["train", "recipe.toml", "--out", "run"];
    insta::assert_snapshot!(refused(&workshop, &train, BAD_INPUT, "run"), @"recipe.toml: no such file; a recipe is a TOML file: `outgrow init SHARDS` writes two, docs/recipes has one for each method");
    insta::assert_snapshot!(refused_recipe(&workshop, "name = \"half"), @r#"recipe.toml, line 1: name = "half: invalid basic string, expected `"`"#);
    insta::assert_snapshot!(refused_recipe(&workshop, &recipe(G_STACK)), @"
    recipe.toml: 2 problems
      line 11: data.training: training: no such folder (a recipe's paths are taken from its own folder)
      line 12: data.validation: validation: no such folder (a recipe's paths are taken from its own folder); `outgrow data prepare TEXTS --tokenizer FILE --out training` makes token shards
    ");
    std::fs::create_dir_all(workshop.path("recipes")).unwrap();
    let train = ["train", "recipes", "--out", "run"];
    insta::assert_snapshot!(refused(&workshop, &train, BAD_INPUT, "run"), @"recipes: is a folder; `outgrow experiment recipes` trains all recipes in it");
    // Paths are taken from the recipe's folder, and said without the way back.
    std::fs::create_dir(workshop.path("validation")).unwrap();
    let train = ["train", "recipes/x.toml", "--out", "run"];
    let beside = |name: &str| {
        let recipe = recipe(G_STACK).replace("= \"training", &format!("= \"../{name}"));
        workshop.write("recipes/x.toml", recipe.replace("= \"validation", "= \"../validation"));
        refused(&workshop, &train, BAD_INPUT, "run")
    };
    insta::assert_snapshot!(beside("trainng"), @"
    recipes/x.toml: 2 problems
      line 11: data.training: trainng: no such folder (a recipe's paths are taken from its own folder)
      line 12: data.validation: validation: holds no token shards; `outgrow data prepare TEXTS --tokenizer FILE --out trainng` makes token shards
    ");
    insta::assert_snapshot!(beside("training.txt"), @"
    recipes/x.toml: 2 problems
      line 11: data.training: training.txt: is a file, not a folder of token shards
      line 12: data.validation: validation: holds no token shards; `outgrow data prepare TEXTS --tokenizer FILE --out FOLDER` makes token shards
    ");
}

#[test]
fn a_growth_of_nothing_is_noted() {
    let workshop = Workshop::with_shards();
    let plan = ["train", "recipe.toml", "--plan", "--no-measure"];
    let stages = r#"method = "stages"
[[schedule.stages]]
name = "base"
num_hidden_layers = 4
tokens = 64
learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
[[schedule.stages]]
name = "grown"
enter = { operator = "stack", factor = 1 }
tokens = 64
learning_rate = { peak = 1e-2, minimum = 1e-3, warmup_tokens = 32 }
"#;
    workshop.write("recipe.toml", recipe(stages));
    let planned = workshop.run(&plan);
    assert_success(&planned);
    insta::assert_snapshot!(stderr(&planned).trim_end(), @r#"note: stage "grown": nothing grows: its growth leaves the model as it is"#);
    workshop.write("recipe.toml", recipe(G_STACK));
    assert_eq!(stderr(&workshop.run(&plan)), "");
}

#[test]
fn a_warm_up_as_long_as_its_stage() {
    let workshop = Workshop::with_shards();
    let longer = G_STACK.replacen("warmup_tokens = 32", "warmup_tokens = 200", 1);
    insta::assert_snapshot!(refused_recipe(&workshop, &recipe(&longer)), @r#"recipe.toml, line 24: schedule: stage "base": learning rate: warmup_tokens is 200, it must be below the stage's tokens, 128"#);
    let horizon = longer.replacen("warmup_tokens = 200", "warmup_tokens = 200, horizon_tokens = 150", 1);
    insta::assert_snapshot!(refused_recipe(&workshop, &recipe(&horizon)), @r#"recipe.toml, line 24: schedule: stage "base": learning rate: warmup_tokens is 200, it must be below horizon_tokens, 150"#);
}

#[test]
fn a_device_that_is_unknown_or_not_in_this_build() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(G_STACK));
    let train = ["train", "recipe.toml", "--out", "run", "--device", "gpu"];
    insta::assert_snapshot!(refused(&workshop, &train, BAD_INPUT, "run"), @"unknown device `gpu`: expected cpu, wgpu, cuda or cuda:INDEX");
    if cfg!(not(feature = "cuda")) {
        let train = ["train", "recipe.toml", "--out", "run", "--device", "cuda:1"];
        let message = refused(&workshop, &train, BAD_INPUT, "run");
        insta::assert_snapshot!(message, @"this build has no cuda backend; `cargo build --release -p outgrow --features cuda` builds one that has it");
        let plan = [&train[..], &["--plan"]].concat();
        assert_eq!(refused(&workshop, &plan, BAD_INPUT, "run"), message);
    }
}

#[test]
fn a_loss_that_is_not_a_number() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(&scratch(1000, "1e30")));
    let output = workshop.run(&["train", "recipe.toml", "--out", "run"]);
    assert_eq!(output.status.code(), Some(FAILED));
    let said = stderr(&output);
    assert!(!said.contains("panicked"), "{said}");
    insta::assert_snapshot!(said.lines().last().unwrap(), @"error: the loss is 3.4657 (gradient norm NaN) at step 2 with learning rate 9.97e29: a lower learning rate or a longer warm-up may help; no checkpoint had been written yet");
    assert_eq!(workshop.names("run"), ["metrics.jsonl", "run.json"], "no checkpoint, whole or half");

    // With a rate that works, the folder is good for a new start.
    workshop.write("recipe.toml", recipe(&scratch(64, "1e-2")));
    assert_success(&workshop.run(&["train", "recipe.toml", "--out", "run"]));
    let metrics = std::fs::read_to_string(workshop.path("run/metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().filter(|line| line.contains("\"step\":0")).count(), 1, "{metrics}");
}
