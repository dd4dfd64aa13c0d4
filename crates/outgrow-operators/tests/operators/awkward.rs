//! Growing folders as other people's tools leave them: what isn't needed stays behind or comes along.

mod heads;

use std::{
    fs,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{
    Dtype, HostTensor, LlamaConfig, NamedTensors, TensorSpec, WeightFolder, read_tensors,
    shards::{ShardLayout, ShardWriter},
    write_checkpoint, write_tensors,
};
use outgrow_operators::{
    FolderPlan, Growth, GrowthError, Moments, Source, folder::Plannable, recipe::Passthrough,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    folder::grow_folder,
    models::{model, numbered},
};

const EMBEDDING: &str = "model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";
const STACK: Growth = Growth::Stack { factor: 2 };

struct Folder {
    dir: TempDir,
}

impl Folder {
    /// A folder with these tensors, F32, in one file.
    fn new(config: &Value, tensors: &NamedTensors) -> Self {
        let folder = Self { dir: TempDir::new().unwrap() };
        fs::create_dir(folder.source()).unwrap();
        fs::write(folder.source().join("config.json"), config.to_string()).unwrap();
        write_tensors(&folder.source().join("model.safetensors"), tensors).unwrap();
        folder
    }

    fn source(&self) -> PathBuf {
        self.dir.path().join("source")
    }

    fn open(&self) -> Source {
        Source::open(&self.source()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Grows it; the grown folder.
    fn grow(&self, growth: &Growth) -> PathBuf {
        let source = self.open();
        self.carry_out(&FolderPlan::new(&source, std::slice::from_ref(growth)).unwrap())
    }

    fn carry_out(&self, plan: &FolderPlan<&Source>) -> PathBuf {
        let target = self.dir.path().join("grown");
        let _ = fs::remove_dir_all(&target);
        grow_folder(plan, Moments::Reset, &target, 1 << 30).unwrap();
        target
    }

    fn notes(&self) -> String {
        self.open().notes().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    fn anonymous(&self, error: &GrowthError) -> String {
        error.to_string().replace(&self.dir.path().display().to_string(), "DIR")
    }
}

fn config_of(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("config.json")).unwrap()).unwrap()
}

/// A tied LLaMA of two layers whose config.json says so.
fn tied() -> (LlamaConfig, Value, NamedTensors) {
    let config = model(2).with_dtype(Dtype::F32).with(|fields| fields.tie_word_embeddings = true).unwrap();
    (config.clone(), config.to_json(), numbered(&config))
}

fn head(config: &LlamaConfig) -> HostTensor {
    let shape = vec![config.vocab_size, config.hidden_size];
    HostTensor { values: vec![0.25; config.vocab_size * config.hidden_size], shape }
}

/// A decoder of another architecture, tied by its config.json: layers, an embedding and a head of these names.
fn other(embedding: &str, head: &str, head_value: f32, keys: Value) -> Folder {
    let mut config = json!({
        "model_type": "some_decoder", "num_hidden_layers": 2, "vocab_size": 6, "hidden_size": 4,
        "tie_word_embeddings": true,
    });
    if let (Value::Object(config), Value::Object(keys)) = (&mut config, keys) {
        config.extend(keys);
    }
    let tensor = |shape: &[usize], value: f32| HostTensor {
        shape: shape.to_vec(),
        values: vec![value; shape.iter().product()],
    };
    let mut tensors = NamedTensors::from([
        (embedding.to_owned(), tensor(&[6, 4], 1.0)),
        (head.to_owned(), tensor(&[6, 4], head_value)),
        ("position.weight".to_owned(), tensor(&[6, 4], 7.0)),
    ]);
    for layer in 0..2 {
        tensors.insert(format!("decoder.layers.{layer}.mix.weight"), tensor(&[4, 4], layer as f32));
        tensors.insert(format!("decoder.layers.{layer}.rotary_emb.inv_freq"), tensor(&[2], 0.5));
    }
    Folder::new(&config, &tensors)
}

#[test]
fn buffers_of_another_architecture_come_along_with_their_layers() {
    let folder = TempDir::new().unwrap();
    let specs: Vec<TensorSpec> = (0..2)
        .flat_map(|layer| {
            let spec = |end: &str, dtype: &str, shape: Vec<usize>| {
                let dtype = if dtype == "F16" { Dtype::F16.into() } else { stored_dtype(dtype) };
                TensorSpec { name: format!("gpt_neox.layers.{layer}.attention.{end}"), dtype, shape }
            };
            [
                spec("dense.weight", "F16", vec![4, 4]),
                spec("bias", "BOOL", vec![1, 1, 3, 3]),
                spec("masked_bias", "F16", vec![]),
                spec("rotary_emb.inv_freq", "F16", vec![1]),
            ]
        })
        .collect();
    let source = folder.path().join("source");
    fs::create_dir(&source).unwrap();
    let mut writer = ShardWriter::create(&source, &ShardLayout::new(specs.clone(), 40)).unwrap();
    for (index, spec) in specs.iter().enumerate() {
        writer.write(&spec.name, &vec![index as u8 + 1; spec.size_bytes() as usize]).unwrap();
    }
    writer.finish().unwrap();
    fs::write(source.join("config.json"), r#"{"model_type": "gpt_neox", "num_hidden_layers": 2}"#).unwrap();
    let opened = Source::open(&source).unwrap();
    insta::assert_snapshot!(opened.notes()[0], @"copied as they are, being no numbers to compute with: `gpt_neox.layers.0.attention.bias` (BOOL), `gpt_neox.layers.1.attention.bias` (BOOL)");
    assert_eq!(opened.num_parameters(), 2 * 18);
    let grow = |plan: &FolderPlan<&Source>| {
        let target = folder.path().join("grown");
        let _ = fs::remove_dir_all(&target);
        grow_folder(plan, Moments::Reset, &target, 40).unwrap();
        WeightFolder::open(&target).unwrap()
    };
    let plan = FolderPlan::new(&opened, &[Growth::Layers { layers: vec![0, 1, 1] }]).unwrap();
    assert_eq!(plan.num_parameters(), 3 * 18);
    let grown = grow(&plan);
    assert_eq!(grown.tensors().len(), 12);
    for tensor in grown.tensors() {
        let origin = tensor.name.replace("layers.2.", "layers.1.");
        let stored = opened.weights().tensor(&origin).unwrap();
        assert_eq!((tensor.dtype, &tensor.shape), (stored.dtype, &stored.shape));
        assert_eq!(grown.bytes(&tensor.name).unwrap(), opened.weights().bytes(&origin).unwrap());
    }
    // A recipe's type and factors are for numbers.
    let text = "{merge_method: passthrough, dtype: float32, slices: [{sources: [{model: a, layer_range: [0, 2], parameters: {scale: 0.5}}]}]}";
    let plan = FolderPlan::of_passthrough(&opened, &Passthrough::parse(text).unwrap()).unwrap();
    let grown = grow(&plan);
    let name = |end: &str| format!("gpt_neox.layers.1.attention.{end}");
    assert_eq!(grown.tensor(&name("dense.weight")).unwrap().dtype, Dtype::F32.into());
    assert_eq!(grown.tensor(&name("bias")).unwrap().dtype, stored_dtype("BOOL"));
    assert_eq!(grown.bytes(&name("bias")).unwrap(), opened.weights().bytes(&name("bias")).unwrap());
}

/// A type by its name, as a file has it.
fn stored_dtype(name: &str) -> outgrow_checkpoint::StoredDtype {
    let dir = TempDir::new().unwrap();
    let header = format!("{{\"a\": {{\"dtype\": \"{name}\", \"shape\": [8], \"data_offsets\": [0, 8]}}}}");
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 8]].concat();
    fs::write(dir.path().join("model.safetensors"), bytes).unwrap();
    fs::write(dir.path().join("config.json"), "{}").unwrap();
    WeightFolder::open(dir.path()).unwrap().tensor("a").unwrap().dtype
}

/// A folder with an index that also lists this tensor, and nothing that holds it.
fn with_ghost(folder: &Folder, name: &str) {
    let tensors = read_tensors(&folder.source().join("model.safetensors")).unwrap();
    fs::rename(folder.source().join("model.safetensors"), folder.source().join("x.safetensors")).unwrap();
    let mut map: serde_json::Map<String, Value> =
        tensors.keys().map(|name| (name.clone(), json!("x.safetensors"))).collect();
    map.insert(name.to_owned(), json!("gone.safetensors"));
    let index = json!({ "weight_map": map }).to_string();
    fs::write(folder.source().join("model.safetensors.index.json"), index).unwrap();
}

#[test]
fn a_ghost_in_the_index_of_another_architecture_is_passed_over_if_it_is_known_to_be_none() {
    let ghost = |name: &str, tie: Value| {
        let folder = other("wte.weight", "ln_f.weight", 1.0, json!({ "tie_word_embeddings": tie }));
        with_ghost(&folder, name);
        match Source::open(&folder.source()) {
            Ok(source) => {
                assert!(matches!(Plannable::open(&folder.source()), Ok(Plannable::Opened(_))));
                folder.grow(&STACK);
                source.notes()[0].to_string()
            }
            Err(error) => folder.anonymous(&error),
        }
    };
    insta::assert_snapshot!(ghost(HEAD, json!(true)), @"model.safetensors.index.json lists `lm_head.weight`, which no file holds and the model doesn't need");
    insta::assert_snapshot!(ghost("decoder.layers.0.attention.masked_bias", json!(true)), @"model.safetensors.index.json lists `decoder.layers.0.attention.masked_bias`, which no file holds and the model doesn't need");
    assert_eq!(ghost(HEAD, json!(null)), ghost(HEAD, json!(false)));
    insta::assert_snapshot!(ghost(HEAD, json!(false)), @"DIR/source/model.safetensors.index.json: names shards that are not there: gone.safetensors");
    insta::assert_snapshot!(ghost("decoder.layers.0.up.weight", json!(true)), @"DIR/source/model.safetensors.index.json: names shards that are not there: gone.safetensors");
}

#[test]
fn an_outline_notes_what_is_odd_about_its_index() {
    let (config, json, tensors) = tied();
    let outline = |names: &mut dyn Iterator<Item = String>| {
        let folder = Folder::new(&json, &tensors);
        fs::remove_file(folder.source().join("model.safetensors")).unwrap();
        let map: serde_json::Map<String, Value> =
            names.map(|name| (name, json!("gone.safetensors"))).collect();
        let index = json!({ "weight_map": map }).to_string();
        fs::write(folder.source().join("model.safetensors.index.json"), index).unwrap();
        match Plannable::open(&folder.source()) {
            Ok(Plannable::Opened(_)) => panic!("its shards aren't there"),
            Ok(outline) => {
                let plan = FolderPlan::new(&outline, &[STACK]).unwrap();
                assert_eq!(
                    plan.num_parameters(),
                    config.with(|fields| fields.num_hidden_layers = 4).unwrap().num_parameters()
                );
                outline.notes().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            }
            Err(error) => folder.anonymous(&error),
        }
    };
    let names = || tensors.keys().cloned();
    assert_eq!(outline(&mut names()), "");
    insta::assert_snapshot!(outline(&mut names().chain([HEAD.to_owned()])), @"config.json says tie_word_embeddings = true and the index lists `lm_head.weight`: taken for the embedding, since its shard isn't there");
    insta::assert_snapshot!(outline(&mut names().map(|name| if name == EMBEDDING { HEAD.to_owned() } else { name })), @"the embedding is stored as `lm_head.weight`, to which config.json ties it");
    insta::assert_snapshot!(outline(&mut names().chain(["model.layers.0.x".to_owned()])), @"passed over: `model.layers.0.x`, which config.json has no use for");
    insta::assert_snapshot!(outline(&mut names().map(|name| format!("_orig_mod.{name}"))), @"names of tensors are read without `_orig_mod.`, which wraps the model");
    assert_eq!(outline(&mut names().map(|name| name.trim_start_matches("model.").to_owned())), "");
    insta::assert_snapshot!(outline(&mut names().filter(|name| name != "model.norm.weight")), @"DIR/source/model.safetensors.index.json: `model.norm.weight` is not listed");
}

#[test]
fn a_model_without_its_head_grows_in_depth_and_is_not_run() {
    let config = model(2).with_dtype(Dtype::F32);
    let mut json = config.to_json();
    json["architectures"] = json!(["LlamaModel"]);
    let mut tensors = numbered(&config);
    tensors.remove(HEAD);
    let base: NamedTensors = tensors
        .iter()
        .map(|(name, one)| (name.trim_start_matches("model.").to_owned(), one.clone()))
        .collect();
    let folder = Folder::new(&json, &base);
    let Source::Other(other) = folder.open() else { panic!("it has no head") };
    let reason = other.why_not_run().replace(&folder.dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(reason, @r#"DIR/source/config.json: `architectures` is ["LlamaModel"], a model without its head, and `tie_word_embeddings` is not true: what it was trained to say isn't there"#);
    let grown = WeightFolder::open(&folder.grow(&STACK)).unwrap();
    assert_eq!(grown.tensors().len(), 2 + 4 * 9);
    assert_eq!(
        grown.bytes("model.layers.3.mlp.up_proj.weight").unwrap(),
        folder.open().weights().bytes("model.layers.1.mlp.up_proj.weight").unwrap()
    );
}

#[test]
fn numbers_that_json_does_not_have_come_along_as_they_are() {
    let (_, json, tensors) = tied();
    let folder = Folder::new(&json, &tensors);
    let text = json.to_string();
    let more =
        r#""limit": Infinity, "seed": 1000000000000000019884624838656, "step_limit": {"__float__": "NaN"}}"#;
    fs::write(folder.source().join("config.json"), format!("\u{feff}{}, {more}", &text[..text.len() - 1]))
        .unwrap();
    let grown = fs::read_to_string(folder.grow(&STACK).join("config.json")).unwrap();
    assert!(grown.starts_with('{') && grown.contains("\"num_hidden_layers\": 4"), "{grown}");
    for line in ["\"limit\": Infinity", "\"seed\": 1000000000000000019884624838656", "\"__float__\": \"NaN\""]
    {
        assert!(grown.contains(line), "{grown}");
    }
}

#[test]
fn what_is_true_of_the_source_only_stays_behind() {
    let (_, json, tensors) = tied();
    let folder = Folder::new(&json, &tensors);
    let stays = [
        "adapter_config.json",
        "all_results.json",
        "latest",
        "params.json",
        "trainer_state.json",
        "zero_to_fp32.py",
    ];
    for name in stays.iter().chain(&["generation_config.json"]) {
        fs::write(folder.source().join(name), "{}").unwrap();
    }
    let mut names: Vec<_> = fs::read_dir(folder.grow(&STACK))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["README.md", "config.json", "generation_config.json", "model.safetensors"]);
}

#[test]
fn quantised_weights_are_refused_by_the_name_of_their_key() {
    for (key, value) in [
        ("quantization_config", json!({ "quant_method": "gptq", "bits": 4 })),
        ("compression_config", json!({ "x": 1 })),
    ] {
        let folder = other("wte.weight", HEAD, 1.0, json!({ key: value }));
        let error = FolderPlan::new(&folder.open(), &[STACK]).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("config.json: `{key}`: the weights are quantised; dequantise them first")
        );
    }
}

#[test]
fn a_plain_folder_gives_no_notes() {
    let dir = TempDir::new().unwrap();
    let config = model(2);
    write_checkpoint(&dir.path().join("source"), &config, &numbered(&config), 500).unwrap();
    assert_eq!(Source::open(&dir.path().join("source")).unwrap().notes(), []);
}
