//! Files and folders that appear whole or not at all: written under a temporary name, synchronised, renamed.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::error::CheckpointError;

/// A folder that is being written. It gets its name with [`PendingFolder::commit`]; dropped before that, it leaves nothing.
#[derive(Debug)]
pub struct PendingFolder {
    target: PathBuf,
    temporary: TempDir,
}

impl PendingFolder {
    /// Starts a folder that will be `target`; its missing parents are made.
    ///
    /// # Errors
    /// When `target` exists, or its parent can't be written to.
    pub fn create(target: &Path) -> Result<Self, CheckpointError> {
        if target.symlink_metadata().is_ok() {
            return Err(CheckpointError::TargetExists { path: target.to_owned() });
        }
        let parent = parent(target);
        fs::create_dir_all(parent).map_err(|source| CheckpointError::io("create", parent, source))?;
        let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let temporary = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".partial")
            .tempdir_in(parent)
            .map_err(|source| CheckpointError::io("create a folder in", parent, source))?;
        Ok(Self { target: target.to_owned(), temporary })
    }

    /// Where to write the files.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Synchronises everything in the folder and gives it its name.
    ///
    /// # Errors
    /// When the disk refuses, or somebody made the target meanwhile.
    pub fn commit(self) -> Result<(), CheckpointError> {
        synchronise(self.temporary.path())?;
        make_readable(self.temporary.path())?;
        if self.target.symlink_metadata().is_ok() {
            return Err(CheckpointError::TargetExists { path: self.target });
        }
        fs::rename(self.temporary.path(), &self.target)
            .map_err(|source| CheckpointError::io("rename to", &self.target, source))?;
        // The name is taken: nothing is left to remove.
        let _ = self.temporary.keep();
        synchronise_entry(parent(&self.target))
    }
}

/// Writes a file so that a reader sees the old content or the new, never a part.
///
/// # Errors
/// When the folder can't be written to, or the disk is full.
pub fn write_file_atomically(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    let parent = parent(path);
    let failed = |source| CheckpointError::io("write", path, source);
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    make_readable(file.path())?;
    file.persist(path).map_err(|error| CheckpointError::io("write", path, error.error))?;
    synchronise_entry(parent)
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn synchronise(folder: &Path) -> Result<(), CheckpointError> {
    let failed = |source| CheckpointError::io("write", folder, source);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            synchronise(&path)?;
        } else {
            synchronise_entry(&path)?;
        }
    }
    synchronise_entry(folder)
}

fn synchronise_entry(path: &Path) -> Result<(), CheckpointError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|source| CheckpointError::io("write", path, source))
}

/// Temporary files are private to their owner; what has its final name is as readable as any other file.
#[cfg(unix)]
fn make_readable(path: &Path) -> Result<(), CheckpointError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = if path.is_dir() { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|source| CheckpointError::io("write", path, source))
}

#[cfg(not(unix))]
fn make_readable(_path: &Path) -> Result<(), CheckpointError> {
    Ok(())
}
