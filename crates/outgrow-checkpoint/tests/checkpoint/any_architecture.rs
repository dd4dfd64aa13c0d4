//! Folders that hold other decoders than LLaMA: opened by their names and bytes alone.

use std::{fs, path::Path};

use outgrow_checkpoint::{
    Checkpoint, CheckpointError, Dtype, LlamaConfig, TensorSpec, WeightFolder,
    folder::INDEX_FILE,
    shards::{IndexListing, ShardLayout, ShardWriter},
    tensor_names::layer_index,
};
use serde_json::json;
use tempfile::TempDir;

/// A mixture of experts with norms of queries and a bias; no decoder of ours.
fn write_other(folder: &Path, shard_size_bytes: u64) -> Vec<TensorSpec> {
    let spec = |name: &str, dtype: Dtype, shape: &[usize]| TensorSpec {
        name: name.to_owned(),
        dtype: dtype.into(),
        shape: shape.to_vec(),
    };
    let mut specs = vec![
        spec("lm_head.weight", Dtype::Bf16, &[6, 4]),
        spec("model.embed_tokens.weight", Dtype::Bf16, &[6, 4]),
        spec("model.norm.weight", Dtype::F32, &[4]),
        spec("model.layers.0.self_attn.rotary_emb.inv_freq", Dtype::F32, &[2]),
    ];
    for layer in (0..11).rev() {
        specs.push(spec(&format!("model.layers.{layer}.self_attn.q_norm.weight"), Dtype::F16, &[4]));
        specs.push(spec(
            &format!("model.layers.{layer}.mlp.experts.10.up_proj.weight"),
            Dtype::Bf16,
            &[3, 4],
        ));
        specs.push(spec(&format!("model.layers.{layer}.mlp.experts.9.up_proj.weight"), Dtype::Bf16, &[3, 4]));
    }
    let mut writer = ShardWriter::create(folder, &ShardLayout::new(specs.clone(), shard_size_bytes)).unwrap();
    for (index, spec) in specs.iter().enumerate() {
        writer.write(&spec.name, &vec![index as u8; spec.size_bytes() as usize]).unwrap();
    }
    writer.finish().unwrap();
    let config = json!({ "model_type": "other_moe", "num_hidden_layers": 11, "layer_types": ["x"] });
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    specs
}

#[test]
fn a_folder_of_any_architecture_opens_in_an_order_of_its_names() {
    let folder = TempDir::new().unwrap();
    for shard_size_bytes in [1 << 20, 50] {
        let specs = write_other(folder.path(), shard_size_bytes);
        let opened = WeightFolder::open(folder.path()).unwrap();
        assert_eq!(opened.raw_config()["model_type"], "other_moe");
        assert_eq!(opened.folder(), folder.path());
        let names: Vec<&str> = opened.tensors().iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names.len(), specs.len());
        insta::allow_duplicates! {
            insta::assert_snapshot!(names[..5].join("\n"), @r"
            model.embed_tokens.weight
            model.layers.0.mlp.experts.9.up_proj.weight
            model.layers.0.mlp.experts.10.up_proj.weight
            model.layers.0.self_attn.q_norm.weight
            model.layers.0.self_attn.rotary_emb.inv_freq
            ");
        }
        let layers: Vec<usize> = names.iter().filter_map(|name| layer_index(name)).collect();
        assert!(layers.is_sorted());
        assert_eq!(names[35..], ["lm_head.weight", "model.norm.weight"]);
        for (index, spec) in specs.iter().enumerate() {
            let stored = opened.tensor(&spec.name).unwrap();
            assert_eq!((stored.dtype, &stored.shape), (spec.dtype, &spec.shape));
            assert_eq!(opened.bytes(&spec.name).unwrap(), vec![index as u8; spec.size_bytes() as usize]);
        }
        fs::remove_file(folder.path().join("model.safetensors")).ok();
    }
}

