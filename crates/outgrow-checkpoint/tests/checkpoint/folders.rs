//! Folders written and opened again, over many shapes and shard sizes, and everything that can be wrong with one.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{
    Checkpoint, CheckpointError, Dtype, HostTensor, LlamaConfig, NamedTensors, read_tensors, with_causes,
    write_checkpoint, write_tensors,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::models::{models, numbered};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_written_folder_opens_with_the_same_values(config in models(), shard_size_bytes in 0_u64..4096) {
        let folder = TempDir::new().unwrap();
        let target = folder.path().join("model");
        let tensors = numbered(&config);
        write_checkpoint(&target, &config, &tensors, shard_size_bytes).unwrap();

        let opened = Checkpoint::open(&target).unwrap();
        prop_assert_eq!(opened.config(), &config);
        prop_assert_eq!(opened.to_named_tensors().unwrap(), tensors);
        let names: Vec<&str> = opened.tensors().map(|tensor| tensor.name.as_str()).collect();
        let canonical: Vec<String> = config.tensors().into_iter().map(|tensor| tensor.name).collect();
        prop_assert_eq!(names, canonical);
    }

    #[test]
    fn shards_keep_to_their_size_and_the_index_names_every_tensor(
        config in models(),
        shard_size_bytes in 1_u64..4096,
    ) {
        let folder = TempDir::new().unwrap();
        let target = folder.path().join("model");
        write_checkpoint(&target, &config, &numbered(&config), shard_size_bytes).unwrap();
        let opened = Checkpoint::open(&target).unwrap();
        let mut shards: BTreeMap<&Path, Vec<u64>> = BTreeMap::new();
        for tensor in opened.tensors() {
            shards.entry(&tensor.shard).or_default().push(tensor.range.end - tensor.range.start);
        }
        for sizes in shards.values() {
            prop_assert!(sizes.len() == 1 || sizes.iter().sum::<u64>() <= shard_size_bytes);
        }
        let index = target.join("model.safetensors.index.json");
        prop_assert_eq!(index.exists(), shards.len() > 1);
        if index.exists() {
            let index: Value = serde_json::from_str(&fs::read_to_string(index).unwrap()).unwrap();
            let bytes: u64 = shards.values().flatten().sum();
            prop_assert_eq!(&index["metadata"]["total_size"], &json!(bytes));
            prop_assert_eq!(index["weight_map"].as_object().unwrap().len(), config.tensors().len());
        }
    }

    #[test]
    fn no_bytes_make_opening_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), header in 0_u64..80) {
        let folder = Model::new();
        let mut crafted = header.to_le_bytes().to_vec();
        crafted.extend(&bytes);
        for content in [bytes, crafted] {
            fs::write(folder.weights(), content).unwrap();
            prop_assert!(Checkpoint::open(&folder.path).is_err());
        }
    }
}

#[test]
fn named_tensors_come_back_from_their_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("moments.safetensors");
    let tensors = NamedTensors::from([
        (
            "b.first".to_owned(),
            HostTensor { shape: vec![2, 2], values: vec![1.5, -0.0, f32::MIN_POSITIVE, 4.0] },
        ),
        ("a.scalar".to_owned(), HostTensor { shape: vec![], values: vec![7.0] }),
        ("empty".to_owned(), HostTensor { shape: vec![0, 3], values: vec![] }),
    ]);
    write_tensors(&path, &tensors).unwrap();
    assert_eq!(read_tensors(&path).unwrap(), tensors);
    write_tensors(&path, &NamedTensors::new()).unwrap();
    assert_eq!(read_tensors(&path).unwrap(), NamedTensors::new());
    assert_eq!(names_in(folder.path()), ["moments.safetensors"]);
}

#[test]
fn values_are_rounded_to_the_nearest_and_never_to_infinity() {
    let folder = Model::new();
    let mut tensors = numbered(&folder.config);
    let name = "model.norm.weight";
    tensors.get_mut(name).unwrap().values[0] = 1.0 + 3.0 / 256.0;
    let half = folder.config.clone().with_dtype(Dtype::Bf16);
    write_checkpoint(&folder.beside("bf16"), &half, &tensors, 1 << 30).unwrap();
    let read = Checkpoint::open(&folder.beside("bf16")).unwrap().to_named_tensors().unwrap();
    // Halfway between 1 + 1/128 and 1 + 2/128: the even one.
    assert_eq!(read[name].values[0].to_bits(), (1.0_f32 + 2.0 / 128.0).to_bits());

    tensors.get_mut(name).unwrap().values[0] = 70_000.0;
    let half = folder.config.clone().with_dtype(Dtype::F16);
    let error = write_checkpoint(&folder.beside("f16"), &half, &tensors, 1 << 30).unwrap_err();
    let message = error.to_string();
    assert!(
        message.ends_with("`model.norm.weight` holds 70000, which F16 can't; write it as F32"),
        "{message}"
    );
    assert_eq!(names_in(folder.dir.path()), ["bf16", "model"]);
}

