//! Nothing half-written has a name that anybody would read.

use std::{fs, path::Path};

use outgrow_checkpoint::{
    CheckpointError, Dtype, PendingFolder, TensorSpec, WeightFolder,
    folder::refuse_target_within,
    shards::{ShardLayout, ShardWriter},
    write_file_atomically,
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

#[cfg(unix)]
#[test]
fn the_folder_that_is_read_takes_no_target() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir_all(at("source/inner")).unwrap();
    std::os::unix::fs::symlink(at("source/inner"), at("link")).unwrap();
    let answer = |target: &str| {
        let answer = refuse_target_within(&at("source"), &at(target));
        answer
            .err()
            .map_or_else(String::new, |error| error.to_string())
            .replace(&dir.path().display().to_string(), "DIR")
    };
    insta::assert_snapshot!(answer("link/../../source"), @"DIR/link/../../source: is the source itself; choose another target");
    insta::assert_snapshot!(answer("source/a/b"), @"DIR/source/a/b: is inside the source, DIR/source; choose a target beside it");
    insta::assert_snapshot!(answer("link/a"), @"DIR/link/a: is inside the source, DIR/source; choose a target beside it");
    for good in ["source-grown", "a/b/c", "source/../a", "link"] {
        assert_eq!(answer(good), "", "{good}");
    }
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
    let spec = |name: &str| TensorSpec { name: name.to_owned(), dtype: Dtype::Bf16.into(), shape: vec![3] };
    let layout = ShardLayout::new(vec![spec("a"), spec("b")], 100);
    let mut writer = ShardWriter::create(dir.path(), &layout).unwrap();
    let message = |result: Result<(), CheckpointError>| {
        result.unwrap_err().to_string().replace(&dir.path().display().to_string(), "DIR")
    };
    writer.write("a", &[0; 6]).unwrap();
    insta::assert_snapshot!(message(writer.write("a", &[0; 6])), @"DIR: `a` has no place left in the layout");
    insta::assert_snapshot!(message(writer.finish().map(|_| ())), @"DIR: `b` was not written");
    let mut writer = ShardWriter::create(dir.path(), &layout).unwrap();
    insta::assert_snapshot!(message(writer.write("b", &[0; 4])), @"DIR: `b` has 4 bytes; its place takes 6");
}

#[test]
fn a_tensor_may_be_written_in_pieces_between_others() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("config.json"), "{}").unwrap();
    let spec = |name: &str| TensorSpec { name: name.to_owned(), dtype: Dtype::Bf16.into(), shape: vec![3] };
    let layout = ShardLayout::new(vec![spec("a"), spec("b"), spec("c")], 12);
    let mut writer = ShardWriter::create(dir.path(), &layout).unwrap();
    let message = |result: Result<(), CheckpointError>| {
        result.unwrap_err().to_string().replace(&dir.path().display().to_string(), "DIR")
    };
    let mut tensor = writer.begin("b").unwrap();
    tensor.append(&[1, 2, 3, 4]).unwrap();
    insta::assert_snapshot!(message(tensor.append(&[5, 6, 7])), @"DIR: `b` has at least 7 bytes; its place takes 6");
    tensor.append(&[]).unwrap();
    tensor.append(&[5, 6]).unwrap();
    tensor.finish().unwrap();
    // One that is given up counts as not written, and may be begun again.
    writer.begin("a").unwrap().append(&[9, 9]).unwrap();
    insta::assert_snapshot!(message(writer.begin("b").map(|_| ())), @"DIR: `b` has no place left in the layout");
    writer.write("c", &[7; 6]).unwrap();
    let short = writer.begin("a").unwrap();
    insta::assert_snapshot!(message(short.finish()), @"DIR: `a` has 0 bytes; its place takes 6");

    let mut writer = ShardWriter::create(dir.path(), &layout).unwrap();
    for (name, bytes) in [("c", [3; 6]), ("a", [1; 6]), ("b", [2; 6])] {
        let mut tensor = writer.begin(name).unwrap();
        bytes.chunks(4).for_each(|piece| tensor.append(piece).unwrap());
        tensor.finish().unwrap();
    }
    writer.finish().unwrap();
    let opened = WeightFolder::open(dir.path()).unwrap();
    assert_eq!(["a", "b", "c"].map(|name| opened.bytes(name).unwrap()[5]), [1, 2, 3]);
}