#[test]
fn a_piece_of_a_tensor_is_read_into_a_buffer() {
    let folder = TempDir::new().unwrap();
    write_other(folder.path(), 50);
    let opened = WeightFolder::open(folder.path()).unwrap();
    let name = "model.embed_tokens.weight";
    let whole = opened.bytes(name).unwrap();
    for (start, length) in [(0, 48), (5, 7), (48, 0)] {
        let mut piece = vec![0xff; length];
        opened.read_into(name, start, &mut piece).unwrap();
        assert_eq!(piece, &whole[start as usize..][..length]);
    }
    let refusal = |start, length: usize| {
        let error = opened.read_into(name, start, &mut vec![0; length]).unwrap_err();
        error.to_string().replace(&folder.path().display().to_string(), "DIR")
    };
    insta::assert_snapshot!(refusal(40, 9), @"DIR: `model.embed_tokens.weight` has 48 bytes; 9 from byte 40 on reach beyond it");
    insta::assert_snapshot!(refusal(u64::MAX, 9), @"DIR: `model.embed_tokens.weight` has 48 bytes; 9 from byte 18446744073709551615 on reach beyond it");
    assert!(matches!(opened.bytes("none"), Err(CheckpointError::Tensors { .. })));
}

#[test]
fn only_a_llama_becomes_a_checkpoint() {
    let folder = TempDir::new().unwrap();
    write_other(folder.path(), 1 << 20);
    let error = Checkpoint::from_weights(WeightFolder::open(folder.path()).unwrap()).unwrap_err();
    assert!(matches!(error, CheckpointError::Config { .. }), "{error}");
}

#[test]
fn an_index_alone_tells_the_names() {
    let folder = TempDir::new().unwrap();
    let specs = write_other(folder.path(), 50);
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            fs::remove_file(path).unwrap();
        }
    }
    let listing = IndexListing::read(folder.path()).unwrap().unwrap();
    assert_eq!(listing.names.len(), specs.len());
    assert!(listing.names.contains("model.layers.10.self_attn.q_norm.weight"));
    assert_eq!((&listing.missing, &listing.notes[..]), (&listing.names, &[][..]));
    fs::remove_file(folder.path().join(INDEX_FILE)).unwrap();
    assert_eq!(IndexListing::read(folder.path()).unwrap(), None);
}

#[test]
fn a_checkpoint_opened_in_two_steps_is_the_same() {
    let folder = TempDir::new().unwrap();
    let config = json!({
        "model_type": "llama", "vocab_size": 6, "hidden_size": 4, "intermediate_size": 4, "num_hidden_layers": 2,
        "num_attention_heads": 2, "tie_word_embeddings": true,
    });
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let config = LlamaConfig::read(folder.path()).unwrap();
    let spec = |name: String, shape| TensorSpec { name, dtype: Dtype::F32.into(), shape };
    let mut specs: Vec<_> = config.tensors().into_iter().map(|one| spec(one.name, one.shape)).collect();
    specs.push(spec("lm_head.weight".to_owned(), vec![6, 4]));
    let mut writer = ShardWriter::create(folder.path(), &ShardLayout::new(specs.clone(), 1 << 20)).unwrap();
    for spec in &specs {
        writer.write(&spec.name, &vec![0; spec.size_bytes() as usize]).unwrap();
    }
    writer.finish().unwrap();
    let opened = Checkpoint::open(folder.path()).unwrap();
    let again = Checkpoint::from_weights(WeightFolder::open(folder.path()).unwrap()).unwrap();
    assert_eq!(again.config(), opened.config());
    assert!(again.tensors().eq(opened.tensors()));
    // The head beside a tied embedding is in the folder, but not in the model.
    assert!(opened.weights().tensor("lm_head.weight").is_some());
    assert!(opened.tensor("lm_head.weight").is_none());
    assert!(opened.bytes("lm_head.weight").is_err());
}
