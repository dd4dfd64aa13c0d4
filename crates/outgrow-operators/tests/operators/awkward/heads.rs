//! Heads that config.json ties to the embedding: one of other values is never lost, and one of the same is the
//! embedding.

use std::fs;

use outgrow_checkpoint::{Checkpoint, HostTensor, NamedTensors, WeightFolder};
use outgrow_operators::{FolderPlan, Growth, GrowthPlan, Width, grow_tensors, recipe::Passthrough};
use serde_json::json;

use crate::awkward::{EMBEDDING, Folder, HEAD, STACK, config_of, head, other, tied};

#[test]
fn a_head_of_its_own_is_grown_and_every_reader_is_told() {
    let (config, json, mut tensors) = tied();
    tensors.insert(HEAD.to_owned(), head(&config));
    let folder = Folder::new(&json, &tensors);
    let wide = Width { hidden_size: Some(16), num_attention_heads: Some(8), ..Width::default() };
    for growth in [STACK, Growth::Split { width: wide, share: None }] {
        let grown = folder.grow(&growth);
        assert_eq!(config_of(&grown)["tie_word_embeddings"], false);
        let opened = Checkpoint::open(&grown).unwrap();
        assert!(!opened.config().tie_word_embeddings);
        assert_eq!(opened.notes(), []);
        let untied = config.with(|fields| fields.tie_word_embeddings = false).unwrap();
        let plan = GrowthPlan::new(&untied, [&growth]).unwrap();
        let in_memory = grow_tensors(&plan, &tensors).unwrap();
        assert_eq!(opened.to_named_tensors().unwrap(), in_memory);
    }
    // The source is as it was.
    assert_eq!(config_of(&folder.source())["tie_word_embeddings"], true);
    let text = "{merge_method: passthrough, slices: [{sources: [{model: a, layer_range: [0, 2]}]}, {sources: [{model: a, layer_range: [1, 2]}]}]}";
    let source = folder.open();
    let plan = FolderPlan::of_passthrough(&source, &Passthrough::parse(text).unwrap()).unwrap();
    let grown = folder.carry_out(&plan);
    assert_eq!(config_of(&grown)["tie_word_embeddings"], false);
    assert_eq!(Checkpoint::open(&grown).unwrap().to_named_tensors().unwrap()[HEAD], tensors[HEAD]);
}

#[test]
fn a_head_that_is_the_embedding_is_not_grown() {
    let (_, json, plain) = tied();
    let expected = fs::read(Folder::new(&json, &plain).grow(&STACK).join("model.safetensors")).unwrap();
    let with_head = {
        let mut tensors = plain.clone();
        tensors.insert(HEAD.to_owned(), plain[EMBEDDING].clone());
        tensors
    };
    let only_head = {
        let mut tensors = with_head.clone();
        tensors.remove(EMBEDDING);
        tensors
    };
    let base = plain.iter().map(|(name, one)| (name.trim_start_matches("model.").to_owned(), one.clone()));
    let wrapped = plain.iter().map(|(name, one)| (format!("_orig_mod.{name}"), one.clone()));
    for tensors in [with_head, only_head, base.collect(), wrapped.collect()] {
        let folder = Folder::new(&json, &tensors);
        let grown = folder.grow(&STACK);
        assert_eq!(fs::read(grown.join("model.safetensors")).unwrap(), expected);
        assert_eq!(config_of(&grown)["tie_word_embeddings"], true);
    }
}

