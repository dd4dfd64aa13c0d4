//! What the program says to input that it can't use: one line, a status, and nothing left behind.

mod tiny;

use std::process::Output;

use outgrow_checkpoint::{LlamaConfig, TensorShape};
use serde_json::{Map, json};
use tiny::{G_STACK, Workshop, assert_success, recipe, scratch, stderr, stdout};

/// Bad input, or bad usage.
const BAD_INPUT: i32 = 2;
/// Anything else that ends a run.
const FAILED: i32 = 1;

/// What the program says, checked to be one line that begins with `error: `; `target` must not be there, nor anything half-written.
fn refused(workshop: &Workshop, arguments: &[&str], status: i32, target: &str) -> String {
    let before = workshop.names(".");
    let output = workshop.run(arguments);
    let message = message_of(&output, status);
    assert_eq!(stdout(&output), "");
    assert_eq!(workshop.names("."), before, "something was left behind ({message})");
    assert!(!workshop.path(target).exists(), "{target} is there ({message})");
    message
}

fn message_of(output: &Output, status: i32) -> String {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said.strip_prefix("error: ").unwrap_or_else(|| panic!("{said}")).trim_end().to_owned()
}

/// Trains a recipe in `run`, which is refused.
fn refused_recipe(workshop: &Workshop, recipe: &str) -> String {
    workshop.write("recipe.toml", recipe);
    refused(workshop, &["train", "recipe.toml", "--out", "run"], BAD_INPUT, "run")
}

fn refused_growth(workshop: &Workshop, how: &[&str]) -> String {
    refused(workshop, &[&["grow", "source", "grown"], how].concat(), BAD_INPUT, "grown")
}

const STACK: [&str; 4] = ["--operator", "stack", "--factor", "2"];

