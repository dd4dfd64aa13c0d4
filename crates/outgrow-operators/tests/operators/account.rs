//! What `--plan` prints of a growth: layers, tensors, bytes and shards, and nothing on disk.

use std::{fs, path::Path};

use outgrow_checkpoint::{LlamaConfig, LlamaFields, write_tensors};
use outgrow_operators::{
    Depth, FolderGrowth, FolderPlan, Growth, GrowthError, Mix, Moments, Placement, Source, Width,
    folder::Plannable, recipe::Passthrough,
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::{
    folder::{Folder, names_in},
    models::{model, numbered},
};

#[test]
fn the_account_of_a_growth_says_what_will_be_there() {
    let source = Folder::new(3, |_| {});
    fs::write(source.folder.join("tokenizer.json"), "{}").unwrap();
    let account = |growth: &Growth, shard_size_bytes| {
        account_of(&source.open(), std::slice::from_ref(growth), shard_size_bytes).unwrap()
    };
    insta::assert_snapshot!(account(&Growth::Stack { factor: 4 }, 4000), @"
    layers       3 → 12
    made of      0-2 ×4 (8 of 11 neighbours kept)
    function     not preserved
    parameters   1,688 → 6,152
    tensors      111, all copied byte for byte
    bytes        12,304
    shards       4
                 model-00001-of-00004.safetensors  3,968 bytes
                 model-00002-of-00004.safetensors  3,968 bytes
                 model-00003-of-00004.safetensors  3,968 bytes
                 model-00004-of-00004.safetensors  400 bytes
    memory       about 10 MB
    comes along  tokenizer.json
    ");
    insta::assert_snapshot!(account(&Growth::Layers { layers: vec![0, 1, 1, 2] }, 1), @"
    layers       3 → 4
    made of      0, 1 ×2, 2 (2 of 3 neighbours kept)
    function     not preserved
    parameters   1,688 → 2,184
    tensors      39, all copied byte for byte
    bytes        4,368
    shards       39
                 model-00001-of-00039.safetensors  192 bytes
                 …
                 model-00039-of-00039.safetensors  192 bytes
    memory       about 10 MB
    comes along  tokenizer.json
    ");
    assert_eq!(names_in(source.dir.path()), ["source"]);
}

#[test]
fn the_account_of_a_growth_that_computes_says_how() {
    let source = Folder::new(3, |_| {});
    let account = |growth: &Growth, shard_size_bytes| {
        account_of(&source.open(), std::slice::from_ref(growth), shard_size_bytes).unwrap()
    };
    let wide = Width { hidden_size: Some(16), num_attention_heads: Some(8), ..Width::default() };
    insta::assert_snapshot!(account(&Growth::Split { width: wide, share: Some(0.3) }, 1 << 30), @"
    layers       3 → 3
    made of      0-2
    width        hidden_size 8 → 16, heads 4 → 8, head_dim 2
    function     preserved
    parameters   1,688 → 4,144
    tensors      30: 0 copied byte for byte, 30 computed
                 lm_head.weight ×1  [12, 16] 16 columns, scaled
                 model.embed_tokens.weight ×1  [12, 16] 16 columns
                 model.norm.weight ×1  [16] 16 rows
                 input_layernorm.weight ×3  [16] 16 rows
                 mlp.down_proj.weight ×3  [16, 12] 16 rows
                 mlp.gate_proj.weight ×3  [12, 16] 16 columns, scaled
                 mlp.up_proj.weight ×3  [12, 16] 16 columns, scaled
                 post_attention_layernorm.weight ×3  [16] 16 rows
                 self_attn.k_proj.weight ×3  [4, 16] 16 columns, scaled
                 self_attn.o_proj.weight ×3  [16, 16] 16 rows; 16 columns, scaled
                 self_attn.q_proj.weight ×3  [16, 16] 16 rows; 16 columns, scaled
                 self_attn.v_proj.weight ×3  [4, 16] 16 columns, scaled
    bytes        8,288
    shards       1
                 model.safetensors  8,288 bytes
    memory       about 10 MB
    ");
    let zero = Growth::ZeroDepth { depth: Depth::Layers(6), placement: Placement::Interleaved };
    insta::assert_snapshot!(account(&zero, 1 << 30), @"
    layers       3 → 6
    made of      0-2; layers 1, 3, 5 are 0-2 with zero outputs
    function     preserved
    parameters   1,688 → 3,176
    tensors      57: 51 copied byte for byte, 6 computed
                 mlp.down_proj.weight ×3  [8, 12] 0 everywhere
                 self_attn.o_proj.weight ×3  [8, 8] 0 everywhere
    bytes        6,352
    shards       1
                 model.safetensors  6,352 bytes
    memory       about 10 MB
    ");
    let learned = Growth::Learned { depth: Some(Depth::Layers(4)), width: wide, matrices: None, seed: 1 };
    let noise = Growth::Noise { amount: 0.2, mix: Mix::Linear, seed: 1 };
    let account = account_of(
        &source.open(),
        &[Growth::RandomDepth { depth: Depth::Layers(4), seed: 1 }, noise],
        1 << 30,
    );
    insta::assert_snapshot!(account.unwrap(), @"
    layers       3 → 4
    made of      0-2; layers 3 are fresh
    function     not preserved
    mask         0 over layers 3
    parameters   1,688 → 2,184
    tensors      39: 7 copied byte for byte, 32 computed
                 lm_head.weight ×1  [12, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.2236)
                 model.embed_tokens.weight ×1  [12, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.2236)
                 input_layernorm.weight ×1  [8] 1 everywhere
                 mlp.down_proj.weight ×3  [8, 12] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.0884)
                 mlp.down_proj.weight ×1  [8, 12] 0.8 · (drawn with a standard deviation of 0.0722) + 0.2 · (drawn with a standard deviation of 0.0884)
                 mlp.gate_proj.weight ×3  [12, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.2236)
                 mlp.gate_proj.weight ×1  [12, 8] 0.8 · (drawn with a standard deviation of 0.2236) + 0.2 · (drawn with a standard deviation of 0.2236)
                 mlp.up_proj.weight ×3  [12, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.2236)
                 mlp.up_proj.weight ×1  [12, 8] 0.8 · (drawn with a standard deviation of 0.2236) + 0.2 · (drawn with a standard deviation of 0.2236)
                 post_attention_layernorm.weight ×1  [8] 1 everywhere
                 self_attn.k_proj.weight ×3  [4, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.2236)
                 self_attn.k_proj.weight ×1  [4, 8] 0.8 · (drawn with a standard deviation of 0.2236) + 0.2 · (drawn with a standard deviation of 0.2236)
                 self_attn.o_proj.weight ×3  [8, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.0884)
                 self_attn.o_proj.weight ×1  [8, 8] 0.8 · (drawn with a standard deviation of 0.0884) + 0.2 · (drawn with a standard deviation of 0.0884)
                 self_attn.q_proj.weight ×3  [8, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.2236)
                 self_attn.q_proj.weight ×1  [8, 8] 0.8 · (drawn with a standard deviation of 0.2236) + 0.2 · (drawn with a standard deviation of 0.2236)
                 self_attn.v_proj.weight ×3  [4, 8] 0.8 · (copied) + 0.2 · (drawn with a standard deviation of 0.2236)
                 self_attn.v_proj.weight ×1  [4, 8] 0.8 · (drawn with a standard deviation of 0.2236) + 0.2 · (drawn with a standard deviation of 0.2236)
    bytes        4,368
    shards       1
                 model.safetensors  4,368 bytes
    memory       about 10 MB
    ");
    insta::assert_snapshot!(account_of(&source.open(), &[learned], 1 << 30).unwrap_err(), @"matrices of a learned growth: 2 queries share a key in the source and 4 in the grown model; learned growth keeps that number");
    assert_eq!(names_in(source.dir.path()), ["source"]);
}

/// The index that a folder of the 70B class has, and no shards.
fn write_70b(folder: &Path) {
    let config = LlamaFields {
        vocab_size: 128_256,
        hidden_size: 8192,
        intermediate_size: 28_672,
        num_hidden_layers: 80,
        num_attention_heads: 64,
        num_key_value_heads: 8,
        head_dim: 128,
        ..model(80).into_fields()
    };
    let config = LlamaConfig::new(config).unwrap();
    fs::write(folder.join("config.json"), config.to_json().to_string()).unwrap();
    write_index(folder, config.tensors().into_iter().map(|tensor| tensor.name));
}

fn write_index(folder: &Path, names: impl Iterator<Item = String>) {
    let shard = |index: usize| format!("model-{:05}-of-00030.safetensors", index / 25 + 1);
    let map: Map<String, Value> =
        names.enumerate().map(|(index, name)| (name, shard(index).into())).collect();
    fs::write(folder.join("model.safetensors.index.json"), json!({ "weight_map": map }).to_string()).unwrap();
}

#[test]
fn config_and_index_are_enough_for_an_account_of_70_billion_parameters() {
    let dir = TempDir::new().unwrap();
    write_70b(dir.path());
    let outline = Plannable::open(dir.path()).unwrap();
    let account = |growth: Growth| {
        let plan = FolderPlan::new(&outline, &[growth]).unwrap();
        FolderGrowth::new(plan, Moments::Reset, 5_000_000_000).unwrap().account().at_speed(1.25e9).to_string()
    };
    insta::assert_snapshot!(account(Growth::Solar { drop_layers: 16 }), @"
    layers       80 → 128
    made of      0-63, 16-79 (126 of 127 neighbours kept)
    function     not preserved
    parameters   70,553,706,496 → 111,625,117,696
    tensors      1155, all copied byte for byte
    bytes        223,250,235,392
    shards       47
                 model-00001-of-00047.safetensors  4,584,439,808 bytes
                 …
                 model-00047-of-00047.safetensors  3,040,886,784 bytes
    memory       about 10 MB
    time         3 min of writing at 1,250 MB/s, measured
    not there    29 of the source's shards: shapes and types are those of config.json
    ");
    let wide = Width { hidden_size: Some(16_384), ..Width::default() };
    insta::assert_snapshot!(account(Growth::Split { width: wide, share: None }), @"
    layers       80 → 80
    made of      0-79
    width        hidden_size 8192 → 16384, still 64 heads, head_dim 128
    function     preserved
    parameters   70,553,706,496 → 141,107,412,992
    tensors      723: 0 copied byte for byte, 723 computed
                 lm_head.weight ×1  [128256, 16384] 16384 columns, scaled
                 model.embed_tokens.weight ×1  [128256, 16384] 16384 columns
                 model.norm.weight ×1  [16384] 16384 rows
                 input_layernorm.weight ×80  [16384] 16384 rows
                 mlp.down_proj.weight ×80  [16384, 28672] 16384 rows
                 mlp.gate_proj.weight ×80  [28672, 16384] 16384 columns, scaled
                 mlp.up_proj.weight ×80  [28672, 16384] 16384 columns, scaled
                 post_attention_layernorm.weight ×80  [16384] 16384 rows
                 self_attn.k_proj.weight ×80  [1024, 16384] 16384 columns, scaled
                 self_attn.o_proj.weight ×80  [16384, 8192] 16384 rows
                 self_attn.q_proj.weight ×80  [8192, 16384] 16384 columns, scaled
                 self_attn.v_proj.weight ×80  [1024, 16384] 16384 columns, scaled
    bytes        282,214,825,984
    shards       62
                 model-00001-of-00062.safetensors  4,806,737,920 bytes
                 …
                 model-00062-of-00062.safetensors  4,202,692,608 bytes
    memory       about 20 MB
    time         4 min of writing at 1,250 MB/s, measured
    not there    29 of the source's shards: shapes and types are those of config.json
    ");
}

#[test]
fn an_index_without_shards_must_be_of_a_llama_and_complete() {
    let dir = TempDir::new().unwrap();
    write_70b(dir.path());
    let refused = || {
        Plannable::open(dir.path()).unwrap_err().to_string().replace(&*dir.path().to_string_lossy(), "source")
    };
    let names = || model(1).tensors().into_iter().map(|tensor| tensor.name);
    write_index(dir.path(), names().skip(1).chain(["model.layers.0.self_attn.q_norm.weight".to_owned()]));
    fs::write(dir.path().join("config.json"), model(1).to_json().to_string()).unwrap();
    insta::assert_snapshot!(refused(), @"source/model.safetensors.index.json: `model.embed_tokens.weight` is not listed; `model.layers.0.self_attn.q_norm.weight` is no tensor of the model that config.json describes");
    let mut json = model(1).to_json();
    json["model_type"] = "olmo2".into();
    fs::write(dir.path().join("config.json"), json.to_string()).unwrap();
    insta::assert_snapshot!(refused(), @r#"source: 1 of the shards that the index names not there, and without them shapes are known of LLaMA-style models only (config.json: `model_type` is "olmo2", but this decoder is "llama", "mistral" or "qwen2")"#);
}

#[test]
fn a_folder_with_all_its_shards_has_no_outline() {
    let source = Folder::new(2, |_| {});
    assert!(matches!(Plannable::open(&source.folder), Ok(Plannable::Opened(_))));
}

#[test]
fn the_account_says_what_moments_time_and_memory_are_for() {
    let source = Folder::new(2, |_| {});
    let tensors = numbered(&model(2));
    let moments = tensors.into_iter().flat_map(|(name, tensor)| {
        [format!("{name}.exp_avg"), format!("{name}.exp_avg_sq")].map(|name| (name, tensor.clone()))
    });
    write_tensors(&source.folder.join("optimizer.safetensors"), &moments.collect()).unwrap();
    let opened = source.open();
    let account = |growth: Growth, moments| {
        let plan = FolderPlan::new(&opened, &[growth])?;
        Ok::<_, GrowthError>(FolderGrowth::new(plan, moments, 1 << 30)?.account().at_speed(1e5).to_string())
    };
    insta::assert_snapshot!(account(Growth::Stack { factor: 2 }, Moments::KeepOld).unwrap(), @"
    layers       2 → 4
    made of      0-1 ×2 (2 of 3 neighbours kept)
    function     not preserved
    parameters   1,192 → 2,184
    tensors      39, all copied byte for byte
    bytes        4,368
    shards       1
                 model.safetensors  4,368 bytes
    moments      keep-old: 78 tensors, 17,472 bytes in 1 file
    memory       about 10 MB
    time         0.2 s of writing at 1 MB/s, measured
    ");
    let deeper =
        Growth::Learned { depth: Some(Depth::Layers(3)), width: Width::default(), matrices: None, seed: 1 };
    insta::assert_snapshot!(account(deeper, Moments::Copy).unwrap(), @"
    layers       2 → 3
    made of      0-1, 0 (1 of 2 neighbours kept)
    function     not preserved
    parameters   1,192 → 1,688
    tensors      30, all copied byte for byte
    bytes        3,376
    shards       1
                 model.safetensors  3,376 bytes
    moments      copy: 60 tensors, 13,504 bytes in 1 file
    memory       about 10 MB
    time         0.2 s of writing at 1 MB/s, measured
    ");
    fs::remove_file(source.folder.join("optimizer.safetensors")).unwrap();
    let missing = account(Growth::Stack { factor: 2 }, Moments::Copy).unwrap_err().to_string();
    assert!(missing.contains("no optimizer.safetensors"), "{missing}");
}

#[test]
fn the_account_for_programs_has_the_numbers_of_that_for_people() {
    let source = Folder::new(2, |_| {});
    let opened = source.open();
    let plan = FolderPlan::new(&opened, &[Growth::Stack { factor: 2 }]).unwrap();
    let growth = FolderGrowth::new(plan, Moments::Reset, 1 << 30).unwrap();
    let mut json = growth.account().at_speed(4368.0).to_json();
    assert_eq!(json["config"]["num_hidden_layers"], 4);
    for known_to_the_system in ["config", "memory_bytes", "side_files"] {
        json.as_object_mut().unwrap().shift_remove(known_to_the_system).unwrap();
    }
    insta::assert_snapshot!(json.to_string(), @r#"{"format":1,"source_layers":2,"layers":4,"made_of":"0-1 ×2 (2 of 3 neighbours kept)","width":null,"function":"not preserved","mask":null,"source_parameters":1192,"parameters":2184,"tensors":39,"copied_tensors":39,"bytes":4368,"shards":[{"file":"model.safetensors","bytes":4368}],"moments":null,"bytes_per_second":4368.0,"seconds":1.0,"missing_shards":0}"#);
}

fn account_of(source: &Source, growths: &[Growth], shard_size_bytes: u64) -> Result<String, GrowthError> {
    let plan = FolderPlan::new(source, growths)?;
    Ok(FolderGrowth::new(plan, Moments::Reset, shard_size_bytes)?.account().to_string())
}

#[test]
fn a_copy_in_another_type_is_not_called_one_of_bytes() {
    let source = Folder::new(1, |_| {});
    let opened = source.open();
    let account = |dtype: &str| {
        let recipe = format!(
            "slices:\n- sources:\n  - model: a\n    layer_range: [0, 1]\nmerge_method: passthrough\n{dtype}\n"
        );
        let plan = FolderPlan::of_passthrough(&opened, &Passthrough::parse(&recipe).unwrap()).unwrap();
        let growth = FolderGrowth::new(plan, Moments::Reset, 1 << 30).unwrap();
        growth
            .account()
            .to_string()
            .lines()
            .filter(|line| line.contains("copied"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(account("dtype: bfloat16"), "tensors      12, all copied byte for byte");
    let converted = account("dtype: float32");
    assert!(converted.starts_with("tensors      12: 0 copied byte for byte, 12 computed"), "{converted}");
    assert!(converted.contains("self_attn.q_proj.weight ×1  [8, 8] copied, in another type"), "{converted}");
}
