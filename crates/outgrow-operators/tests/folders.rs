//! Growing folders: the grown one holds the source's bytes by the layer map, and an error leaves nothing behind.

mod models;

use std::{
    fs,
    path::{Path, PathBuf},
};

use models::{layer_lists, numbered};
use outgrow_checkpoint::{
    Checkpoint, Dtype, LlamaConfig, ShardLayout, ShardWriter, TensorSpec, layer_index, with_layer_index,
    write_checkpoint,
};
use outgrow_operators::{Account, Growth, grow_folder, grow_tensors, plan};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_grown_folder_holds_the_bytes_of_its_source_by_the_list(
        (config, list) in layer_lists(),
        source_shard_bytes in 1_u64..2000,
        target_shard_bytes in 1_u64..2000,
    ) {
        let dir = TempDir::new().unwrap();
        let (source, target) = (dir.path().join("source"), dir.path().join("target"));
        write_checkpoint(&source, &config, &numbered(&config), source_shard_bytes).unwrap();
        let source = Checkpoint::open(&source).unwrap();
        let growth = Growth::Layers { layers: list.clone() };
        grow_folder(&source, &growth, &target, target_shard_bytes).unwrap();

        let grown = Checkpoint::open(&target).unwrap();
        prop_assert_eq!(grown.config().num_hidden_layers, list.len());
        for tensor in grown.tensors() {
            let layer = layer_index(&tensor.name).map(|layer| list[layer]);
            let origin = layer.map_or_else(|| tensor.name.clone(), |layer| with_layer_index(&tensor.name, layer));
            prop_assert_eq!(grown.bytes(&tensor.name).unwrap(), source.bytes(&origin).unwrap());
            prop_assert_eq!(tensor.dtype, source.tensor(&origin).unwrap().dtype);
        }
        // The same plan in memory gives the same model.
        let plan = plan(source.config(), &growth).unwrap();
        let in_memory = grow_tensors(&plan, &source.to_named_tensors().unwrap()).unwrap();
        prop_assert_eq!(grown.to_named_tensors().unwrap(), in_memory);
    }
}

#[test]
fn only_the_depth_changes_in_config_json() {
    let source = Source::new(2, |config| {
        config["eos_token_id"] = json!([2, 7]);
        config["layer_types"] = json!(["full_attention", "full_attention"]);
        config["something_else"] = json!({ "kept": [1, null] });
    });
    grow_folder(&source.open(), &Growth::Stack { factor: 2 }, &source.beside("grown"), 1 << 30).unwrap();
    let read = |folder: &Path| fs::read_to_string(folder.join("config.json")).unwrap();
    let mut expected: Value = serde_json::from_str(&read(&source.folder)).unwrap();
    expected["num_hidden_layers"] = json!(4);
    expected["layer_types"] = json!(vec!["full_attention"; 4]);
    assert_eq!(read(&source.beside("grown")), format!("{expected:#}\n"));
}

#[test]
fn tokenizer_and_other_side_files_come_along_and_other_weights_do_not() {
    let source = Source::new(1, |_| {});
    let along = [
        "tokenizer.json",
        "tokenizer.model",
        "special_tokens_map.json",
        "merges.txt",
        "LICENSE",
        "README.md",
    ];
    let not = [
        "pytorch_model.bin",
        "consolidated.00.pth",
        "model.gguf",
        "optimizer.pt",
        "adapter.safetensors",
        "pytorch_model.bin.index.json",
        "trainer_state.json",
        ".hidden",
    ];
    for name in along.iter().chain(&not) {
        fs::write(source.folder.join(name), format!("content of {name}")).unwrap();
    }
    fs::create_dir(source.folder.join("training")).unwrap();
    fs::write(source.folder.join("training/state.json"), "{}").unwrap();
    let target = source.beside("grown");
    grow_folder(&source.open(), &Growth::Stack { factor: 3 }, &target, 1 << 30).unwrap();
    let mut expected: Vec<&str> = along.to_vec();
    expected.extend(["config.json", "model.safetensors"]);
    expected.sort_unstable();
    assert_eq!(names_in(&target), expected);
    for name in along {
        assert_eq!(fs::read_to_string(target.join(name)).unwrap(), format!("content of {name}"));
    }
}

