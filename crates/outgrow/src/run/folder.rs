//! The folder of a run before the run begins or goes on: whether it is one, whose it is, and whether its end is there.
//! All that speaks against it is found before anything in it is changed. Where the run stands isn't asked here.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use outgrow_train::resume::{checkpoint_folders, checkpoint_name};

use crate::{
    error::{BadInput, Error, Result},
    run::{metrics::METRICS_FILE, run_json::RunFile},
};

/// What a run is, beside its metrics.
pub(crate) const RUN_FILE: &str = "run.json";
/// Files by which a folder is known to be a model's or a corpus'.
const SOMETHING_ELSE: [(&str, &str); 2] =
    [("config.json", "a model's folder"), ("manifest.json", "a folder of token shards")];
/// What a run or an experiment leaves in a folder.
const BESIDE_A_RUN: [&str; 4] = [METRICS_FILE, "log.txt", "final", "cell.json"];
/// Recipes, scripts, notes and logs, by how their names end.
const KINDS_BESIDE_A_RUN: [&str; 7] = ["toml", "md", "sh", "log", "out", "err", "slurm"];
/// Files and folders that are named in a message.
const SHOWN: usize = 3;

/// A folder that a run may be in. While this lives, no other process trains there.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    file: RunFile,
    /// Held for its lock. `None` where there is no folder yet, and where folders can't be locked.
    lock: Option<File>,
    /// Whether there was nothing when it was looked at.
    was_absent: bool,
}

impl RunFolder {
    /// Takes a folder for a run.
    ///
    /// # Errors
    /// Where another process trains, a file, and a folder that is something else.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let is_something = fs::symlink_metadata(path).is_ok();
        if is_something && !path.is_dir() {
            return Err(
                BadInput(format!("{}: is no folder; a run takes one, or makes it", path.display())).into()
            );
        }
        let lock = if is_something { lock(path)? } else { None };
        let file = RunFile::read(path);
        if is_something && checkpoint_folders(path).is_empty() {
            refuse_something_else(path, &file)?;
        }
        Ok(Self { path: path.to_owned(), file, lock, was_absent: !is_something })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its run.json, as it was when the folder was opened.
    pub(crate) fn file(&self) -> &RunFile {
        &self.file
    }

    /// Whether its run says that it is finished.
    pub(crate) fn is_finished(&self) -> bool {
        self.file.is_finished()
    }

    /// Whether a run that is finished still has the checkpoint that it ended with. One that has none at all was moved
    /// away as a whole, and is done.
    ///
    /// # Errors
    /// When others are there, and that one is gone.
    pub(crate) fn check_end(&self) -> Result<(), BadInput> {
        let found = checkpoint_folders(&self.path);
        let last = self.file.value()["checkpoint"].as_str();
        let (Some(last), Some(newest)) = (last, found.last()) else { return Ok(()) };
        if found.iter().any(|one| checkpoint_name(one.step) == last) {
            return Ok(());
        }
        let (folder, step) = (self.path.display(), newest.step);
        Err(BadInput(format!(
            "{folder}: the run ended with {last}, which is gone; put it back, or take the run back with --rewind-to \
             step-{step}"
        )))
    }

    /// Where there was nothing, nobody could be kept out. What another process has begun there since was not looked at,
    /// and isn't touched.
    ///
    /// # Errors
    /// When there is something now.
    pub(crate) fn refuse_if_begun_meanwhile(&self) -> Result<(), BadInput> {
        if self.was_absent && self.path.exists() {
            let folder = self.path.display();
            return Err(BadInput(format!("{folder}: another process has just begun in this folder")));
        }
        Ok(())
    }

    /// Makes the folder if it isn't there, and keeps others out of it.
    ///
    /// # Errors
    /// When it can't be made, or another process was faster.
    pub(crate) fn make(&mut self) -> Result<()> {
        fs::create_dir_all(&self.path).map_err(Error::at(&self.path))?;
        if self.lock.is_none() {
            self.lock = lock(&self.path)?;
        }
        Ok(())
    }
}

/// What a folder is known as that is a model's or a corpus'.
pub(crate) fn known_as(folder: &Path) -> Option<&'static str> {
    SOMETHING_ELSE.into_iter().find_map(|(name, kind)| folder.join(name).exists().then_some(kind))
}

/// Keeps other processes from training in the folder for as long as the handle lives.
fn lock(folder: &Path) -> Result<Option<File>, BadInput> {
    let Ok(handle) = File::open(folder) else { return Ok(None) };
    match handle.try_lock() {
        Ok(()) => Ok(Some(handle)),
        Err(TryLockError::WouldBlock) => {
            Err(BadInput(format!("{}: another process is training in this folder", folder.display())))
        }
        // Some file systems know no locks.
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Whether a file is such as people keep beside a run, or what is left of one.
fn may_lie_beside_a_run(file: &Path) -> bool {
    let (name, extension) = (file.file_name(), file.extension());
    let is_left = BESIDE_A_RUN.iter().any(|own| name.is_some_and(|name| name == *own));
    is_left || KINDS_BESIDE_A_RUN.iter().any(|kind| extension.is_some_and(|extension| extension == *kind))
}

/// A run makes no mess in a folder that holds something else. Recipes, logs and notes may be in it.
fn refuse_something_else(path: &Path, file: &RunFile) -> Result<()> {
    let refused = |problem: String| Err(BadInput(format!("{}: {problem}", path.display())).into());
    let end = "give --out a folder of the run's own";
    match file {
        RunFile::OfRun(_) | RunFile::Unreadable => return Ok(()),
        RunFile::Foreign => return refused(format!("holds a {RUN_FILE} that is not of a run; {end}")),
        RunFile::Absent => {}
    }
    if let Some(kind) = known_as(path) {
        return refused(format!("is {kind}; {end}"));
    }
    let entries = fs::read_dir(path).map_err(Error::at(path))?.flatten();
    let is_foreign = |path: &Path| path.is_dir() || !may_lie_beside_a_run(path);
    let foreign = entries.filter(|entry| is_foreign(&entry.path()));
    let names = foreign.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    if names.is_empty() {
        return Ok(());
    }
    let more = names.len().saturating_sub(SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    names.truncate(SHOWN);
    refused(format!("is no run's folder, it holds {}{more}; {end}", names.join(", ")))
}