/// A checkpoint of two layers in `source`, all zeros. `change` may do something to its tensors first: shape and type.
fn write_source(workshop: &Workshop, change: impl Fn(&mut Vec<(TensorShape, &'static str)>)) {
    let config = json!({
        "model_type": "llama", "vocab_size": 32, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "torch_dtype": "float32",
    });
    let model = LlamaConfig::from_json(&config.to_string()).unwrap();
    let mut tensors: Vec<_> = model.tensors().into_iter().map(|tensor| (tensor, "F32")).collect();
    change(&mut tensors);
    let mut header = Map::new();
    let mut end = 0;
    for (tensor, dtype) in tensors {
        let start = end;
        end += tensor.shape.iter().product::<usize>() * if dtype == "I64" { 8 } else { 4 };
        header.insert(
            tensor.name,
            json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": [start, end] }),
        );
    }
    let header = serde_json::Value::Object(header).to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + end, 0);
    std::fs::create_dir(workshop.path("source")).unwrap();
    workshop.write("source/config.json", config.to_string());
    workshop.write("source/model.safetensors", bytes);
}

#[test]
fn a_sound_source_is_grown() {
    let workshop = Workshop::new();
    write_source(&workshop, |_| ());
    assert_success(&workshop.run(&[&["grow", "source", "grown"], &STACK[..]].concat()));
}

#[test]
fn missing_weights() {
    let workshop = Workshop::new();
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source: no such folder");
    write_source(&workshop, |_| ());
    std::fs::remove_file(workshop.path("source/model.safetensors")).unwrap();
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source: no weights: expected model.safetensors, or model.safetensors.index.json with the shards it names");
}

#[test]
fn truncated_weights() {
    let workshop = Workshop::new();
    write_source(&workshop, |_| ());
    let whole = std::fs::read(workshop.path("source/model.safetensors")).unwrap();
    workshop.write("source/model.safetensors", &whole[..whole.len() - 100]);
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source/model.safetensors: has 8456 bytes, but its header describes 8556; it is truncated");
    workshop.write("source/model.safetensors", &whole[..100]);
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source/model.safetensors: its header should have 1988 bytes, but 92 follow; it is truncated or no safetensors file");
    workshop.write("source/model.safetensors", "");
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source/model.safetensors: has 0 bytes, too few for a safetensors file; it is truncated");
}

#[test]
fn a_missing_tensor() {
    let workshop = Workshop::new();
    write_source(&workshop, |tensors| {
        tensors.retain(|(tensor, _)| tensor.name != "model.layers.1.mlp.up_proj.weight");
    });
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source: `model.layers.1.mlp.up_proj.weight` is missing, expected shape [12, 8]");
}

#[test]
fn a_tensor_of_another_shape() {
    let workshop = Workshop::new();
    write_source(&workshop, |tensors| {
        for (tensor, _) in
            tensors.iter_mut().filter(|(tensor, _)| tensor.name.ends_with("0.mlp.up_proj.weight"))
        {
            tensor.shape.reverse();
        }
    });
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source: `model.layers.0.mlp.up_proj.weight` has shape [8, 12], expected [12, 8]");
}

#[test]
fn a_tensor_of_integers() {
    let workshop = Workshop::new();
    write_source(&workshop, |tensors| {
        for (_, dtype) in tensors.iter_mut().filter(|(tensor, _)| tensor.name == "model.norm.weight") {
            *dtype = "I64";
        }
    });
    insta::assert_snapshot!(refused_growth(&workshop, &STACK), @"source: `model.norm.weight` is I64, expected F32, F16 or BF16");
}

#[test]
fn growth_that_cannot_be() {
    let workshop = Workshop::new();
    write_source(&workshop, |_| ());
    insta::assert_snapshot!(refused_growth(&workshop, &["--operator", "stack", "--factor", "0"]), @"factor = 0: at least 1 is needed");
    insta::assert_snapshot!(refused_growth(&workshop, &["--operator", "interleave", "--factor", "18446744073709551615"]), @"factor = 18446744073709551615 for 2 layers: at most 65536 layers are possible");
    insta::assert_snapshot!(refused_growth(&workshop, &["--operator", "stack"]), @"--factor is missing, such as --factor 4");
    insta::assert_snapshot!(refused_growth(&workshop, &["--layers", "0,1,2,7"]), @"layers [2, 7] are not in the source, which has layers 0 to 1");
}

#[test]
fn a_target_that_exists() {
    let workshop = Workshop::new();
    write_source(&workshop, |_| ());
    std::fs::create_dir(workshop.path("there")).unwrap();
    workshop.write("there/precious", "");
    let grow = [&["grow", "source", "there"], &STACK[..]].concat();
    insta::assert_snapshot!(refused(&workshop, &grow, BAD_INPUT, "nothing"), @"there: exists already; remove it or choose another target");
    let prepare = ["data", "prepare", "training.txt", "--tokenizer", "tokenizer.json", "--out", "there"];
    insta::assert_snapshot!(refused(&workshop, &prepare, BAD_INPUT, "nothing"), @"there: exists already; name a folder that does not exist yet, or remove this one");
    assert_eq!(workshop.names("there"), ["precious"]);
    let grow = [&["grow", "source", "source"], &STACK[..]].concat();
    insta::assert_snapshot!(refused(&workshop, &grow, BAD_INPUT, "nothing"), @"source: is the source itself; choose another target");
    let grow = [&["grow", "source", "source/a/grown"], &STACK[..]].concat();
    insta::assert_snapshot!(refused(&workshop, &grow, BAD_INPUT, "source/a"), @"source/a/grown: is inside the source, source; choose a target beside it");
}

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
    insta::assert_snapshot!(refused_recipe(&workshop, &wide), @"training: the corpus has 2 samples of sequence length 16, but one batch needs 3");
    let held = recipe.replace("validation_sequences = 2", "validation_sequences = 99");
    insta::assert_snapshot!(refused_recipe(&workshop, &held), @"validation_sequences = 99, but the validation shards hold only 25 sequences");
}

#[test]
fn a_tokenizer_with_more_entries_than_the_model() {
    let workshop = Workshop::with_shards();
    let recipe = recipe(G_STACK).replace("[model]\n", "[model]\nvocab_size = 31\n");
    insta::assert_snapshot!(refused_recipe(&workshop, &recipe), @"recipe.toml: model: vocab_size = 31, but the tokenizer has 32 entries: at least 32 is needed");
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
    insta::assert_snapshot!(refused_recipe(&workshop, &recipe), @"recipe.toml: model: unknown field `intermediate_sise`, expected one of `vocab_size`, `hidden_size`, `intermediate_size`, `num_hidden_layers`, `num_attention_heads`, `num_key_value_heads`, `head_dim`, `max_position_embeddings`, `rms_norm_eps`, `rope_theta`, `tie_word_embeddings`, `initializer_range`, `initialization`; model: missing field `intermediate_size`; training: unknown field `validation_seqences`, expected one of `batch_sequences`, `micro_batch_sequences`, `optimizer`, `validation_interval_tokens`, `validation_sequences`, `checkpoint_interval_tokens`, `checkpoints_kept`; training: missing field `validation_sequences`; unknown key `sede`: expected name, seed, device, model, data, schedule or training");
}