#[test]
fn in_another_architecture_a_head_of_its_own_is_told_by_its_values() {
    for (embedding, head) in [
        ("decoder.embed_tokens.weight", HEAD),
        ("gpt.embed_in.weight", "embed_out.weight"),
        ("wte.weight", HEAD),
    ] {
        let folder = other(embedding, head, 2.0, json!({}));
        assert!(
            folder.notes().contains(&format!("`{head}` has other values than the embedding")),
            "{}",
            folder.notes()
        );
        let grown = folder.grow(&STACK);
        assert_eq!(config_of(&grown)["tie_word_embeddings"], false);
        let grown = WeightFolder::open(&grown).unwrap();
        let source = folder.open();
        assert_eq!(grown.bytes(head).unwrap(), source.weights().bytes(head).unwrap());
        assert_eq!(source.num_parameters(), 3 * 24 + 2 * (16 + 2));

        let folder = other(embedding, head, 1.0, json!({}));
        assert_eq!(folder.notes(), "");
        assert_eq!(config_of(&folder.grow(&STACK))["tie_word_embeddings"], true);
        // The embedding once more is no parameter.
        assert_eq!(folder.open().num_parameters(), 2 * 24 + 2 * (16 + 2));
        let source = folder.open();
        let plan = FolderPlan::new(&source, &[STACK]).unwrap();
        assert_eq!((plan.num_parameters(), plan.tensors().len()), (2 * 24 + 4 * (16 + 2), 11));
    }
    // Some architectures tie without a word.
    for (model_type, is_tied) in [("gemma2", true), ("some_decoder", false)] {
        let folder = other(
            "decoder.embed_tokens.weight",
            HEAD,
            2.0,
            json!({ "tie_word_embeddings": null, "model_type": model_type, "layer_types": ["x", "y"] }),
        );
        assert_eq!(!folder.notes().is_empty(), is_tied, "{model_type}");
        let expected = if is_tied { json!(false) } else { json!(null) };
        assert_eq!(config_of(&folder.grow(&STACK))["tie_word_embeddings"], expected);
    }
    // Not said to be tied, nothing is to be said.
    let folder = other("wte.weight", HEAD, 2.0, json!({ "tie_word_embeddings": false }));
    assert_eq!(
        (folder.notes(), config_of(&folder.grow(&STACK))["tie_word_embeddings"].clone()),
        (String::new(), json!(false))
    );
}

#[test]
fn a_qwen2_with_a_head_of_its_own_is_widened_with_it() {
    let (config, mut json, mut tensors) = tied();
    json["model_type"] = json!("qwen2");
    json["architectures"] = json!(["Qwen2ForCausalLM"]);
    json.as_object_mut().unwrap().shift_remove("attention_bias");
    for layer in 0..2 {
        for (projection, heads) in [
            ("q", config.num_attention_heads),
            ("k", config.num_key_value_heads),
            ("v", config.num_key_value_heads),
        ] {
            let shape = vec![heads * config.head_dim];
            let bias = HostTensor { values: vec![0.5; shape[0]], shape };
            tensors.insert(format!("model.layers.{layer}.self_attn.{projection}_proj.bias"), bias);
        }
    }
    tensors.insert("model.extra".to_owned(), HostTensor { shape: vec![1], values: vec![1.0] });
    let clone = Growth::Hyperclone { factor: 2 };
    let widened = |tensors: &NamedTensors| {
        let folder = Folder::new(&json, tensors);
        let grown = folder.grow(&clone);
        let head = WeightFolder::open(&grown).unwrap().tensor(HEAD).is_some();
        let source = folder.open();
        let notes = source.notes().iter().map(ToString::to_string);
        let notes = notes.filter(|note| note.starts_with("passed over")).collect::<Vec<_>>().join("\n");
        (config_of(&grown)["tie_word_embeddings"].clone(), head, notes)
    };
    let note = "passed over: `model.extra`, which config.json has no use for".to_owned();
    assert_eq!(widened(&tensors), (json!(true), false, note.clone()));
    let mut same = tensors.clone();
    same.insert(HEAD.to_owned(), tensors[EMBEDDING].clone());
    assert_eq!(widened(&same), (json!(true), false, note.clone()));
    // Under the head's name alone, it is the embedding.
    let embedding = same.remove(EMBEDDING).unwrap();
    assert_eq!(widened(&same), (json!(true), false, note.clone()));
    same.insert(EMBEDDING.to_owned(), embedding);
    same.insert(HEAD.to_owned(), head(&config));
    assert_eq!(widened(&same), (json!(false), true, note));
}
