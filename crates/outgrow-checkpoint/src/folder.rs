//! Folders and files that appear whole or not at all: a temporary name beside the target, fsync, rename. It knows
//! nothing of what is in them.
//!
//! A process that is killed outright leaves `.NAME.PID-N.partial` behind. Nothing ever takes such a name for a result,
//! and on Linux the next attempt at the same target removes it, or goes on with it where both say that they make the
//! same.

pub(crate) mod file_names;
pub(crate) mod misplaced;
mod left_behind;
pub(crate) mod renaming;

pub use file_names::{CONFIG_FILE, INDEX_FILE, SINGLE_FILE};

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    error::CheckpointError,
    folder::left_behind::{IDENTITY_FILE, LeftBehind, left_behind, lock_folder},
};

/// Counts the temporary names of this process.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A folder that is being filled. Dropping it without [`PendingFolder::commit`] removes it.
///
/// ```
/// use outgrow_checkpoint::PendingFolder;
///
/// # let scratch = tempfile::tempdir()?;
/// let target = scratch.path().join("results");
/// let pending = PendingFolder::create(&target)?;
/// std::fs::write(pending.path().join("first.txt"), "one")?;
/// assert!(!target.exists());
/// pending.commit()?;
/// assert!(target.join("first.txt").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PendingFolder {
    path: PathBuf,
    target: PathBuf,
    /// Parents of the target that were not there, innermost first.
    made_parents: Vec<PathBuf>,
    is_committed: bool,
    /// Locked while this lives, so that nobody takes the folder for left behind.
    claim: Option<File>,
}

impl PendingFolder {
    /// Makes an empty folder beside `target`, under a temporary name; missing parents are made. What killed processes
    /// left behind there is removed.
    ///
    /// # Errors
    /// [`CheckpointError::TargetExists`], `Io` or `DiskFull`.
    pub fn create(target: &Path) -> Result<Self, CheckpointError> {
        Self::prepare(target)?.begin()
    }