#[test]
fn a_tied_model_may_store_its_head_and_old_files_their_frequencies() {
    let folder = Model::with(true);
    let mut tensors = numbered(&folder.config);
    let embedding = tensors["model.embed_tokens.weight"].clone();
    tensors.insert("lm_head.weight".to_owned(), embedding);
    let frequencies = HostTensor { shape: vec![2], values: vec![1.0, 0.5] };
    tensors.insert("model.layers.0.self_attn.rotary_emb.inv_freq".to_owned(), frequencies);
    write_tensors(&folder.weights(), &tensors).unwrap();
    let opened = Checkpoint::open(&folder.path).unwrap();
    assert_eq!(opened.to_named_tensors().unwrap(), numbered(&folder.config));
    assert!(opened.tensor("lm_head.weight").is_none());
}

#[test]
fn tensors_that_do_not_fit_the_configuration_are_named() {
    let folder = Model::new();
    let mut tensors = numbered(&folder.config);
    tensors.remove("model.norm.weight");
    tensors.get_mut("model.layers.1.self_attn.k_proj.weight").unwrap().shape = vec![8, 4];
    let stray = HostTensor { shape: vec![1], values: vec![0.0] };
    tensors.insert("model.layers.2.mlp.up_proj.weight".to_owned(), stray);
    write_tensors(&folder.weights(), &tensors).unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: `model.layers.1.self_attn.k_proj.weight` has shape [8, 4], expected [4, 8]; `model.norm.weight` is missing, expected shape [8]; `model.layers.2.mlp.up_proj.weight` is no tensor of the model that config.json describes");
    let error = write_checkpoint(&folder.beside("other"), &folder.config, &tensors, 1).unwrap_err();
    assert!(error.to_string().contains("`model.norm.weight` is missing"), "{error}");
    assert_eq!(names_in(folder.dir.path()), ["model"]);
}

#[test]
fn tensors_of_other_types_are_named() {
    let folder = Model::new();
    let text = fs::read(folder.weights()).unwrap();
    let header =
        String::from_utf8_lossy(&text[8..8 + text[0] as usize + 256 * text[1] as usize]).into_owned();
    let changed = header.replacen("\"F32\"", "\"I32\"", 1);
    let mut bytes = text.clone();
    bytes[8..8 + changed.len()].copy_from_slice(changed.as_bytes());
    fs::write(folder.weights(), bytes).unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: `model.embed_tokens.weight` is I32, expected F32, F16 or BF16");
}

#[test]
fn a_damaged_file_says_what_is_wrong_with_it() {
    let folder = Model::new();
    let bytes = fs::read(folder.weights()).unwrap();
    let refusal = |bytes: &[u8]| {
        fs::write(folder.weights(), bytes).unwrap();
        folder.refusal()
    };
    insta::assert_snapshot!(refusal(&bytes[..bytes.len() - 5]), @"DIR/model/model.safetensors: has 6787 bytes, but its header describes 6792; it is truncated");
    insta::assert_snapshot!(refusal(&[&bytes[..], &[0, 0]].concat()), @"DIR/model/model.safetensors: has 6794 bytes, but its header describes 6792; it is damaged");
    insta::assert_snapshot!(refusal(&bytes[..100]), @"DIR/model/model.safetensors: its header should have 2016 bytes, but 92 follow; it is truncated or no safetensors file");
    insta::assert_snapshot!(refusal(&bytes[..3]), @"DIR/model/model.safetensors: has 3 bytes, too few for a safetensors file; it is truncated");
    insta::assert_snapshot!(refusal(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), @"DIR/model/model.safetensors: is a Git LFS pointer, not the weights; fetch them with `git lfs pull`");
    insta::assert_snapshot!(refusal(&[&[4, 0, 0, 0, 0, 0, 0, 0][..], b"{\"a\""].concat()), @"DIR/model/model.safetensors: bad safetensors header: EOF while parsing an object at line 1 column 4");
}

