//! Folders that killed processes left behind: whose they are, and taking one over to go on with it. It makes and
//! names none.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    process,
};

/// The file that says what a pending folder is going to be; it is gone when the folder gets its name.
pub(crate) const IDENTITY_FILE: &str = ".identity";

/// A folder that nobody fills any more, and its lock.
pub(crate) struct LeftBehind {
    pub path: PathBuf,
    pub claim: File,
}

impl LeftBehind {
    /// Whether it was going to be what `identity` says.
    pub(crate) fn is(&self, identity: &str) -> bool {
        fs::read_to_string(self.path.join(IDENTITY_FILE)).is_ok_and(|text| text == identity)
    }
}

/// What killed processes left behind beside `target`, in the order of the names. `is_own` says of a number whether this
/// process has given it to a folder.
pub(crate) fn left_behind(folder: &Path, target: &Path, is_own: impl Fn(u64) -> bool) -> Vec<LeftBehind> {
    let (Some(name), Ok(entries)) = (target.file_name(), fs::read_dir(folder)) else { return Vec::new() };
    let name = name.to_string_lossy();
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let abandoned = |path: PathBuf| {
        let (owner, number) = temporary_owner(&path.file_name()?.to_string_lossy(), &name)?;
        // In a container every process may have the same id.
        let is_former = owner == process::id() && !is_own(number);
        if !is_former && !is_dead(owner) {
            return None;
        }
        // A process of another container is not to be seen here, but its lock is.
        let claim = lock_folder(&path).ok()?;
        Some(LeftBehind { path, claim })
    };
    paths.into_iter().filter_map(abandoned).collect()
}

/// The process that made a temporary name for `target`, and its number; `None` for other names.
fn temporary_owner(name: &str, target: &str) -> Option<(u32, u64)> {
    let rest = name.strip_prefix('.')?.strip_prefix(target)?.strip_prefix('.')?;
    let (process, number) = rest.strip_suffix(".partial")?.split_once('-')?;
    Some((process.parse().ok()?, number.parse().ok()?))
}

// Other systems have no such place to look at; there the remains stay.
fn is_dead(process: u32) -> bool {
    let processes = Path::new("/proc");
    match fs::read_to_string(processes.join(process.to_string()).join("stat")) {
        // A killed process is listed until its parent asks for its status, which not every parent does. The state
        // stands behind the name, which may hold anything.
        Ok(text) => text.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with(['Z', 'X'])),
        Err(_) => processes.join("self").exists() && !processes.join(process.to_string()).exists(),
    }
}

/// Locks a folder for as long as the handle lives.
pub(crate) fn lock_folder(folder: &Path) -> Result<File, TryLockError> {
    let handle = File::open(folder).map_err(TryLockError::Error)?;
    handle.try_lock()?;
    Ok(handle)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_killed_process_is_dead_before_its_parent_takes_note() {
        let mut child = process::Command::new("sleep").arg("600").spawn().unwrap();
        assert!(!is_dead(child.id()));
        child.kill().unwrap();
        while !is_dead(child.id()) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(is_dead(child.id()) && !is_dead(process::id()));
    }

    #[test]
    fn a_name_tells_its_process_and_number() {
        assert_eq!(temporary_owner(".a.b.7-12.partial", "a.b"), Some((7, 12)));
        for other in
            [".a.7-12.partial", ".a.b.7-x.partial", ".a.b.7.partial", "a.b.7-12.partial", ".a.b.7-12"]
        {
            assert_eq!(temporary_owner(other, "a.b"), None, "{other}");
        }
    }
}
