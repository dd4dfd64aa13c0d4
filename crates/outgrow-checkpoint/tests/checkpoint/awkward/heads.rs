//! Heads beside a tied embedding, and matrices that are both.

use std::fs;

use outgrow_checkpoint::{
    Dtype, TensorSpec,
    dtype::encode_into,
    shards::{ShardLayout, ShardWriter},
    write_tensors,
};

use super::{EMBEDDING, Folder, HEAD, lines, tensor};
use crate::models::numbered;

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
