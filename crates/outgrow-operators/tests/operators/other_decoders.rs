//! Decoders of other architectures grow in depth: every tensor by the list, config.json with it, and what can't be
//! grown is refused in one line.

mod biases;

use std::{fs, path::PathBuf};

use outgrow_checkpoint::{
    Dtype, TensorSpec, WeightFolder,
    shards::{ShardLayout, ShardWriter},
    tensor_names::{layer_index, with_layer_index},
};
use outgrow_operators::{
    Depth, FolderPlan, Growth, GrowthError, Moments, Placement, Preservation, Source, Width,
    recipe::Passthrough,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::folder::grow_folder;

/// A folder with tensors whose bytes differ from tensor to tensor.
struct Folder {
    dir: TempDir,
}

impl Folder {
    fn new(config: &Value, tensors: &[(String, Dtype, Vec<usize>)]) -> Self {
        let folder = Self { dir: TempDir::new().unwrap() };
        let specs = tensors.iter().cloned().map(|(name, dtype, shape)| TensorSpec {
            name,
            dtype: dtype.into(),
            shape,
        });
        let specs: Vec<TensorSpec> = specs.collect();
        fs::create_dir(folder.source()).unwrap();
        let mut writer =
            ShardWriter::create(&folder.source(), &ShardLayout::new(specs.clone(), 300)).unwrap();
        for (index, spec) in specs.iter().enumerate() {
            let bytes = (0..spec.size_bytes()).map(|place| (index as u64 * 7 + place) as u8);
            writer.write(&spec.name, &bytes.collect::<Vec<u8>>()).unwrap();
        }
        writer.finish().unwrap();
        fs::write(folder.source().join("config.json"), config.to_string()).unwrap();
        folder
    }

    fn source(&self) -> PathBuf {
        self.dir.path().join("source")
    }

    fn target(&self) -> PathBuf {
        self.dir.path().join("grown")
    }

    fn grow(&self, growth: Growth) -> Result<Preservation, GrowthError> {
        let source = Source::open(&self.source())?;
        let plan = FolderPlan::new(&source, &[growth])?;
        grow_folder(&plan, Moments::Reset, &self.target(), 500)?;
        Ok(plan.preservation())
    }

    /// Grows it by a list, and holds every tensor of the result against it; gives the grown config.json.
    fn grown_by(&self, list: &[usize]) -> Value {
        self.grow(Growth::Layers { layers: list.to_vec() }).unwrap();
        let (source, grown) =
            (WeightFolder::open(&self.source()).unwrap(), WeightFolder::open(&self.target()).unwrap());
        let mut expected = 0;
        for tensor in source.tensors() {
            expected += match layer_index(&tensor.name) {
                None => 1,
                Some(layer) => list.iter().filter(|source| **source == layer).count(),
            };
        }
        assert_eq!(grown.tensors().len(), expected);
        for tensor in grown.tensors() {
            let layer = layer_index(&tensor.name).map(|layer| list[layer]);
            let origin =
                layer.map_or_else(|| tensor.name.clone(), |layer| with_layer_index(&tensor.name, layer));
            let stored = source.tensor(&origin).unwrap();
            assert_eq!((tensor.dtype, &tensor.shape), (stored.dtype, &stored.shape), "{}", tensor.name);
            assert_eq!(grown.bytes(&tensor.name).unwrap(), source.bytes(&origin).unwrap(), "{}", tensor.name);
        }
        grown.raw_config().clone()
    }

    /// The line that a growth is refused with. Nothing but the source is there after it.
    fn refusal(&self, growth: Growth) -> String {
        let line = self.grow(growth).unwrap_err().to_string();
        assert!(!line.contains('\n'), "{line}");
        let left: Vec<_> =
            fs::read_dir(self.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["source"]);
        line.replace(&self.dir.path().display().to_string(), "DIR")
    }
}

type Tensors = Vec<(String, Dtype, Vec<usize>)>;

/// Embedding, final norm and, in each of `layers`, these tensors.
fn decoder(layers: usize, inner: &[(&str, &[usize])]) -> Tensors {
    let mut tensors = vec![
        ("model.embed_tokens.weight".to_owned(), Dtype::Bf16, vec![6, 4]),
        ("model.norm.weight".to_owned(), Dtype::F32, vec![4]),
    ];
    for layer in 0..layers {
        let named = inner
            .iter()
            .map(|(name, shape)| (format!("model.layers.{layer}.{name}"), Dtype::Bf16, shape.to_vec()));
        tensors.extend(named);
    }
    tensors
}

const ATTENTION: [(&str, &[usize]); 4] = [
    ("self_attn.q_proj.weight", &[4, 4]),
    ("self_attn.k_proj.weight", &[2, 4]),
    ("self_attn.v_proj.weight", &[2, 4]),
    ("self_attn.o_proj.weight", &[4, 4]),
];
const FEED_FORWARD: [(&str, &[usize]); 3] =
    [("mlp.gate_proj.weight", &[5, 4]), ("mlp.up_proj.weight", &[5, 4]), ("mlp.down_proj.weight", &[4, 5])];
const NORMS: [(&str, &[usize]); 2] =
    [("input_layernorm.weight", &[4]), ("post_attention_layernorm.weight", &[4])];

fn plain() -> Vec<(&'static str, &'static [usize])> {
    [&ATTENTION[..], &FEED_FORWARD[..], &NORMS[..]].concat()
}

/// Sizes as in the tensors above.
fn config(model_type: &str, layers: usize, keys: Value) -> Value {
    let mut config = json!({
        "model_type": model_type, "num_hidden_layers": layers, "vocab_size": 6, "hidden_size": 4, "intermediate_size": 5,
        "num_attention_heads": 2, "num_key_value_heads": 1, "tie_word_embeddings": true, "dtype": "bfloat16",
    });
    if let (Value::Object(config), Value::Object(keys)) = (&mut config, keys) {
        config.extend(keys);
    }
    config
}

fn zero(num_hidden_layers: usize, placement: Placement) -> Growth {
    Growth::ZeroDepth { depth: Depth::Layers(num_hidden_layers), placement }
}

#[test]
fn a_mistral_with_windows_grows_by_the_list() {
    let source =
        config("mistral", 3, json!({ "sliding_window": 8, "architectures": ["MistralForCausalLM"] }));
    let grown = Folder::new(&source, &decoder(3, &plain())).grown_by(&[2, 0, 1, 1]);
    assert_eq!(
        grown,
        config("mistral", 4, json!({ "sliding_window": 8, "architectures": ["MistralForCausalLM"] }))
    );
}

#[test]
fn a_qwen_2_grows_with_its_biases_and_its_windows() {
    let biases: [(&str, &[usize]); 3] =
        [("self_attn.q_proj.bias", &[4]), ("self_attn.k_proj.bias", &[2]), ("self_attn.v_proj.bias", &[2])];
    let tensors = decoder(3, &[&plain()[..], &biases].concat());
    let windows = json!({ "use_sliding_window": true, "sliding_window": 8, "max_window_layers": 2 });
    let grown = Folder::new(&config("qwen2", 3, windows), &tensors).grown_by(&[0, 1, 1, 0, 2]);
    assert_eq!((&grown["num_hidden_layers"], &grown["max_window_layers"]), (&json!(5), &json!(4)));
    // Biases of queries, keys and values are silent with the rest; the outputs have none.
    let folder = Folder::new(&config("qwen2", 3, json!({})), &tensors);
    assert_eq!(folder.grow(zero(6, Placement::Interleaved)).unwrap(), Preservation::Exact);
}

#[test]
fn a_gemma_2_keeps_the_attention_of_each_layer() {
    let norms: [(&str, &[usize]); 2] =
        [("pre_feedforward_layernorm.weight", &[4]), ("post_feedforward_layernorm.weight", &[4])];
    let tensors = decoder(4, &[&plain()[..], &norms].concat());
    let (full, sliding) = ("full_attention", "sliding_attention");
    let expected = json!([sliding, full, full, sliding, full]);
    // Of the file without a list it is every second layer.
    for keys in [json!({}), json!({ "layer_types": [sliding, full, sliding, full] })] {
        let grown = Folder::new(&config("gemma2", 4, keys), &tensors).grown_by(&[0, 1, 1, 2, 3]);
        assert_eq!(grown["layer_types"], expected);
    }
}

/// A dense layer below layers with experts, as DeepSeek has them.
fn odd_layers() -> Tensors {
    let outer = decoder(3, &[&ATTENTION[..], &NORMS[..]].concat());
    let mut tensors = outer;
    let mut add = |layer: usize, name: &str, dtype, shape: &[usize]| {
        tensors.push((format!("model.layers.{layer}.mlp.{name}"), dtype, shape.to_vec()));
    };
    for (name, shape) in FEED_FORWARD {
        add(0, name.trim_start_matches("mlp."), Dtype::Bf16, shape);
    }
    for layer in [1, 2] {
        add(layer, "gate.weight", Dtype::F32, &[2, 4]);
        add(layer, "gate.e_score_correction_bias", Dtype::F32, &[2]);
        for expert in 0..2 {
            add(layer, &format!("experts.{expert}.up_proj.weight"), Dtype::F16, &[3, 4]);
            add(layer, &format!("experts.{expert}.down_proj.weight"), Dtype::F16, &[4, 3]);
        }
    }
    tensors
}

#[test]
fn a_layer_has_the_tensors_of_the_layer_it_is_made_of() {
    let dense = |layers: usize, count: usize| {
        config("deepseek_v3", layers, json!({ "first_k_dense_replace": count }))
    };
    assert_eq!(Folder::new(&dense(3, 1), &odd_layers()).grown_by(&[0, 0, 1, 2, 1]), dense(5, 2));
    let listed = config("qwen3_moe", 3, json!({ "mlp_only_layers": [0] }));
    let grown = Folder::new(&listed, &odd_layers()).grown_by(&[2, 0, 1, 0]);
    assert_eq!(grown["mlp_only_layers"], json!([1, 3]));
}

#[test]
fn an_identity_is_silent_in_every_expert() {
    let folder = Folder::new(&config("deepseek_v3", 3, json!({ "first_k_dense_replace": 1 })), &odd_layers());
    assert_eq!(folder.grow(zero(6, Placement::Interleaved)).unwrap(), Preservation::Exact);
    let (source, grown) =
        (WeightFolder::open(&folder.source()).unwrap(), WeightFolder::open(&folder.target()).unwrap());
    for tensor in grown.tensors() {
        let origin = layer_index(&tensor.name)
            .map_or(tensor.name.clone(), |layer| with_layer_index(&tensor.name, layer / 2));
        let is_new = layer_index(&tensor.name).is_some_and(|layer| layer % 2 == 1);
        let writes = tensor.name.ends_with("o_proj.weight") || tensor.name.ends_with("down_proj.weight");
        let bytes = grown.bytes(&tensor.name).unwrap();
        assert_eq!(tensor.dtype, source.tensor(&origin).unwrap().dtype, "{}", tensor.name);
        if is_new && writes {
            assert!(bytes.iter().all(|byte| *byte == 0), "{}", tensor.name);
        } else {
            assert_eq!(bytes, source.bytes(&origin).unwrap(), "{}", tensor.name);
        }
    }
}

#[test]
fn a_passthrough_is_preserved_if_its_zeroed_layers_are_silent() {
    let folder = Folder::new(&config("qwen3_moe", 3, json!({ "mlp_only_layers": [0] })), &odd_layers());
    let source = Source::open(&folder.source()).unwrap();
    let preservation = |filters: &str| {
        let text = format!(
            "{{merge_method: passthrough, slices: [{{sources: [{{model: a, layer_range: [0, 3]}}]}}, \
             {{sources: [{{model: a, layer_range: [2, 3], parameters: {{scale: [{filters}]}}}}]}}]}}"
        );
        let passthrough = Passthrough::parse(&text).unwrap();
        FolderPlan::of_passthrough(&source, &passthrough).unwrap().preservation()
    };
    let [attention, experts, one] =
        ["o_proj", "down_proj", "experts.0.down_proj"].map(|name| format!("{{filter: {name}, value: 0}}"));
    assert_eq!(preservation(&[attention.clone(), experts.clone()].join(",")), Preservation::Exact);
    // Two experts' outputs are two tensors, but attention still writes.
    for filters in [attention.clone(), experts, [attention, one].join(",")] {
        assert_eq!(preservation(&filters), Preservation::None, "{filters}");
    }
}

#[test]
fn layers_that_may_not_be_silent_are_no_identities() {
    let with = |more: &[(&'static str, &'static [usize])]| {
        Folder::new(&config("other", 2, json!({})), &decoder(2, &[&plain()[..], more].concat()))
    };
    let without = |end: &str| {
        let kept: Vec<_> = plain().into_iter().filter(|(name, _)| !name.ends_with(end)).collect();
        Folder::new(&config("other", 2, json!({})), &decoder(2, &kept))
    };
    insta::assert_snapshot!(with(&[("self_attn.o_proj.bias", &[4])]).refusal(zero(4, Placement::Top)), @"layer 0 can't be made an identity: its output projections aren't an `o_proj` and a `down_proj` without biases");
    let folders = [
        with(&[("mlp.down_proj.bias", &[4])]),
        with(&[("mamba.out_proj.weight", &[4, 4])]),
        with(&[("layer_scalar", &[1])]),
        with(&[("mlp.experts.down_proj", &[2, 4, 5])]),
        without("o_proj.weight"),
        without("down_proj.weight"),
    ];
    for folder in folders {
        assert!(folder.refusal(zero(4, Placement::Top)).starts_with("layer 0 can't be made an identity"));
        folder.grow(Growth::Stack { factor: 2 }).unwrap();
    }
    // Only the layers that become identities have to be known.
    let mut tensors = decoder(2, &plain());
    tensors.push(("model.layers.1.mlp.down_proj.bias".to_owned(), Dtype::Bf16, vec![4]));
    let folder = Folder::new(&config("other", 2, json!({})), &tensors);
    folder.grow(zero(3, Placement::Top)).unwrap();
    fs::remove_dir_all(folder.target()).unwrap();
    assert!(folder.refusal(zero(4, Placement::Top)).starts_with("layer 1 can't be made an identity"));
}

#[test]
fn what_needs_a_llama_says_so() {
    let folder = Folder::new(&config("qwen3", 2, json!({})), &decoder(2, &plain()));
    let width = Width { hidden_size: Some(8), ..Width::default() };
    insta::assert_snapshot!(folder.refusal(Growth::Split { width, share: None }), @r#"`split` works on LLaMA-style models only, and this is none (config.json: `model_type` is "qwen3", but this decoder is "llama", "mistral" or "qwen2"); operators that copy layers work"#);
    insta::assert_snapshot!(folder.refusal(Growth::Hyperclone { factor: 2 }), @r#"`hyperclone` works on LLaMA-style models only, and this is none (config.json: `model_type` is "qwen3", but this decoder is "llama", "mistral" or "qwen2"); operators that copy layers work"#);
    insta::assert_snapshot!(folder.refusal(Growth::RandomDepth { depth: Depth::Layers(4), seed: 0 }), @r#"`random-depth` works on LLaMA-style models only, and this is none (config.json: `model_type` is "qwen3", but this decoder is "llama", "mistral" or "qwen2"); operators that copy layers work"#);
}

#[test]
fn layers_that_cannot_be_told_are_refused() {
    let refusal = |config: &Value, tensors: &[(String, Dtype, Vec<usize>)]| {
        Folder::new(config, tensors).refusal(Growth::Stack { factor: 2 })
    };
    let tensors = decoder(2, &plain());
    let mut two_stacks = tensors.clone();
    two_stacks.push((
        "model.vision_tower.encoder.layers.0.mlp.fc1.weight".to_owned(),
        Dtype::F32,
        vec![4, 4],
    ));
    insta::assert_snapshot!(refusal(&config("other", 2, json!({})), &two_stacks), @"tensors are in `model.layers.…` and in `model.vision_tower.encoder.layers.…`: it can't be told which of these layers are to be grown");
    insta::assert_snapshot!(refusal(&config("other", 3, json!({})), &tensors), @"the tensors are of 2 layers by their names; config.json has num_hidden_layers = 3");
    let gap: Vec<_> =
        decoder(3, &plain()).into_iter().filter(|(name, ..)| layer_index(name) != Some(1)).collect();
    insta::assert_snapshot!(refusal(&config("other", 2, json!({})), &gap), @"the tensors are of 3 layers by their names; config.json has num_hidden_layers = 2");
    let mut other_names = tensors.clone();
    for (name, ..) in &mut other_names {
        *name = name.replace("model.layers.", "transformer.h.");
    }
    insta::assert_snapshot!(refusal(&config("other", 2, json!({})), &other_names), @"the tensors are of 0 layers by their names; config.json has num_hidden_layers = 2");
    let further = config("deepseek_v3", 1, json!({ "num_nextn_predict_layers": 1 }));
    insta::assert_snapshot!(refusal(&further, &tensors), @"config.json: `num_nextn_predict_layers` is 1: layers for further tokens are numbered after the decoder's; remove their tensors and set it to 0");
    insta::assert_snapshot!(refusal(&json!({ "model_type": "gemma3", "text_config": { "num_hidden_layers": 2 } }), &tensors), @"config.json: `text_config`: the decoder is part of a larger model; extract it first");
    insta::assert_snapshot!(refusal(&json!({ "model_type": "xglm", "num_layers": 2 }), &tensors), @"config.json: `num_hidden_layers` is missing, expected the number of layers; only decoders can be grown whose tensors are named `….layers.0.…` and on");
    let nested = config("other", 2, json!({ "text_config": { "num_hidden_layers": 2 } }));
    insta::assert_snapshot!(refusal(&nested, &tensors), @"config.json: `text_config`: the decoder is part of a larger model; extract it first");
}

#[test]
fn layers_of_a_kind_that_the_grown_file_cannot_give_them_are_refused() {
    let folder = Folder::new(&config("deepseek_v3", 3, json!({ "first_k_dense_replace": 1 })), &odd_layers());
    insta::assert_snapshot!(folder.refusal(Growth::Stack { factor: 2 }), @"config.json: `first_k_dense_replace` is 1: the layers of this kind would not all be at the bottom of the grown model");
    insta::assert_snapshot!(folder.refusal(Growth::Layers { layers: vec![0, 3, 7] }), @"layers [3, 7] are not in the source, which has layers 0 to 2");
    insta::assert_snapshot!(folder.refusal(Growth::Pattern { pattern: "12-34".into() }), @"pattern `12-34`: position 5: the source has layers 1 to 3, not 4");
}