#[test]
fn values_out_of_range_are_all_named() {
    let workshop = Workshop::with_shards();
    let recipe = recipe(G_STACK)
        .replace("num_attention_heads = 2", "num_attention_heads = 0")
        .replace("validation_sequences = 2", "validation_sequences = 0")
        .replace("[training]\n", "[training]\noptimizer = { beta1 = 1.5 }\n");
    insta::assert_snapshot!(refused_recipe(&workshop, &recipe), @"recipe.toml: model: `num_attention_heads` is 0, expected at least 1; `num_key_value_heads` is 0, expected at least 1; `head_dim` is 0, expected at least 1; training: validation_sequences = 0: at least 1 is needed; beta1 = 1.5: from 0 to below 1 is needed");
}

#[test]
fn schedules_that_cannot_be() {
    let workshop = Workshop::with_shards();
    let with = |from: &str, to: &str| refused_recipe(&workshop, &recipe(&G_STACK.replace(from, to)));
    insta::assert_snapshot!(with("factor = 2", "factor = 0"), @"recipe.toml: schedule: factor is 0, it must divide the target's num_hidden_layers, 4");
    insta::assert_snapshot!(with("factor = 2", "factor = 3"), @"recipe.toml: schedule: factor is 3, it must divide the target's num_hidden_layers, 4");
    insta::assert_snapshot!(with("grown_tokens = 96\n", ""), @"recipe.toml: schedule: one of `grown_tokens` and `scratch_tokens` is needed, neither is given");
    insta::assert_snapshot!(with("grown_tokens = 96", "scratch_tokens = 10"), @"recipe.toml: schedule: budget is 6.1440e5 FLOPs, the stages before the last one cost 4.1288e6 and one token of the last one 6.1440e4: shorten them or raise it");
    insta::assert_snapshot!(with("base_tokens = 128", "base_tokens = 0"), @r#"recipe.toml: schedule: 2 problems: stage "base": tokens is 0: a stage trains on at least one token; stage "base": learning rate: warmup_tokens is 32, it must be below horizon_tokens, 0"#);
}

#[test]
fn a_bad_schedule_does_not_hide_behind_bad_settings() {
    let workshop = Workshop::with_shards();
    let recipe = recipe(&G_STACK.replace("factor = 2", "factor = 3"))
        .replace("validation_sequences = 2", "validation_sequences = 0");
    insta::assert_snapshot!(refused_recipe(&workshop, &recipe), @"recipe.toml: training: validation_sequences = 0: at least 1 is needed; schedule: factor is 3, it must divide the target's num_hidden_layers, 4");
}

#[test]
fn recipes_and_data_that_are_not_there() {
    let workshop = Workshop::new();
    let train = ["train", "recipe.toml", "--out", "run"];
    insta::assert_snapshot!(refused(&workshop, &train, BAD_INPUT, "run"), @"recipe.toml: No such file or directory (os error 2)");
    insta::assert_snapshot!(refused_recipe(&workshop, "name = \"half"), @r#"recipe.toml, line 1: invalid basic string, expected `"`"#);
    insta::assert_snapshot!(refused_recipe(&workshop, &recipe(G_STACK)), @"training/manifest.json: cannot read: No such file or directory (os error 2)");
}

#[test]
fn a_device_that_is_unknown_or_not_in_this_build() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(G_STACK));
    let train = ["train", "recipe.toml", "--out", "run", "--device", "gpu"];
    insta::assert_snapshot!(refused(&workshop, &train, BAD_INPUT, "run"), @"unknown device `gpu`: expected flex, wgpu, cuda or cuda:INDEX");
    if cfg!(not(feature = "cuda")) {
        let train = ["train", "recipe.toml", "--out", "run", "--device", "cuda:1"];
        insta::assert_snapshot!(refused(&workshop, &train, BAD_INPUT, "run"), @"this build has no cuda backend: build with `--features cuda`");
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
    insta::assert_snapshot!(said.lines().last().unwrap(), @"error: the loss is 3.4657 (gradient norm NaN) at step 2 with learning rate 9.97e29: a lower learning rate or a longer warm-up may help; the last good checkpoint is kept");
    assert_eq!(workshop.names("run"), ["metrics.jsonl", "run.json"], "no checkpoint, whole or half");

    // With a rate that works, the folder is good for a new start.
    workshop.write("recipe.toml", recipe(&scratch(64, "1e-2")));
    assert_success(&workshop.run(&["train", "recipe.toml", "--out", "run"]));
    let metrics = std::fs::read_to_string(workshop.path("run/metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().filter(|line| line.contains("\"step\":0")).count(), 1, "{metrics}");
}