#[test]
fn a_folder_without_what_is_needed_says_what_that_is() {
    let folder = Model::new();
    fs::remove_file(folder.weights()).unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: no weights: expected model.safetensors, or model.safetensors.index.json with the shards it names");
    fs::write(folder.path.join("pytorch_model.bin"), "pickled").unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: no weights: expected model.safetensors, or model.safetensors.index.json with the shards it names; pytorch_model.bin is pickled, which is not read: make safetensors of it first, by from_pretrained and save_pretrained of transformers");
    fs::remove_file(folder.path.join("config.json")).unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: there is no config.json, and pytorch_model.bin is pickled, which is not read: make safetensors of it first, by from_pretrained and save_pretrained of transformers");
    fs::remove_file(folder.path.join("pytorch_model.bin")).unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model/config.json: cannot read: No such file or directory (os error 2)");
    fs::remove_dir_all(&folder.path).unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: no such folder");
}

#[test]
fn an_index_names_shards_that_are_there() {
    let folder = Model::sharded();
    let index = folder.path.join("model.safetensors.index.json");
    let text = fs::read_to_string(&index).unwrap();
    let refusal = |change: &dyn Fn(&mut Value)| {
        let mut json: Value = serde_json::from_str(&text).unwrap();
        change(&mut json);
        fs::write(&index, json.to_string()).unwrap();
        folder.refusal()
    };
    let norm = "model.norm.weight";
    insta::assert_snapshot!(refusal(&|json| json["weight_map"].as_object_mut().unwrap().values_mut().for_each(|shard| *shard = json!("gone.safetensors"))), @"DIR/model/model.safetensors.index.json: names shards that are not there: gone.safetensors");
    insta::assert_snapshot!(refusal(&|json| json["weight_map"][norm] = json!("../model.safetensors")), @r#"DIR/model/model.safetensors.index.json: `model.norm.weight` is in "../model.safetensors", expected the name of a file"#);
    insta::assert_snapshot!(refusal(&|json| json["weight_map"] = json!({})), @"DIR/model/model.safetensors.index.json: `weight_map` is missing, expected an object of tensors and their files");
    fs::write(&index, "{").unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model/model.safetensors.index.json: not JSON: EOF while parsing an object at line 1 column 1");
    fs::write(&index, &text).unwrap();
    Checkpoint::open(&folder.path).unwrap();
}

#[test]
fn a_target_that_exists_is_refused_and_left_as_it_is() {
    let folder = Model::new();
    let before = fs::read(folder.weights()).unwrap();
    let error = write_checkpoint(&folder.path, &folder.config, &numbered(&folder.config), 1).unwrap_err();
    insta::assert_snapshot!(folder.anonymous(&error), @"DIR/model: exists already; remove it or choose another target");
    assert_eq!(fs::read(folder.weights()).unwrap(), before);
    assert_eq!(names_in(folder.dir.path()), ["model"]);
}

/// A model of two layers in a temporary folder.
struct Model {
    dir: TempDir,
    path: PathBuf,
    config: LlamaConfig,
}

impl Model {
    fn new() -> Self {
        Self::with(false)
    }

    fn with(tie_word_embeddings: bool) -> Self {
        Self::written(tie_word_embeddings, 1 << 30)
    }

    fn sharded() -> Self {
        Self::written(false, 600)
    }

    fn written(tie_word_embeddings: bool, shard_size_bytes: u64) -> Self {
        let config = json!({
            "model_type": "llama", "vocab_size": 12, "hidden_size": 8, "intermediate_size": 12,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "tie_word_embeddings": tie_word_embeddings,
        });
        let config = LlamaConfig::from_json(&config.to_string()).unwrap();
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("model");
        write_checkpoint(&path, &config, &numbered(&config), shard_size_bytes).unwrap();
        Self { dir, path, config }
    }

    fn weights(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What opening says; the temporary folder is called DIR.
    fn refusal(&self) -> String {
        self.anonymous(&Checkpoint::open(&self.path).unwrap_err())
    }

    fn anonymous(&self, error: &CheckpointError) -> String {
        with_causes(error).replace(&self.dir.path().display().to_string(), "DIR")
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