    /// The same; but a folder that a killed process left behind at the same target, with the same `identity`, is taken
    /// over with all that is in it. The identity stands for everything that decides what the folder will be.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn resume(target: &Path, identity: &str) -> Result<Self, CheckpointError> {
        let mut pending = Self::prepare(target)?;
        // The locks on the others end here, so that they can be removed.
        let same = left_behind(parent(target), target, is_own).into_iter().find(|one| one.is(identity));
        if let Some(same) = same {
            pending.take_over(same)?;
            return pending.begin();
        }
        let pending = pending.begin()?;
        let file = pending.path.join(IDENTITY_FILE);
        let written = fs::write(&file, identity);
        written.map_err(|source| pending.at_target(CheckpointError::io("write", &file, source)))?;
        Ok(pending)
    }

    /// Sees to it that there is a place for the target.
    fn prepare(target: &Path) -> Result<Self, CheckpointError> {
        refuse_existing(target)?;
        let folder = parent(target);
        let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let made_parents = folder.ancestors().take_while(is_missing).map(Path::to_owned).collect();
        let pending = Self {
            path: PathBuf::new(),
            target: target.to_owned(),
            made_parents,
            is_committed: false,
            claim: None,
        };
        fs::create_dir_all(folder).map_err(|source| CheckpointError::io("create", folder, source))?;
        Ok(pending)
    }

    /// Gives a folder that was left behind a name of this process.
    fn take_over(&mut self, remains: LeftBehind) -> Result<(), CheckpointError> {
        let (path, ()) = claim_temporary(&self.target, |path| {
            // A rename would replace an empty folder.
            if path.exists() {
                Err(io::ErrorKind::AlreadyExists.into())
            } else {
                fs::rename(&remains.path, path)
            }
        })?;
        self.path = path;
        self.claim = Some(remains.claim);
        Ok(())
    }

    /// Makes the folder if none was taken over, and removes what else was left behind.
    fn begin(mut self) -> Result<Self, CheckpointError> {
        for remains in left_behind(parent(&self.target), &self.target, is_own) {
            // Whatever doesn't work out stays as it is: the name keeps it from being taken for a result.
            let _ = fs::remove_dir_all(&remains.path);
        }
        while self.path.as_os_str().is_empty() {
            let (path, ()) = claim_temporary(&self.target, |path| fs::create_dir(path))?;
            let claim = lock_folder(&path);
            // Before it was locked, a process of another container may have taken it for left behind.
            if path.exists() && !matches!(claim, Err(TryLockError::WouldBlock)) {
                (self.path, self.claim) = (path, claim.ok());
            }
        }
        Ok(self)
    }

    /// Removes everything but files of these names: what is finished in a folder that was taken over.
    ///
    /// # Errors
    /// `Io`.
    pub fn keep_only(&self, names: &BTreeSet<String>) -> Result<(), CheckpointError> {
        let failed = |path: &Path, source| CheckpointError::io("remove", path, source);
        for entry in fs::read_dir(&self.path).map_err(|source| failed(&self.path, source))? {
            let entry = entry.map_err(|source| failed(&self.path, source))?;
            let (path, kind) = (entry.path(), entry.file_type());
            let kind = kind.map_err(|source| failed(&path, source))?;
            let name = entry.file_name();
            let stays = name.to_str().is_some_and(|name| name == IDENTITY_FILE || names.contains(name));
            if kind.is_dir() {
                fs::remove_dir_all(&path).map_err(|source| failed(&path, source))?;
            } else if !(stays && kind.is_file()) {
                fs::remove_file(&path).map_err(|source| failed(&path, source))?;
            }
        }
        Ok(())
    }

    /// The folder to write into.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same error with the folder's future name: the temporary one says nothing to the person who gave the target.
    pub fn at_target(&self, mut error: CheckpointError) -> CheckpointError {
        if let Some(path) = error.path_mut()
            && let Ok(inside) = path.strip_prefix(&self.path)
        {
            // Joining nothing would end the path in a separator.
            *path =
                if inside.as_os_str().is_empty() { self.target.clone() } else { self.target.join(inside) };
        }
        error
    }

    /// Makes all files durable and gives the folder its name.
    ///
    /// # Errors
    /// As [`Self::create`], and whatever writing to the disk gives; the folder is gone then.
    pub fn commit(self) -> Result<(), CheckpointError> {
        self.commit_with_durable(&BTreeSet::new())
    }

    /// The same, where some files of the folder have been made durable already.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn commit_with_durable(mut self, durable: &BTreeSet<PathBuf>) -> Result<(), CheckpointError> {
        sync_tree(&self.path, durable).map_err(|error| self.at_target(error))?;
        // A rename replaces an empty folder silently, so look once more.
        refuse_existing(&self.target)?;
        let identity = self.path.join(IDENTITY_FILE);
        match fs::remove_file(&identity) {
            Ok(()) => sync_folder(&self.path).map_err(|error| self.at_target(error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(self.at_target(CheckpointError::io("remove", &identity, source))),
        }
        fs::rename(&self.path, &self.target)
            .map_err(|source| CheckpointError::io("create", &self.target, source))?;
        self.is_committed = true;
        sync_folder(parent(&self.target))
    }
}

impl Drop for PendingFolder {
    fn drop(&mut self) {
        drop(self.claim.take());
        if !self.is_committed {
            // Nothing can be done about a failure here; the temporary name keeps it from being taken for a result.
            // Parents that somebody else uses meanwhile are not empty and stay.
            let _ = fs::remove_dir_all(&self.path);
            for folder in &self.made_parents {
                let _ = fs::remove_dir(folder);
            }
        }
    }
}

/// Writes a file whole or not at all, replacing one that is there.
///
/// # Errors
/// `Io`, `DiskFull` or `NoFolder`; then the old file is as it was.
pub fn write_file_atomically(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    write_atomically(path, |file| file.write_all(bytes))
}