#[test]
fn a_tensor_keeps_its_own_type_in_a_mixed_checkpoint() {
    // Norms in f32, the rest in bfloat16, and odd numbers of values between them.
    let config = LlamaConfig { hidden_size: 7, vocab_size: 11, ..models::model(2) };
    let dir = TempDir::new().unwrap();
    let specs = config.tensors().into_iter().map(|tensor| {
        let dtype = if tensor.name.contains("norm") { Dtype::F32 } else { Dtype::BF16 };
        TensorSpec { name: tensor.name, dtype, shape: tensor.shape }
    });
    let specs: Vec<TensorSpec> = specs.collect();
    let mut writer = ShardWriter::create(dir.path(), &ShardLayout::new(specs.clone(), 1 << 30)).unwrap();
    for (index, spec) in specs.iter().enumerate() {
        writer.write(&spec.name, &vec![index as u8; spec.size_bytes() as usize]).unwrap();
    }
    writer.finish().unwrap();
    fs::write(dir.path().join("config.json"), config.to_json().to_string()).unwrap();

    let source = Checkpoint::open(dir.path()).unwrap();
    let target = dir.path().join("grown");
    grow_folder(&source, &Growth::Interleave { factor: 2 }, &target, 1 << 30).unwrap();
    let grown = Checkpoint::open(&target).unwrap();
    for tensor in grown.tensors() {
        let layer = layer_index(&tensor.name).map(|layer| layer / 2);
        let origin = layer.map_or_else(|| tensor.name.clone(), |layer| with_layer_index(&tensor.name, layer));
        assert_eq!(tensor.dtype, source.tensor(&origin).unwrap().dtype);
        assert_eq!(grown.bytes(&tensor.name).unwrap(), source.bytes(&origin).unwrap());
        // Readers view the bytes in place.
        assert_eq!(tensor.range.start % tensor.dtype.size_bytes() as u64, 0, "{}", tensor.name);
    }
}

#[test]
fn the_account_of_a_growth_says_what_will_be_there() {
    let source = Source::new(3, |_| {});
    fs::write(source.folder.join("tokenizer.json"), "{}").unwrap();
    let account = |growth: &Growth, shard_size_bytes| {
        Account::new(&source.open(), growth, shard_size_bytes).unwrap().to_string()
    };
    insta::assert_snapshot!(account(&Growth::Stack { factor: 4 }, 4000), @"
    layers       3 → 12
    made of      0-2 ×4
    parameters   1,688 → 6,152
    tensors      111, all copied byte for byte
    bytes        12,304
    shards       4
                 model-00001-of-00004.safetensors  3,968 bytes
                 model-00002-of-00004.safetensors  3,968 bytes
                 model-00003-of-00004.safetensors  3,968 bytes
                 model-00004-of-00004.safetensors  400 bytes
    comes along  tokenizer.json
    ");
    insta::assert_snapshot!(account(&Growth::Layers { layers: vec![0, 1, 1, 2] }, 1), @"
    layers       3 → 4
    made of      0, 1 ×2, 2
    parameters   1,688 → 2,184
    tensors      39, all copied byte for byte
    bytes        4,368
    shards       39
                 model-00001-of-00039.safetensors  192 bytes
                 …
                 model-00039-of-00039.safetensors  192 bytes
    comes along  tokenizer.json
    ");
    assert_eq!(names_in(source.dir.path()), ["source"]);
}

#[test]
fn an_error_leaves_nothing_behind() {
    let source = Source::new(2, |_| {});
    let opened = source.open();
    let target = source.beside("grown");
    let refusal = |growth: &Growth, target: &Path| {
        let error = grow_folder(&opened, growth, target, 1 << 30).unwrap_err().to_string();
        error.replace(&source.dir.path().display().to_string(), "DIR")
    };
    insta::assert_snapshot!(refusal(&Growth::Stack { factor: 0 }, &target), @"factor = 0: at least 1 is needed");
    insta::assert_snapshot!(refusal(&Growth::Layers { layers: vec![2] }, &target), @"layers [2] are not in the source, which has layers 0 to 1");
    insta::assert_snapshot!(refusal(&Growth::Stack { factor: 2 }, &source.folder), @"DIR/source: exists already; remove it or choose another target");
    // The source is cut short after it was opened: the error comes in the middle of the copying.
    let weights = fs::File::options().write(true).open(source.folder.join("model.safetensors")).unwrap();
    weights.set_len(weights.metadata().unwrap().len() - 200).unwrap();
    insta::assert_snapshot!(refusal(&Growth::Stack { factor: 2 }, &source.beside("a/new/parent")), @"DIR/source/model.safetensors: gave 8 of the 16 bytes of `model.norm.weight`; it was cut");
    assert_eq!(names_in(source.dir.path()), ["source"]);
}

/// A model in a temporary folder.
struct Source {
    dir: TempDir,
    folder: PathBuf,
}

impl Source {
    fn new(num_hidden_layers: usize, change: impl Fn(&mut Value)) -> Self {
        let dir = TempDir::new().unwrap();
        let folder = dir.path().join("source");
        let config = models::model(num_hidden_layers);
        write_checkpoint(&folder, &config, &numbered(&config), 1 << 30).unwrap();
        let file = folder.join("config.json");
        let mut json: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        change(&mut json);
        fs::write(file, json.to_string()).unwrap();
        Self { dir, folder }
    }

    fn open(&self) -> Checkpoint {
        Checkpoint::open(&self.folder).unwrap()
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
