//! `final`: the name by which other programs find the last checkpoint of a finished run. It is a link, never a copy,
//! and only a finished run has one: a run that goes on takes it back before its first step.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use outgrow_train::resume::checkpoint_folders;

use crate::error::{Error, Result};

const NAME: &str = "final";

/// Lets `final` point to a checkpoint of the run. Gives a note where that can't be: the run is no worse without.
pub(crate) fn point_to(run: &Path, checkpoint: &Path) -> Option<String> {
    let link = run.join(NAME);
    let name = checkpoint.file_name()?;
    let problem = match (is_ours(run), fs::symlink_metadata(&link)) {
        (false, Ok(_)) => "is there already, and no link to a checkpoint of this run".to_owned(),
        _ => replace(&link, Path::new(name)).err()?.to_string(),
    };
    let (link, name) = (link.display(), name.display());
    Some(format!("{link}: {problem}; {name} is the last checkpoint"))
}

/// Takes the link back. What isn't one is somebody's.
///
/// # Errors
/// When it can't be removed: it would point to what isn't the end of the run.
pub(crate) fn take_back(run: &Path) -> Result<()> {
    let link = run.join(NAME);
    if is_ours(run) {
        fs::remove_file(&link).or_else(|_| fs::remove_dir(&link)).map_err(Error::at(&link))
    } else {
        Ok(())
    }
}

/// Whether `final` is a link to what has the name of a checkpoint, here still or not.
fn is_ours(run: &Path) -> bool {
    let Ok(target) = fs::read_link(run.join(NAME)) else { return false };
    let has_its_name =
        |name: &str| name.strip_prefix("step-").is_some_and(|step| step.parse::<u64>().is_ok());
    let is_there = checkpoint_folders(run).iter().any(|one| one.path == run.join(&target));
    is_there || target.to_str().is_some_and(has_its_name)
}

/// The new link has its name at once, or the old one keeps it.
fn replace(link: &Path, target: &Path) -> io::Result<()> {
    let new = PathBuf::from(format!("{}.{}", link.display(), std::process::id()));
    let _ = fs::remove_file(&new);
    link_folder(target, &new)?;
    fs::rename(&new, link).inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })
}

#[cfg(unix)]
fn link_folder(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn link_folder(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(target, link)
}

#[cfg(not(any(unix, windows)))]
fn link_folder(_target: &Path, _link: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
