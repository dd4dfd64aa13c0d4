//! Giving finished files their names, beside the work on the next ones: first the disk has all of it, then the name
//! says so.

use std::{
    fs::{self, File},
    path::Path,
    thread::{self, JoinHandle},
};

use crate::error::CheckpointError;

/// At most one file on its way to its name. Dropping it waits: nobody renames anything any more then.
#[derive(Debug, Default)]
pub(crate) struct Renaming(Option<JoinHandle<Result<(), CheckpointError>>>);

impl Renaming {
    /// Makes `unfinished` durable and renames it to `path`, in the background, once the file before it has its name.
    pub(crate) fn begin(&mut self, unfinished: &Path, path: &Path) -> Result<(), CheckpointError> {
        // One at a time: what is written doesn't run far ahead of the disk.
        self.wait()?;
        let (from, to) = (unfinished.to_owned(), path.to_owned());
        let thread = thread::Builder::new().spawn(move || sync_and_rename(&from, &to));
        self.0 = Some(thread.map_err(|source| CheckpointError::io("write", path, source))?);
        Ok(())
    }

    /// Waits until the file that was begun has its name.
    pub(crate) fn wait(&mut self) -> Result<(), CheckpointError> {
        let Some(thread) = self.0.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Renaming {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // Another error is on its way.
            let _ = thread.join();
        }
    }
}

fn sync_and_rename(unfinished: &Path, path: &Path) -> Result<(), CheckpointError> {
    let named =
        File::open(unfinished).and_then(|file| file.sync_all()).and_then(|()| fs::rename(unfinished, path));
    named.map_err(|source| CheckpointError::io("write", path, source))
}
