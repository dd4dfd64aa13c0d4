//! A folder whose process was killed is gone on with by the next that makes the same, and by no other.
#![cfg(target_os = "linux")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{
    Dtype, PendingFolder, TensorSpec,
    shards::{ShardLayout, ShardWriter, WrittenShards},
};
use tempfile::TempDir;

/// Larger than any process id of Linux.
const DEAD: u32 = u32::MAX;

#[test]
fn a_left_behind_folder_of_the_same_identity_is_taken_over() {
    let (dir, target) = scene();
    leave(dir.path(), 3, "mine");
    leave(dir.path(), 4, "another's");
    let pending = PendingFolder::resume(&target, "mine").unwrap();
    assert_eq!(names(dir.path()).len(), 1, "the other one is gone");
    assert_eq!(fs::read_to_string(pending.path().join("shard")).unwrap(), "finished by mine");
    let name = pending.path().file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name.starts_with(&format!(".target.{}-", std::process::id())), "{name}");
    assert!(!target.exists());
    pending.commit().unwrap();
    assert_eq!(names(&target), ["shard"], "what says whose it is doesn't become part of the result");
    assert_eq!(names(dir.path()), ["target"]);
}

#[test]
fn a_folder_of_another_identity_or_none_or_one_in_use_is_not_taken_over() {
    let (dir, target) = scene();
    leave(dir.path(), 0, "another's");
    let without = leave(dir.path(), 1, "mine");
    fs::remove_file(without.join(".identity")).unwrap();
    let in_use = leave(dir.path(), 2, "mine");
    let lock = fs::File::open(&in_use).unwrap();
    lock.try_lock().unwrap();
    let pending = PendingFolder::resume(&target, "mine").unwrap();
    assert_eq!(names(pending.path()), [".identity"]);
    assert_eq!(names(dir.path()).len(), 2);
    assert!(in_use.exists());
    // Two processes at once: neither takes the other's.
    let second = PendingFolder::resume(&target, "mine").unwrap();
    assert_ne!(second.path(), pending.path());
}

#[test]
fn an_error_in_a_folder_that_was_taken_over_leaves_nothing() {
    let (dir, target) = scene();
    leave(dir.path(), 0, "mine");
    drop(PendingFolder::resume(&target, "mine").unwrap());
    assert_eq!(names(dir.path()), Vec::<String>::new());
}

#[test]
fn only_what_is_named_stays() {
    let (dir, target) = scene();
    let pending = PendingFolder::resume(&target, "mine").unwrap();
    for name in ["shard", ".shard.unfinished", "config.json"] {
        fs::write(pending.path().join(name), "").unwrap();
    }
    fs::create_dir_all(pending.path().join("folder/inner")).unwrap();
    std::os::unix::fs::symlink(dir.path(), pending.path().join("link")).unwrap();
    pending.keep_only(&["shard", "link", "folder", "absent"].map(str::to_owned).into()).unwrap();
    assert_eq!(names(pending.path()), [".identity", "shard"]);
    assert!(dir.path().exists());
}

#[test]
fn shards_have_their_names_when_they_are_whole_and_are_not_written_again() {
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name);
    let layout = layout(&["a", "b", "c"]);
    let mut writer = ShardWriter::resume(dir.path(), &layout).unwrap();
    writer.write("b.1", &[1; 6]).unwrap();
    assert!(!path("model-00002-of-00003.safetensors").exists(), "one of two tensors is there");
    writer.write("b.0", &[2; 6]).unwrap();
    // The next shard waits for it.
    writer.write("a.0", &[3; 6]).unwrap();
    writer.write("a.1", &[4; 6]).unwrap();
    assert!(path("model-00002-of-00003.safetensors").exists());
    drop(writer);
    let unfinished = ".model-00003-of-00003.safetensors.unfinished";
    let finished = ["model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors"];
    assert_eq!(names(dir.path()), [unfinished, finished[0], finished[1]]);

    let before = fs::metadata(path(finished[1])).unwrap().modified().unwrap();
    let mut writer = ShardWriter::resume(dir.path(), &layout).unwrap();
    assert_eq!(
        ["a.0", "b.1", "c.0", "c.1", "d"].map(|name| writer.awaits(name)),
        [false, false, true, true, false]
    );
    assert!(writer.write("b.1", &[1; 6]).is_err());
    writer.write("c.1", &[5; 6]).unwrap();
    let mut tensor = writer.begin("c.0").unwrap();
    tensor.append(&[6; 6]).unwrap();
    tensor.finish().unwrap();
    let WrittenShards { count, reused, durable } = writer.finish().unwrap();
    assert_eq!((count, reused), (3, 2));
    let all: Vec<PathBuf> = layout.shards().iter().map(|shard| path(&shard.file_name)).collect();
    assert_eq!(durable, BTreeSet::from_iter(all));
    assert_eq!(fs::metadata(path(finished[1])).unwrap().modified().unwrap(), before);
    assert!(path("model.safetensors.index.json").exists() && !path(unfinished).exists());

    // Byte for byte what is written in one go.
    let whole = TempDir::new().unwrap();
    let mut writer = ShardWriter::create(whole.path(), &layout).unwrap();
    for (name, byte) in [("a.0", 3), ("a.1", 4), ("b.0", 2), ("b.1", 1), ("c.0", 6), ("c.1", 5)] {
        writer.write(name, &[byte; 6]).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(contents(dir.path()), contents(whole.path()));
}

#[test]
fn a_shard_of_another_length_or_header_is_written_anew() {
    let dir = TempDir::new().unwrap();
    let write_all = |layout: &ShardLayout| {
        let mut writer = ShardWriter::resume(dir.path(), layout).unwrap();
        for tensor in layout.shards().iter().flat_map(|shard| &shard.tensors) {
            if writer.awaits(&tensor.name) {
                writer.write(&tensor.name, &[7; 6]).unwrap();
            }
        }
        writer.finish().unwrap().reused
    };
    assert_eq!(write_all(&layout(&["a", "b"])), 0);
    assert_eq!(write_all(&layout(&["a", "x"])), 1, "the second file has other tensors");
    let first =
        fs::File::options().write(true).open(dir.path().join("model-00001-of-00002.safetensors")).unwrap();
    first.set_len(first.metadata().unwrap().len() - 1).unwrap();
    assert_eq!(write_all(&layout(&["a", "x"])), 1);
    assert_eq!(write_all(&layout(&["a", "x"])), 2);
}

fn scene() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let target = dir.path().join("target");
    (dir, target)
}

fn leave(beside: &Path, number: usize, identity: &str) -> PathBuf {
    let folder = beside.join(format!(".target.{DEAD}-{number}.partial"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join(".identity"), identity).unwrap();
    fs::write(folder.join("shard"), format!("finished by {identity}")).unwrap();
    folder
}

/// Shards of two tensors of six bytes.
fn layout(shards: &[&str]) -> ShardLayout {
    let specs = shards.iter().flat_map(|shard| [0, 1].map(|index| format!("{shard}.{index}")));
    let spec = |name| TensorSpec { name, dtype: Dtype::Bf16.into(), shape: vec![3] };
    ShardLayout::new(specs.map(spec).collect(), 12)
}

fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    names(folder).into_iter().map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