#[cfg(unix)]
mod disk {
    use std::process::Command;

    use super::{FAILED, STACK, Workshop, message_of, write_source};

    const FULL: &str = ": cannot write: no space left on that disk; free some, or write to another";

    /// A small file system of its own, where the user may mount one; gone with the value.
    struct SmallDisk(std::path::PathBuf);

    impl SmallDisk {
        fn mount(at: std::path::PathBuf, size: &str) -> Option<Self> {
            std::fs::create_dir(&at).ok()?;
            let options = format!("size={size}");
            let mounted =
                Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&at).output();
            mounted.is_ok_and(|output| output.status.success()).then_some(Self(at))
        }
    }

    impl Drop for SmallDisk {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(&self.0).status();
        }
    }

    #[test]
    fn a_disk_that_takes_nothing() {
        let workshop = Workshop::new();
        write_source(&workshop, |_| ());
        let Some(disk) = SmallDisk::mount(workshop.path("disk"), "16k") else {
            eprintln!("skipped: no small file system can be mounted here");
            return;
        };
        let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&disk.0).status();
        assert!(remounted.unwrap().success());
        let grow =
            |target| message_of(&workshop.run(&[&["grow", "source", target], &STACK[..]].concat()), FAILED);
        insta::assert_snapshot!(grow("disk/grown"), @"disk/grown: cannot create: Read-only file system (os error 30)");
        insta::assert_snapshot!(grow("disk/new/grown"), @"disk/new: cannot create: Read-only file system (os error 30)");
    }

    #[test]
    fn a_full_disk_leaves_nothing_half_written() {
        let workshop = Workshop::with_shards();
        let Some(disk) = SmallDisk::mount(workshop.path("disk"), "16k") else {
            eprintln!("skipped: no small file system can be mounted here");
            return;
        };
        write_source(&workshop, |_| ());
        let grow = [&["grow", "source", "disk/grown"], &STACK[..]].concat();
        let message = message_of(&workshop.run(&grow), FAILED);
        assert!(message.starts_with("disk/grown") && message.ends_with(FULL), "{message}");
        assert_eq!(workshop.names("disk"), Vec::<String>::new());

        workshop.write("long.txt", super::tiny::text(1, 20_000));
        let prepare =
            ["data", "prepare", "long.txt", "--tokenizer", "tokenizer.json", "--out", "disk/shards"];
        let message = message_of(&workshop.run(&prepare), FAILED);
        assert!(message.contains("disk/.preparing-") && message.contains("No space left"), "{message}");
        assert_eq!(workshop.names("disk"), Vec::<String>::new());

        workshop.write("recipe.toml", super::recipe(&super::scratch(64, "1e-2")));
        let output = workshop.run(&["train", "recipe.toml", "--out", "disk/run"]);
        assert_eq!(output.status.code(), Some(FAILED));
        let said = super::stderr(&output);
        assert!(said.lines().last().unwrap().ends_with(FULL), "{said}");
        assert_eq!(workshop.names("disk/run"), ["metrics.jsonl", "run.json"]);
        drop(disk);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_printed() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let program = env!("CARGO_BIN_EXE_outgrow");
    let output = std::process::Command::new(program).arg("devices").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    insta::assert_snapshot!(message.trim_end(), @"error: standard output: No space left on device (os error 28)");
}
