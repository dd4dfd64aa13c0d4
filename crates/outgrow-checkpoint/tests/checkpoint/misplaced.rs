//! Paths that hold no model which can be opened: one line says what each is, and what to give or do instead.

use std::{fs, path::Path};

use outgrow_checkpoint::{Checkpoint, CheckpointError};
use tempfile::TempDir;

const LLAMA: &str = r#"{"model_type": "llama", "vocab_size": 12, "hidden_size": 8, "intermediate_size": 12,
    "num_hidden_layers": 2, "num_attention_heads": 4}"#;

fn anonymous(error: &CheckpointError, folder: &Path) -> String {
    let message = error.to_string();
    assert!(!message.contains('\n'), "{message}");
    message.replace(&folder.display().to_string(), "DIR")
}

/// What opening a path says that is made of files and folders, ending in a slash.
fn refusal_of(path: &str, made: &[(&str, &str)]) -> String {
    let dir = TempDir::new().unwrap();
    for (name, content) in made {
        let file = dir.path().join(name);
        if name.ends_with('/') {
            fs::create_dir_all(file).unwrap();
        } else {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
    }
    anonymous(&Checkpoint::open(&dir.path().join(path)).unwrap_err(), dir.path())
}

#[test]
fn what_is_no_models_folder_is_said_to_be_what_it_is() {
    let repository = "hub/models--some--llama";
    let snapshot = |name: &str| format!("{repository}/snapshots/{name}/config.json");
    let (one, two) = (snapshot("0123"), snapshot("4567"));
    let blob = format!("{repository}/blobs/x");
    let main = format!("{repository}/refs/main");
    insta::assert_snapshot!(refusal_of(repository, &[(&one, ""), (&blob, "")]), @"DIR/hub/models--some--llama: is a cache of the Hugging Face hub, not a model's folder; give its snapshot, DIR/hub/models--some--llama/snapshots/0123");
    insta::assert_snapshot!(refusal_of(repository, &[(&one, ""), (&two, ""), (&blob, "")]), @"DIR/hub/models--some--llama: is a cache of the Hugging Face hub, not a model's folder; give one of its snapshots: DIR/hub/models--some--llama/snapshots/0123, DIR/hub/models--some--llama/snapshots/4567");
    insta::assert_snapshot!(refusal_of(repository, &[(&one, ""), (&two, ""), (&main, "4567\n")]), @"DIR/hub/models--some--llama: is a cache of the Hugging Face hub, not a model's folder; give its snapshot, DIR/hub/models--some--llama/snapshots/4567");
    insta::assert_snapshot!(refusal_of(repository, &[(&blob, ""), (&format!("{repository}/snapshots/"), "")]), @"DIR/hub/models--some--llama: is a cache of the Hugging Face hub, not a model's folder, and without a snapshot; download the model again");
    insta::assert_snapshot!(refusal_of("hub", &[(&one, "")]), @"DIR/hub: is the cache of the Hugging Face hub; give the snapshot of a model in it, such as DIR/hub/models--some--llama/snapshots/0123");
    insta::assert_snapshot!(refusal_of(&format!("{repository}/snapshots"), &[(&one, "")]), @"DIR/hub/models--some--llama/snapshots: has no config.json; give the folder in it that has one, DIR/hub/models--some--llama/snapshots/0123");
    let run = [
        ("run/metrics.jsonl", ""),
        ("run/step-00000002/config.json", ""),
        ("run/step-00000010/config.json", ""),
    ];
    insta::assert_snapshot!(refusal_of("run", &run), @"DIR/run: is a run; give one of its checkpoints, the newest of which is DIR/run/step-00000010");
    insta::assert_snapshot!(refusal_of("out", &[("out/checkpoint-1/config.json", ""), ("out/checkpoint-2/config.json", "")]), @"DIR/out: has no config.json; give one of the folders in it that have one: DIR/out/checkpoint-1, DIR/out/checkpoint-2");
    insta::assert_snapshot!(refusal_of("m/model.safetensors", &[("m/model.safetensors", ""), ("m/config.json", "")]), @"DIR/m/model.safetensors: is a file; give its folder, DIR/m");
    insta::assert_snapshot!(refusal_of("weights.pt", &[("weights.pt", "")]), @"DIR/weights.pt: is a file; expected a folder with config.json and model.safetensors");
    insta::assert_snapshot!(refusal_of("m.gguf", &[("m.gguf", "")]), @"DIR/m.gguf: is a file; GGUF is not read: give the Hugging Face folder that it was made of, or convert it to safetensors");
    insta::assert_snapshot!(refusal_of("nothing", &[]), @"DIR/nothing: no such folder");
    let hub_name = Checkpoint::open(Path::new("no-such-organisation/model")).unwrap_err().to_string();
    insta::assert_snapshot!(hub_name, @"no-such-organisation/model: no such folder; if it is a name on the Hugging Face hub, download it first: hf download no-such-organisation/model --local-dir FOLDER");
}

#[test]
fn weights_in_another_format_are_named_with_what_to_do() {
    let said = |name: &str| {
        let line = refusal_of("m", &[("m/config.json", LLAMA), (&format!("m/{name}"), "")]);
        line.split("it names; ").nth(1).unwrap_or(&line).to_owned()
    };
    insta::assert_snapshot!(said("pytorch_model-00001-of-00002.bin"), @"pytorch_model-00001-of-00002.bin is pickled, which is not read: make safetensors of it first, by from_pretrained and save_pretrained of transformers");
    insta::assert_snapshot!(said("consolidated.safetensors"), @"consolidated.safetensors has tensors under the names of its maker's own code: give the folder that transformers opens");
    insta::assert_snapshot!(said("consolidated.00.pth"), @"consolidated.00.pth has tensors under the names of its maker's own code: give the folder that transformers opens");
    insta::assert_snapshot!(said("model.fp16.safetensors"), @"model.fp16.safetensors is a variant: rename it to model.safetensors to have it read");
    insta::assert_snapshot!(said("weights.safetensors"), @"weights.safetensors is not read: if these are the weights, rename it to model.safetensors");
    insta::assert_snapshot!(said("llama-Q4_K_M.gguf"), @"GGUF is not read: give the Hugging Face folder that it was made of, or convert it to safetensors");
    insta::assert_snapshot!(said("global_step500/x"), @"what is there is DeepSpeed's state of a training: make weights of it first, by zero_to_fp32.py beside it with --safe_serialization");
    insta::assert_snapshot!(said("__0_0.distcp"), @"what is there is a distributed checkpoint of PyTorch (DCP): gather it into safetensors first");
    insta::assert_snapshot!(said("tf_model.h5"), @"tf_model.h5 is in a format that is not read: convert it to safetensors first");
    insta::assert_snapshot!(refusal_of("m", &[("m/mp_rank_00_model_states.pt", "")]), @"DIR/m: there is no config.json, and what is there is DeepSpeed's state of a training: make weights of it first, by zero_to_fp32.py beside it with --safe_serialization");
}

#[cfg(unix)]
#[test]
fn a_link_into_a_cache_that_was_cleaned_is_named() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("config.json"), LLAMA).unwrap();
    let relink = |name: &str| {
        let _ = fs::remove_file(dir.path().join(name));
        std::os::unix::fs::symlink("../blobs/gone", dir.path().join(name)).unwrap();
        anonymous(&Checkpoint::open(dir.path()).unwrap_err(), dir.path())
    };
    insta::assert_snapshot!(relink("model.safetensors"), @"DIR: model.safetensors is a link to ../blobs/gone, which is not there; download it again");
    insta::assert_snapshot!(relink("config.json"), @"DIR: config.json is a link to ../blobs/gone, which is not there; download it again");
}
