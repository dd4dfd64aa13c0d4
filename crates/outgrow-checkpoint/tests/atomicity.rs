//! Nothing half-written has a name that anybody would read.

use std::{fs, path::Path};

use outgrow_checkpoint::{
    CheckpointError, Dtype, PendingFolder, ShardLayout, ShardWriter, TensorSpec, write_file_atomically,
};
use tempfile::TempDir;

#[test]
fn a_folder_appears_when_it_is_committed_and_not_before() {
    let dir = TempDir::new().unwrap();
    let target = dir.path().join("target");
    let pending = PendingFolder::create(&target).unwrap();
    fs::create_dir(pending.path().join("inner")).unwrap();
    fs::write(pending.path().join("inner/file"), "content").unwrap();
    assert!(!target.exists());
    pending.commit().unwrap();
    assert_eq!(fs::read_to_string(target.join("inner/file")).unwrap(), "content");
    assert_eq!(entries(dir.path()), 1);
}

#[test]
fn an_abandoned_folder_leaves_nothing_not_even_the_parents_it_made() {
    let dir = TempDir::new().unwrap();
    let pending = PendingFolder::create(&dir.path().join("made/for/target")).unwrap();
    fs::write(pending.path().join("file"), "content").unwrap();
    drop(pending);
    assert_eq!(entries(dir.path()), 0);
}

#[test]
fn parents_that_were_there_stay() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("there")).unwrap();
    drop(PendingFolder::create(&dir.path().join("there/target")).unwrap());
    assert_eq!(entries(dir.path()), 1);
    PendingFolder::create(&dir.path().join("made/target")).unwrap().commit().unwrap();
    assert!(dir.path().join("made/target").is_dir());
}

#[test]
fn a_target_that_appears_meanwhile_is_not_replaced() {
    let dir = TempDir::new().unwrap();
    let target = dir.path().join("target");
    let pending = PendingFolder::create(&target).unwrap();
    fs::create_dir(&target).unwrap();
    assert!(matches!(pending.commit(), Err(CheckpointError::TargetExists { .. })));
    assert_eq!(entries(dir.path()), 1);
    assert_eq!(entries(&target), 0);
}

#[test]
fn a_file_is_replaced_whole() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("file");
    write_file_atomically(&path, b"old").unwrap();
    write_file_atomically(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(entries(dir.path()), 1);
    let missing = write_file_atomically(&dir.path().join("no/file"), b"new").unwrap_err();
    assert!(missing.to_string().ends_with("no: no such folder"), "{missing}");
}

#[test]
fn a_file_that_cannot_take_its_name_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("taken/inner")).unwrap();
    write_file_atomically(&dir.path().join("taken"), b"new").unwrap_err();
    assert_eq!(entries(dir.path()), 1);
}

#[cfg(unix)]
#[test]
fn what_is_written_is_as_readable_as_any_other_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
    fs::write(dir.path().join("plain"), "").unwrap();
    fs::create_dir(dir.path().join("plain-folder")).unwrap();
    write_file_atomically(&dir.path().join("file"), b"").unwrap();
    PendingFolder::create(&dir.path().join("folder")).unwrap().commit().unwrap();
    assert_eq!(mode("file"), mode("plain"));
    assert_eq!(mode("folder"), mode("plain-folder"));
}

#[test]
fn a_tensor_is_written_once_with_its_size_and_none_is_forgotten() {
    let dir = TempDir::new().unwrap();
    let spec = |name: &str| TensorSpec { name: name.to_owned(), dtype: Dtype::BF16, shape: vec![3] };
    let layout = ShardLayout::new(vec![spec("a"), spec("b")], 100);
    let mut writer = ShardWriter::create(dir.path(), &layout).unwrap();
    let message = |result: Result<(), CheckpointError>| {
        result.unwrap_err().to_string().replace(&dir.path().display().to_string(), "DIR")
    };
    writer.write("a", &[0; 6]).unwrap();
    insta::assert_snapshot!(message(writer.write("a", &[0; 6])), @"DIR: `a` has no place left in the layout");
    insta::assert_snapshot!(message(writer.finish()), @"DIR: `b` was not written");
    let mut writer = ShardWriter::create(dir.path(), &layout).unwrap();
    insta::assert_snapshot!(message(writer.write("b", &[0; 4])), @"DIR: `b` has 4 bytes; its place takes 6");
}

/// Linux has a file that is always full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_to_be_full() {
    let dir = TempDir::new().unwrap();
    std::os::unix::fs::symlink("/dev/full", dir.path().join("model.safetensors")).unwrap();
    let spec = TensorSpec { name: "a".to_owned(), dtype: Dtype::F32, shape: vec![3] };
    let error = ShardWriter::create(dir.path(), &ShardLayout::new(vec![spec], 100)).unwrap_err();
    assert!(matches!(error, CheckpointError::DiskFull { .. }));
    let message = error.to_string().replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(message, @"DIR/model.safetensors: cannot write: no space left on that disk; free some, or write to another");
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}
