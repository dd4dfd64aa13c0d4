//! One process at a time makes the runs of an experiment's folder, or one for each of its shards. A file in the folder
//! says who that is. The operating system keeps it locked for as long as the process lives, so that a kill frees it.
//! What runs lock, their own folders, is not here.

use std::{
    fs::{self, File, TryLockError},
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{
    error::{BadInput, Error, Result},
    experiment::shard::Shard,
    run::folder::{RUN_FILE, known_as},
    terminal::figures::time,
};

/// Locked by the process that makes all runs, and shared by those that make parts of them.
const WHOLE: &str = ".lock";

/// The right to make runs in an experiment's folder.
#[derive(Debug)]
pub(crate) struct FolderLock {
    /// Held for its lock; of a shard's process it is shared.
    whole: File,
    /// A shard's own.
    part: Option<File>,
}

/// Who makes runs in a folder.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    process: u32,
    host: String,
    /// In seconds since 1970.
    since: u64,
}

impl FolderLock {
    /// Takes the folder, which is made if it isn't there. `None` where the file system knows no locks.
    ///
    /// # Errors
    /// A folder that is a run, a model's or a corpus'; and when another process makes the same runs, with who that is.
    pub(crate) fn take(folder: &Path, shard: Shard) -> Result<Option<Self>> {
        let is_run = || folder.join(RUN_FILE).exists().then_some("a run");
        if let Some(kind) = known_as(folder).or_else(is_run) {
            let problem = format!("{}: is {kind}; give the experiment an --out of its own", folder.display());
            return Err(BadInput(problem).into());
        }
        fs::create_dir_all(folder).map_err(Error::at(folder))?;
        let is_whole = shard.count == 1;
        let path = folder.join(WHOLE);
        let mut whole = open(&path)?;
        let taken = if is_whole { whole.try_lock() } else { whole.try_lock_shared() };
        match taken {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken_by_another(folder, shard).into()),
            Err(TryLockError::Error(_)) => return Ok(None),
        }
        if is_whole {
            announce(&mut whole).map_err(Error::at(&path))?;
            return Ok(Some(Self { whole, part: None }));
        }
        let path = folder.join(part_name(shard));
        let mut part = open(&path)?;
        if let Err(TryLockError::WouldBlock) = part.try_lock() {
            return Err(taken_by_another(folder, shard).into());
        }
        announce(&mut part).map_err(Error::at(&path))?;
        Ok(Some(Self { whole, part: Some(part) }))
    }

    /// Removes its file, of a folder in which nothing is to be left.
    pub(crate) fn remove(self, folder: &Path) {
        drop(self);
        // Another process may have come meanwhile; its folder isn't empty, so that it stays.
        let _ = fs::remove_file(folder.join(WHOLE));
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Nobody is there any more; a file that says otherwise would only be out of date.
        let _ = self.part.as_ref().unwrap_or(&self.whole).set_len(0);
    }
}

fn part_name(shard: Shard) -> String {
    format!("{WHOLE}-{}-of-{}", shard.number, shard.count)
}

fn open(path: &Path) -> Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(Error::at(path))
}

fn announce(file: &mut File) -> std::io::Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let holder = Holder { process: std::process::id(), host: host(), since };
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&serde_json::to_vec(&holder)?)
}

/// The machine's name, as people know it.
fn host() -> String {
    let of_linux = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let asked = || String::from_utf8(Command::new("hostname").output().ok()?.stdout).ok();
    let name = of_linux.or_else(asked).unwrap_or_default().trim().to_owned();
    if name.is_empty() { "an unknown machine".to_owned() } else { name }
}

fn taken_by_another(folder: &Path, shard: Shard) -> BadInput {
    let wait = "wait until it is done, or give another --out";
    let Some((what, holder)) = holder(folder, shard) else {
        return BadInput(format!("{}: another process makes these runs; {wait}", folder.display()));
    };
    let Holder { process, host, since } = holder;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let so_long = time(now.saturating_sub(since) as f64);
    BadInput(format!(
        "{}: process {process} on {host} has been making {what} here for {so_long}; {wait}",
        folder.display()
    ))
}

/// Who holds a folder, and what they make: the process of this part where there is one, then that of another, then that
/// of all runs.
fn holder(folder: &Path, shard: Shard) -> Option<(String, Holder)> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let prefix = format!("{WHOLE}-");
    let mut parts: Vec<(String, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name.strip_prefix(&prefix)?.replace("-of-", "/"), entry.path()))
        })
        .collect();
    let own = shard.to_string();
    parts.sort_by_key(|(part, _)| (*part != own, part.clone()));
    let held = |path: &Path| {
        let file = File::open(path).ok()?;
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then_some(())?;
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    };
    let of_part =
        parts.into_iter().find_map(|(part, path)| Some((format!("part {part} of the runs"), held(&path)?)));
    of_part.or_else(|| Some(("the runs".to_owned(), held(&folder.join(WHOLE))?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(text: &str) -> Shard {
        text.parse().unwrap()
    }

    fn refusal(folder: &Path, of: &str) -> String {
        FolderLock::take(folder, shard(of)).unwrap_err().one_line()
    }

    #[test]
    fn one_process_makes_all_runs_and_a_second_learns_who_that_is() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path(), shard("1/1")).unwrap();
        let expected = format!(
            "{}: process {} on {} has been making the runs here for ",
            folder.path().display(),
            std::process::id(),
            host()
        );
        for second in ["1/1", "1/2"] {
            let said = refusal(folder.path(), second);
            assert!(said.starts_with(&expected), "{said}");
            assert!(said.ends_with(" s; wait until it is done, or give another --out"), "{said}");
        }
        drop(first);
        assert!(FolderLock::take(folder.path(), shard("1/1")).is_ok());
    }

    #[test]
    fn a_folder_that_is_something_else_is_refused_and_left_as_it_is() {
        for (file, kind) in [
            ("run.json", "a run"),
            ("config.json", "a model's folder"),
            ("manifest.json", "a folder of token shards"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(file), "{}").unwrap();
            let said = refusal(folder.path(), "1/1");
            assert!(
                said.ends_with(&format!(": is {kind}; give the experiment an --out of its own")),
                "{said}"
            );
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn parts_are_made_side_by_side_and_each_by_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let _parts = ["1/2", "2/2"].map(|part| FolderLock::take(folder.path(), shard(part)).unwrap());
        assert!(refusal(folder.path(), "2/2").contains(" has been making part 2/2 of the runs here for "));
        assert!(refusal(folder.path(), "1/1").contains(" has been making part 1/2 of the runs here for "));
    }
}
