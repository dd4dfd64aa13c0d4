//! Folders as other people's tools leave them: a part that isn't needed is passed over with a note, and what is given
//! is what the plain folder gives. What must be refused, in one line, is here too.

#[allow(dead_code)] // One model is enough here.
mod models;

use std::{
    fs,
    path::{Path, PathBuf},
};

use models::numbered;
use outgrow_checkpoint::{
    Checkpoint, Dtype, HostTensor, LlamaConfig, NamedTensors, ShardLayout, ShardWriter, TensorSpec,
    encode_into, write_checkpoint, write_tensors,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const EMBEDDING: &str = "model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";
const NORM: &str = "model.norm.weight";

/// A model of two layers in a temporary folder, F32, in one file.
struct Folder {
    dir: TempDir,
    path: PathBuf,
    config: LlamaConfig,
}

impl Folder {
    fn new(tie_word_embeddings: bool) -> Self {
        let config = json!({
            "model_type": "llama", "vocab_size": 12, "hidden_size": 8, "intermediate_size": 12,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "tie_word_embeddings": tie_word_embeddings,
        });
        let config = LlamaConfig::from_json(&config.to_string()).unwrap();
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("model");
        write_checkpoint(&path, &config, &numbered(&config), 1 << 30).unwrap();
        Self { dir, path, config }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Its tensors, changed.
    fn with(self, change: impl FnOnce(&mut NamedTensors)) -> Self {
        let mut tensors = numbered(&self.config);
        change(&mut tensors);
        write_tensors(&self.file("model.safetensors"), &tensors).unwrap();
        self
    }

    /// Its config.json, changed.
    fn configured(self, change: impl FnOnce(&mut Value)) -> Self {
        let mut json = self.config.to_json();
        change(&mut json);
        fs::write(self.file("config.json"), json.to_string()).unwrap();
        self
    }

    /// The same tensors in two shards, the index changed.
    fn indexed(self, change: impl FnOnce(&mut Value)) -> Self {
        let text = fs::read(self.file("model.safetensors")).unwrap();
        drop(text);
        let tensors = Checkpoint::open(&self.path).unwrap().to_named_tensors().unwrap();
        fs::remove_file(self.file("model.safetensors")).unwrap();
        let mut map = serde_json::Map::new();
        for (shard, first) in [("a.safetensors", true), ("b.safetensors", false)] {
            let mine = tensors.iter().enumerate().filter(|(index, _)| (*index < tensors.len() / 2) == first);
            let mine: NamedTensors = mine.map(|(_, (name, one))| (name.clone(), one.clone())).collect();
            map.extend(mine.keys().map(|name| (name.clone(), json!(shard))));
            write_tensors(&self.file(shard), &mine).unwrap();
        }
        let mut index = json!({ "metadata": { "total_size": 1.5e6 }, "weight_map": map });
        change(&mut index);
        fs::write(self.file("model.safetensors.index.json"), index.to_string()).unwrap();
        self
    }

    fn open(&self) -> Checkpoint {
        Checkpoint::open(&self.path).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Opens it as the plain folder that it was made of; gives the notes, a line each.
    fn notes_of_the_plain_one(&self) -> String {
        let opened = self.open();
        assert_eq!(opened.config(), &self.config);
        assert_eq!(opened.to_named_tensors().unwrap(), numbered(&self.config));
        lines(&opened)
    }

    fn refusal(&self) -> String {
        anonymous(&Checkpoint::open(&self.path).unwrap_err().to_string(), self.dir.path())
    }
}

fn lines(opened: &Checkpoint) -> String {
    opened.notes().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn anonymous(message: &str, folder: &Path) -> String {
    assert!(!message.contains('\n'), "{message}");
    message.replace(&folder.display().to_string(), "DIR")
}

fn tensor(shape: &[usize], value: f32) -> HostTensor {
    HostTensor { shape: shape.to_vec(), values: vec![value; shape.iter().product()] }
}

#[test]
fn a_plain_folder_has_no_notes() {
    for tied in [true, false] {
        assert_eq!(Folder::new(tied).notes_of_the_plain_one(), "");
        assert_eq!(Folder::new(tied).indexed(|_| {}).notes_of_the_plain_one(), "");
    }
}

#[test]
fn a_head_of_other_values_than_the_tied_embedding_is_used() {
    let head = tensor(&[12, 8], 0.5);
    let folder = Folder::new(true).with(|tensors| drop(tensors.insert(HEAD.to_owned(), head.clone())));
    let opened = folder.open();
    assert!(!opened.config().tie_word_embeddings);
    assert_eq!(opened.to_named_tensors().unwrap()[HEAD], head);
    assert_eq!(opened.raw_config()["tie_word_embeddings"], true);
    insta::assert_snapshot!(lines(&opened), @"config.json says tie_word_embeddings = true, but `lm_head.weight` has other values than the embedding: it is used, as in transformers from version 5 on, and kept; set tie_word_embeddings to false so that every reader uses it");
    // The last value alone, behind more of them than are compared at once, is enough.
    let wide = folder.config.with(|fields| fields.vocab_size = 70_000).unwrap();
    let mut tensors = numbered(&wide);
    let mut head = tensors[EMBEDDING].clone();
    tensors.insert(HEAD.to_owned(), head.clone());
    let folder = Folder::new(true);
    fs::write(folder.file("config.json"), wide.to_json().to_string()).unwrap();
    write_tensors(&folder.file("model.safetensors"), &tensors).unwrap();
    assert_eq!(folder.open().config(), &wide);
    *head.values.last_mut().unwrap() += 1.0;
    tensors.insert(HEAD.to_owned(), head);
    write_tensors(&folder.file("model.safetensors"), &tensors).unwrap();
    assert!(!folder.open().config().tie_word_embeddings);
}

#[test]
fn a_head_with_the_values_of_the_tied_embedding_is_the_embedding() {
    let folder = Folder::new(true).with(|tensors| {
        let embedding = tensors[EMBEDDING].clone();
        tensors.insert(HEAD.to_owned(), embedding);
    });
    assert_eq!(folder.notes_of_the_plain_one(), "");
    assert!(folder.open().tensor(HEAD).is_none());
}

#[test]
fn a_head_in_another_type_is_compared_by_its_values() {
    let same = |value: f32| {
        let folder = Folder::new(true);
        let tensors = numbered(&folder.config);
        let mut specs: Vec<TensorSpec> = tensors
            .iter()
            .map(|(name, one)| TensorSpec {
                name: name.clone(),
                dtype: Dtype::F32.into(),
                shape: one.shape.clone(),
            })
            .collect();
        specs.push(TensorSpec { name: HEAD.to_owned(), dtype: Dtype::Bf16.into(), shape: vec![12, 8] });
        let mut writer = ShardWriter::create(&folder.path, &ShardLayout::new(specs, 1 << 30)).unwrap();
        for (name, one) in &tensors {
            writer
                .write(name, &one.values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
                .unwrap();
        }
        // Small whole numbers, which both types hold.
        let mut head = tensors[EMBEDDING].values.clone();
        head[17] += value;
        let mut bytes = vec![0; 2 * head.len()];
        encode_into(&head, Dtype::Bf16, &mut bytes).unwrap();
        writer.write(HEAD, &bytes).unwrap();
        writer.finish().unwrap();
        folder.open().config().tie_word_embeddings
    };
    assert_eq!([same(0.0), same(1.0)], [true, false]);
}

#[test]
fn a_tied_matrix_may_be_stored_as_the_head() {
    let folder = Folder::new(true).with(|tensors| {
        let embedding = tensors.remove(EMBEDDING).unwrap();
        tensors.insert(HEAD.to_owned(), embedding);
    });
    insta::assert_snapshot!(folder.notes_of_the_plain_one(), @"the embedding is stored as `lm_head.weight`, to which config.json ties it");
    // Where config.json doesn't tie them, one of two is missing.
    let without = |missing: &str| {
        let folder = Folder::new(false).with(|tensors| drop(tensors.remove(missing)));
        folder.refusal()
    };
    insta::assert_snapshot!(without(EMBEDDING), @"DIR/model: `model.embed_tokens.weight` is missing, expected shape [12, 8]; transformers would draw it at random, so find it, or, if head and embedding are one, set `tie_word_embeddings` to true");
    insta::assert_snapshot!(without(HEAD), @"DIR/model: `lm_head.weight` is missing, expected shape [12, 8]; transformers would draw it at random, so find it, or, if head and embedding are one, set `tie_word_embeddings` to true");
}

#[test]
fn names_are_read_without_wrappers_and_with_the_prefix_of_the_whole_model() {
    let renamed = |tied: bool, name: &dyn Fn(&str) -> String| {
        Folder::new(tied).with(|tensors| {
            *tensors = std::mem::take(tensors).into_iter().map(|(old, one)| (name(&old), one)).collect();
        })
    };
    let prefixed = |prefix: &'static str| move |name: &str| format!("{prefix}{name}");
    insta::assert_snapshot!(renamed(false, &prefixed("_orig_mod.")).notes_of_the_plain_one(), @"names of tensors are read without `_orig_mod.`, which wraps the model");
    insta::assert_snapshot!(renamed(true, &prefixed("module._orig_mod.")).notes_of_the_plain_one(), @"names of tensors are read without `_orig_mod.`, `module.`, which wraps the model");
    let inner = |name: &str| name.replace("mlp.", "_checkpoint_wrapped_module.mlp.");
    insta::assert_snapshot!(renamed(false, &inner).notes_of_the_plain_one(), @"names of tensors are read without `_checkpoint_wrapped_module.`, which wraps the model");
    let base = |name: &str| name.trim_start_matches("model.").to_owned();
    insta::assert_snapshot!(renamed(true, &base).notes_of_the_plain_one(), @"names of tensors are read with `model.` in front: it was saved without its head");
    let base = renamed(false, &base).configured(|config| config["architectures"] = json!(["LlamaModel"]));
    insta::assert_snapshot!(base.notes_of_the_plain_one(), @"names of tensors are read with `model.` in front: it was saved without its head");
}

#[test]
fn tensors_that_the_model_has_no_use_for_are_passed_over() {
    let folder = Folder::new(false).with(|tensors| {
        for layer in 0..2 {
            let name = |end: &str| format!("model.layers.{layer}.self_attn.{end}");
            tensors.insert(name("rotary_emb.inv_freq"), tensor(&[2], 1.0));
            tensors.insert(name("masked_bias"), tensor(&[], -1e9));
        }
    });
    insta::assert_snapshot!(folder.notes_of_the_plain_one(), @"
    passed over: `model.layers.0.self_attn.rotary_emb.inv_freq`, `model.layers.1.self_attn.rotary_emb.inv_freq`, which follows from config.json
    passed over: `model.layers.0.self_attn.masked_bias`, `model.layers.1.self_attn.masked_bias`, which config.json has no use for
    ");
    assert!(folder.open().tensor("model.layers.0.self_attn.masked_bias").is_none());
    assert!(folder.open().bytes("model.layers.0.self_attn.masked_bias").is_err());
}

/// The plain folder's file with one more tensor, of a type that can be anything.
fn with_buffer(folder: &Folder, name: &str, dtype: &str, shape: &[usize], bytes: &[u8]) {
    let file = folder.file("model.safetensors");
    let whole = fs::read(&file).unwrap();
    let size = u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&whole[8..8 + size]).unwrap();
    let end = whole.len() - 8 - size;
    header[name] = json!({ "dtype": dtype, "shape": shape, "data_offsets": [end, end + bytes.len()] });
    let header = header.to_string();
    let parts = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &whole[8 + size..], bytes];
    fs::write(file, parts.concat()).unwrap();
}

#[test]
fn a_buffer_of_any_type_is_passed_over_and_a_parameter_of_one_is_refused() {
    let types = [("BOOL", 1), ("I64", 8), ("U8", 1), ("F8_E4M3", 1), ("C64", 8), ("F3", 5)];
    for (dtype, size) in types {
        let folder = Folder::new(false);
        with_buffer(&folder, "model.position_ids", dtype, &[1, 3], &vec![1; 3 * size]);
        let expected = if dtype == "F3" {
            "whose type safetensors doesn't have"
        } else {
            "which config.json has no use for"
        };
        assert_eq!(folder.notes_of_the_plain_one(), format!("passed over: `model.position_ids`, {expected}"));
    }
    let folder = Folder::new(false).with(|tensors| drop(tensors.remove(NORM)));
    with_buffer(&folder, NORM, "I64", &[8], &[0; 64]);
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: `model.norm.weight` is I64, expected F32, F16 or BF16");
}

#[test]
fn parameters_of_64_bits_are_read_as_32() {
    let folder = Folder::new(false).with(|tensors| drop(tensors.remove(NORM)));
    let norm = numbered(&folder.config)[NORM].values.clone();
    let bytes: Vec<u8> = norm.iter().flat_map(|value| f64::from(*value).to_le_bytes()).collect();
    with_buffer(&folder, NORM, "F64", &[8], &bytes);
    assert_eq!(folder.notes_of_the_plain_one(), "");
}

#[test]
fn an_index_may_be_wrong_about_what_is_not_needed() {
    let place = |name: &'static str, shard: &'static str| {
        move |index: &mut Value| index["weight_map"][name] = json!(shard)
    };
    let tied = || Folder::new(true);
    let ghost = tied().indexed(place(HEAD, "b.safetensors"));
    insta::assert_snapshot!(ghost.notes_of_the_plain_one(), @"model.safetensors.index.json lists `lm_head.weight`, which no file holds and the model doesn't need");
    let gone = tied().indexed(place("model.position_ids", "gone.safetensors"));
    insta::assert_snapshot!(gone.notes_of_the_plain_one(), @"model.safetensors.index.json lists `model.position_ids`, which no file holds and the model doesn't need");
    let elsewhere = tied().indexed(place(NORM, "a.safetensors"));
    insta::assert_snapshot!(elsewhere.notes_of_the_plain_one(), @"model.safetensors.index.json is wrong about where `model.norm.weight` can be found; read all the same");
    let unlisted = tied().indexed(|index| drop(index["weight_map"].as_object_mut().unwrap().remove(NORM)));
    insta::assert_snapshot!(unlisted.notes_of_the_plain_one(), @"model.safetensors.index.json is wrong about where `model.norm.weight` can be found; read all the same");
    let bare = tied().indexed(|index| drop(index.as_object_mut().unwrap().remove("metadata")));
    assert_eq!(bare.notes_of_the_plain_one(), "");

    // What is needed has to be there.
    let gone = Folder::new(false).indexed(place("lm_head.weight", "gone.safetensors"));
    assert_eq!(gone.notes_of_the_plain_one().lines().count(), 1);
    fs::remove_file(gone.file("b.safetensors")).unwrap();
    insta::assert_snapshot!(gone.refusal(), @"DIR/model/model.safetensors.index.json: names shards that are not there: b.safetensors");
    let ghost = Folder::new(false).indexed(|_| {});
    let mut shard = outgrow_checkpoint::read_tensors(&ghost.file("b.safetensors")).unwrap();
    shard.remove(NORM);
    write_tensors(&ghost.file("b.safetensors"), &shard).unwrap();
    insta::assert_snapshot!(ghost.refusal(), @"DIR/model: `model.norm.weight` is in b.safetensors by the index, and that does not hold it");
}

#[test]
fn a_tensor_in_two_shards_is_one_if_its_values_are_the_same() {
    let folder = Folder::new(false).indexed(|_| {});
    let mut shard = outgrow_checkpoint::read_tensors(&folder.file("a.safetensors")).unwrap();
    shard.insert(NORM.to_owned(), numbered(&folder.config)[NORM].clone());
    write_tensors(&folder.file("a.safetensors"), &shard).unwrap();
    insta::assert_snapshot!(folder.notes_of_the_plain_one(), @"passed over: `model.norm.weight`, which is in several files with the same values, but for one");
    shard.insert(NORM.to_owned(), tensor(&[8], 9.0));
    write_tensors(&folder.file("a.safetensors"), &shard).unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: `model.norm.weight` is in a.safetensors and in b.safetensors, with other values");
}

#[test]
fn shards_without_an_index_are_read_if_all_are_there() {
    let folder = Folder::new(false).indexed(|_| {});
    fs::remove_file(folder.file("model.safetensors.index.json")).unwrap();
    for (old, new) in [("a", "00001"), ("b", "00002")] {
        let new = format!("model-{new}-of-00002.safetensors");
        fs::rename(folder.file(&format!("{old}.safetensors")), folder.file(&new)).unwrap();
    }
    insta::assert_snapshot!(folder.notes_of_the_plain_one(), @"there is no index; all 2 shards are read");
    fs::remove_file(folder.file("model-00001-of-00002.safetensors")).unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: no weights: expected model.safetensors, or model.safetensors.index.json with the shards it names; there is no index, and model-00002-of-00002.safetensors can't be all; download what is missing");
}

#[test]
fn a_single_file_comes_before_shards() {
    let folder = Folder::new(false);
    fs::write(folder.file("model.safetensors.index.json"), r#"{"weight_map": {"x": "y"}}"#).unwrap();
    insta::assert_snapshot!(folder.notes_of_the_plain_one(), @"model.safetensors is read; what model.safetensors.index.json names is not, although it is there too");
}

#[test]
fn json_is_read_as_python_writes_it() {
    let folder = Folder::new(false);
    let text = folder.config.to_json().to_string();
    let write = |text: &str| fs::write(folder.file("config.json"), text).unwrap();
    let with = |more: &str| write(&format!("{}, {more}}}", &text[..text.len() - 1]));
    with(
        r#""router_limit": Infinity, "loss_scale": [NaN, -Infinity], "seed": 1000000000000000019884624838656"#,
    );
    insta::assert_snapshot!(folder.notes_of_the_plain_one(), @"config.json has NaN or Infinity under `router_limit`, `loss_scale`, which JSON doesn't have; none of it is needed, and it is kept as it is");
    with(r#""time_step_limit": [0.0, {"__float__": "Infinity"}]"#);
    assert_eq!(folder.notes_of_the_plain_one(), "");
    write(&format!("\u{feff}{text}"));
    insta::assert_snapshot!(folder.notes_of_the_plain_one(), @"config.json begins with a byte order mark, which is passed over; Python refuses such a file");
    // A number that is needed has to be one.
    for (key, number) in [("rms_norm_eps", "NaN"), ("rope_theta", "{\"__float__\": \"Infinity\"}")] {
        with(&format!("\"{key}\": {number}"));
        let shown = if key == "rope_theta" { "Infinity" } else { number };
        assert_eq!(folder.refusal(), format!("DIR/model/config.json: `{key}` is {shown}, expected a number"));
    }
    let indexed = Folder::new(false).indexed(|_| {});
    let index = indexed.file("model.safetensors.index.json");
    let text = fs::read_to_string(&index).unwrap();
    fs::write(&index, format!("\u{feff}{text}")).unwrap();
    insta::assert_snapshot!(indexed.notes_of_the_plain_one(), @"model.safetensors.index.json begins with a byte order mark, which is passed over; Python refuses such a file");
}

#[test]
fn keys_that_change_nothing_are_noted() {
    let folder = Folder::new(false).configured(|config| {
        config["attention_dropout"] = json!(0.1);
        config["sliding_window"] = json!(4096);
        config["rope_theta"] = json!(1.0);
        config["rope_parameters"] = json!({ "rope_theta": 10_000.0, "rope_type": "dynamic", "factor": 2.0 });
        config["bos_token_id"] = json!(-1);
        config["torch_dtype"] = json!("auto");
    });
    insta::assert_snapshot!(folder.notes_of_the_plain_one(), @r#"
    config.json: `attention_dropout` is 0.1: of no effect, since nothing is dropped here
    config.json: `sliding_window` is 4096: of no effect, since no text has more than 2048 tokens
    config.json: `rope_type` is "dynamic": of no effect, since no text has more than 2048 tokens
    config.json: `rope_theta` is 1, and 10000 in `rope_parameters`, which counts; older readers take the other
    config.json: `bos_token_id` is -1: no token
    config.json: `torch_dtype` is "auto", expected "float32", "float16" or "bfloat16"; the weights are float32
    "#);
}

#[test]
fn a_vocabulary_that_was_resized_is_recognised() {
    let folder =
        Folder::new(true).with(|tensors| drop(tensors.insert(EMBEDDING.to_owned(), tensor(&[13, 8], 0.0))));
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: `model.embed_tokens.weight` has shape [13, 8], expected [12, 8]; if the vocabulary was resized, set `vocab_size` to 13");
}

#[test]
fn an_adapter_is_no_model_and_beside_one_it_would_be_applied() {
    let folder = Folder::new(false);
    fs::write(folder.file("adapter_config.json"), r#"{"base_model_name_or_path": "org/base"}"#).unwrap();
    insta::assert_snapshot!(folder.notes_of_the_plain_one(), @"adapter_config.json is passed over, since there is no adapter; transformers refuses the folder for it");
    // transformers applies it, if it is there.
    fs::write(folder.file("adapter_model.safetensors"), "").unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: holds an adapter (LoRA) beside a whole model, and transformers applies it: merge it first, by merge_and_unload and save_pretrained of PEFT, or move adapter_config.json away to have the model as it is");
    // Among the model's own tensors, it is a part of it that isn't read.
    let unmerged = Folder::new(false).with(|tensors| {
        let name = "model.layers.0.self_attn.q_proj.lora_A.weight";
        tensors.insert(name.to_owned(), tensor(&[2, 8], 1.0));
    });
    insta::assert_snapshot!(unmerged.refusal(), @"DIR/model: weights of an adapter (LoRA) that isn't merged are among the tensors: merge it first, by merge_and_unload and save_pretrained of PEFT; `model.layers.0.self_attn.q_proj.lora_A.weight` is no tensor of the model that config.json describes");
    // Without a model, it is all that is there.
    fs::remove_file(folder.file("model.safetensors")).unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: is an adapter (LoRA) for org/base, not a whole model: merge it into its base model first, by merge_and_unload and save_pretrained of PEFT, and give that folder");
    fs::remove_file(folder.file("config.json")).unwrap();
    fs::write(folder.file("adapter_config.json"), "no JSON").unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model: is an adapter (LoRA), not a whole model: merge it into its base model first, by merge_and_unload and save_pretrained of PEFT, and give that folder");
}
