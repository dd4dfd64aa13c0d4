//! Folders and files that appear whole or not at all: a temporary name beside the target, fsync, rename. It knows
//! nothing of what is in them.
//!
//! A process that is killed outright leaves `.NAME.PID-N.partial` behind. Nothing ever reads such a name, and on Linux the
//! next attempt at the same target removes it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::error::CheckpointError;

/// A folder that is being filled. Dropping it without [`PendingFolder::commit`] removes it.
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
    /// Makes an empty folder beside `target`, under a temporary name; missing parents are made.
    ///
    /// # Errors
    /// [`CheckpointError::TargetExists`], `Io` or `DiskFull`.
    pub fn create(target: &Path) -> Result<Self, CheckpointError> {
        refuse_existing(target)?;
        let folder = parent(target);
        let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let made_parents = folder.ancestors().take_while(is_missing).map(Path::to_owned).collect();
        let mut pending = Self {
            path: PathBuf::new(),
            target: target.to_owned(),
            made_parents,
            is_committed: false,
            claim: None,
        };
        fs::create_dir_all(folder).map_err(|source| CheckpointError::io("create", folder, source))?;
        remove_left_behind(target);
        (pending.path, ()) = claim_temporary(target, |path| fs::create_dir(path))?;
        pending.claim = lock_folder(&pending.path);
        Ok(pending)
    }

    /// The folder to write into.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same error with the folder's future name: the temporary one says nothing to the person who gave the target.
    pub fn at_target(&self, mut error: CheckpointError) -> CheckpointError {
        let path = error.path_mut();
        if let Ok(inside) = path.strip_prefix(&self.path) {
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
    pub fn commit(mut self) -> Result<(), CheckpointError> {
        sync_tree(&self.path).map_err(|error| self.at_target(error))?;
        // A rename replaces an empty folder silently, so look once more.
        refuse_existing(&self.target)?;
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

fn refuse_existing(target: &Path) -> Result<(), CheckpointError> {
    // Dangling links count: a rename would replace them.
    match fs::symlink_metadata(target) {
        Ok(_) => Err(CheckpointError::TargetExists { path: target.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(CheckpointError::io("create", target, source)),
    }
}

/// Removes what killed processes left behind beside `target`. Whatever doesn't work out stays as it is: the name keeps
/// it from being taken for a result.
fn remove_left_behind(target: &Path) {
    let (Some(name), Ok(entries)) = (target.file_name(), fs::read_dir(parent(target))) else { return };
    let name = name.to_string_lossy();
    for path in entries.flatten().map(|entry| entry.path()) {
        let owner = path.file_name().and_then(|other| temporary_owner(&other.to_string_lossy(), &name));
        if let Some(owner) = owner
            && is_dead(owner)
            // A process of another container is not to be seen here, but its lock is.
            && lock_folder(&path).is_some()
        {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// The process that made a temporary name for `target`; `None` for other names.
fn temporary_owner(name: &str, target: &str) -> Option<u32> {
    let rest = name.strip_prefix('.')?.strip_prefix(target)?.strip_prefix('.')?;
    let (process, number) = rest.strip_suffix(".partial")?.split_once('-')?;
    number.parse::<u64>().ok()?;
    process.parse().ok()
}

// Other systems have no such place to look at; there the remains stay.
fn is_dead(process: u32) -> bool {
    let processes = Path::new("/proc");
    processes.join("self").exists() && !processes.join(process.to_string()).exists()
}

/// Locks a folder for as long as the handle lives; `None` where it is locked, or can't be.
fn lock_folder(folder: &Path) -> Option<File> {
    let handle = File::open(folder).ok()?;
    handle.try_lock().ok()?;
    Some(handle)
}

/// Makes something under a name that nobody else has, in the folder where `target` will be.
fn claim_temporary<T>(
    target: &Path,
    make: impl Fn(&Path) -> io::Result<T>,
) -> Result<(PathBuf, T), CheckpointError> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
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

fn sync_tree(folder: &Path) -> Result<(), CheckpointError> {
    let entries = fs::read_dir(folder).map_err(|source| CheckpointError::io("read", folder, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| CheckpointError::io("read", folder, source))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(|source| CheckpointError::io("read", &path, source))?;
        if kind.is_dir() {
            sync_tree(&path)?;
        } else if kind.is_file() {
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