/// As [`write_file_atomically`], for content that is not all in memory.
pub(crate) fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), CheckpointError> {
    let (temporary, mut file) =
        claim_temporary(path, |temporary| OpenOptions::new().write(true).create_new(true).open(temporary))?;
    let written = write(&mut file).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
    if let Err(source) = written {
        let _ = fs::remove_file(&temporary);
        return Err(CheckpointError::io("write", path, source));
    }
    sync_folder(parent(path))
}

/// Refuses a target that is the folder which is read, or lies in it, links and all.
///
/// # Errors
/// `TargetIsSource`, `TargetInSource`, or `Io` where the source isn't to be found.
pub fn refuse_target_within(source: &Path, target: &Path) -> Result<(), CheckpointError> {
    let folder = source.canonicalize().map_err(|error| CheckpointError::io("read", source, error))?;
    if target.canonicalize().is_ok_and(|target| target == folder) {
        return Err(CheckpointError::TargetIsSource { path: target.to_owned() });
    }
    // What isn't there yet lies in the lowest folder that is.
    let existing = target.ancestors().skip(1).find_map(|above| {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        above.canonicalize().ok()
    });
    if existing.is_some_and(|above| above.starts_with(&folder)) {
        return Err(CheckpointError::TargetInSource { path: target.to_owned(), folder: source.to_owned() });
    }
    Ok(())
}

/// Refuses a target that a folder can't be made at from this source: one that is there, is the source, or lies in it.
///
/// # Errors
/// As [`refuse_target_within`]; `TargetExists`.
pub fn refuse_target(source: &Path, target: &Path) -> Result<(), CheckpointError> {
    refuse_target_within(source, target)?;
    refuse_existing(target)
}

fn refuse_existing(target: &Path) -> Result<(), CheckpointError> {
    // Dangling links count: a rename would replace them.
    match fs::symlink_metadata(target) {
        Ok(_) => Err(CheckpointError::TargetExists { path: target.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(CheckpointError::io("create", target, source)),
    }
}

/// Whether this process has given the number to a name; names of its id with another are of a process that had the id
/// before.
fn is_own(number: u64) -> bool {
    number < COUNTER.load(Ordering::Relaxed)
}

/// Makes something under a name that nobody else has, in the folder where `target` will be.
fn claim_temporary<T>(
    target: &Path,
    make: impl Fn(&Path) -> io::Result<T>,
) -> Result<(PathBuf, T), CheckpointError> {
    let folder = parent(target);
    if !folder.is_dir() {
        return Err(CheckpointError::NoFolder { path: folder.to_owned() });
    }
    let name = target.file_name().ok_or_else(|| CheckpointError::TargetExists { path: target.to_owned() })?;
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!(".{}.{}-{number}.partial", name.to_string_lossy(), process::id()));
        match make(&path) {
            Ok(value) => return Ok((path, value)),
            // Left by a killed process that had the same id.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(CheckpointError::io("create", target, source)),
        }
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_tree(folder: &Path, durable: &BTreeSet<PathBuf>) -> Result<(), CheckpointError> {
    let entries = fs::read_dir(folder).map_err(|source| CheckpointError::io("read", folder, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| CheckpointError::io("read", folder, source))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(|source| CheckpointError::io("read", &path, source))?;
        if kind.is_dir() {
            sync_tree(&path, durable)?;
        } else if kind.is_file() && !durable.contains(&path) {
            let synced = File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(|source| CheckpointError::io("write", &path, source))?;
        }
    }
    sync_folder(folder)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), CheckpointError> {
    let synced = File::open(folder).and_then(|file| file.sync_all());
    synced.map_err(|source| CheckpointError::io("write", folder, source))
}

// Other systems have no handle on a folder to synchronise.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<(), CheckpointError> {
    Ok(())
}
