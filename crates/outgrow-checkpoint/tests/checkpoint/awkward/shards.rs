//! Shards and indices that contradict each other, or of which one is missing.

use std::fs;

use outgrow_checkpoint::{read_tensors, write_tensors};
use serde_json::{Value, json};

use super::{Folder, HEAD, NORM, tensor};
use crate::models::numbered;

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
    let mut shard = read_tensors(&ghost.file("b.safetensors")).unwrap();
    shard.remove(NORM);
    write_tensors(&ghost.file("b.safetensors"), &shard).unwrap();
    insta::assert_snapshot!(ghost.refusal(), @"DIR/model: `model.norm.weight` is in b.safetensors by the index, and that does not hold it");
}

#[test]
fn a_tensor_in_two_shards_is_one_if_its_values_are_the_same() {
    let folder = Folder::new(false).indexed(|_| {});
    let mut shard = read_tensors(&folder.file("a.safetensors")).unwrap();
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