#[test]
fn tensors_are_copied_from_and_to_more_files_than_are_kept_open() {
    let dir = TempDir::new().unwrap();
    let spec = |index: usize| TensorSpec {
        name: format!("t.{index}"),
        dtype: Dtype::F16.into(),
        shape: vec![index],
    };
    let layout = ShardLayout::new((1..60).map(spec).collect(), 1);
    let folder = |name: &str| {
        fs::create_dir(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("config.json"), "{}").unwrap();
        dir.path().join(name)
    };
    let (from, to) = (folder("from"), folder("to"));
    let mut writer = ShardWriter::create(&from, &layout).unwrap();
    (1..60).for_each(|index| writer.write(&format!("t.{index}"), &vec![index as u8; 2 * index]).unwrap());
    writer.finish().unwrap();
    let source = WeightFolder::open(&from).unwrap();
    let mut writer = ShardWriter::create(&to, &layout).unwrap();
    for index in (1..60).map(|index| index * 7 % 59 + 1) {
        let name = format!("t.{index}");
        writer.copy(&name, source.tensor(&name).unwrap()).unwrap();
    }
    writer.finish().unwrap();
    let target = WeightFolder::open(&to).unwrap();
    assert_eq!(target.tensors().len(), 59);
    for tensor in target.tensors() {
        assert_eq!(target.bytes(&tensor.name).unwrap(), source.bytes(&tensor.name).unwrap());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_dead_process_left_behind_is_removed_by_the_next_attempt_at_the_same_target() {
    let dir = TempDir::new().unwrap();
    let target = dir.path().join("target");
    // The largest process id that Linux gives is 2^22.
    let dead = u32::MAX;
    let (own, parent) = (std::process::id(), std::os::unix::process::parent_id());
    let other = format!(".other.{dead}-0.partial");
    let stay = [format!(".target.{parent}-0.partial"), other, format!(".target.{dead}-x.partial")];
    // In a container a process often has the id that the one before it had.
    let former = format!(".target.{own}-{}.partial", u64::MAX);
    let go = [format!(".target.{dead}-0.partial"), format!(".target.{dead}-17.partial"), former];
    for name in stay.iter().chain(&go) {
        fs::create_dir(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("file"), "content").unwrap();
    }
    let in_use = dir.path().join(format!(".target.{dead}-1.partial"));
    fs::create_dir(&in_use).unwrap();
    let lock = fs::File::open(&in_use).unwrap();
    lock.try_lock().unwrap();
    drop(PendingFolder::create(&target).unwrap());
    for name in &stay {
        assert!(dir.path().join(name).is_dir(), "{name}");
    }
    for name in &go {
        assert!(!dir.path().join(name).exists(), "{name}");
    }
    assert!(in_use.is_dir(), "a process that is not to be seen from here holds it");
    drop(lock);
    PendingFolder::create(&target).unwrap().commit().unwrap();
    assert!(!in_use.exists());
    assert!(target.is_dir());
}

#[test]
fn two_attempts_at_a_target_do_not_disturb_each_other() {
    let dir = TempDir::new().unwrap();
    let target = dir.path().join("target");
    let (first, second) = (PendingFolder::create(&target).unwrap(), PendingFolder::create(&target).unwrap());
    assert_ne!(first.path(), second.path());
    second.commit().unwrap();
    assert!(matches!(first.commit(), Err(CheckpointError::TargetExists { .. })));
    assert_eq!(entries(dir.path()), 1);
}

#[test]
fn errors_name_the_target_and_not_the_temporary_folder() {
    let dir = TempDir::new().unwrap();
    let pending = PendingFolder::create(&dir.path().join("target")).unwrap();
    let full = |path: &Path| CheckpointError::io("write", path, std::io::ErrorKind::StorageFull.into());
    let message =
        |error| pending.at_target(error).to_string().replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(message(full(&pending.path().join("a/model.safetensors"))), @"DIR/target/a/model.safetensors: cannot write: no space left on that disk; free some, or write to another");
    insta::assert_snapshot!(message(full(pending.path())), @"DIR/target: cannot write: no space left on that disk; free some, or write to another");
    insta::assert_snapshot!(message(full(&dir.path().join("elsewhere"))), @"DIR/elsewhere: cannot write: no space left on that disk; free some, or write to another");
}

/// Linux has a file that is always full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_to_be_full() {
    let dir = TempDir::new().unwrap();
    std::os::unix::fs::symlink("/dev/full", dir.path().join("model.safetensors")).unwrap();
    let spec = TensorSpec { name: "a".to_owned(), dtype: Dtype::F32.into(), shape: vec![3] };
    let error = ShardWriter::create(dir.path(), &ShardLayout::new(vec![spec], 100)).unwrap_err();
    assert!(matches!(error, CheckpointError::DiskFull { .. }));
    let message = error.to_string().replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(message, @"DIR/model.safetensors: cannot write: no space left on that disk; free some, or write to another");
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}
