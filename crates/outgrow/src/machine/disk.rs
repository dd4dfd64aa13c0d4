//! How fast a disk takes bytes: a short look, for `outgrow grow --plan`. It leaves nothing behind.

use std::{
    io::{self, Write},
    path::Path,
    time::Instant,
};

/// Written in a fraction of a second by most disks, and more than their own buffers of a few MB hold.
const PROBE_BYTES: usize = 48 << 20;
const PIECE_BYTES: usize = 1 << 20;

/// Bytes a second that the disk of `folder` takes when they have to be durable.
///
/// # Errors
/// When the folder can't be written.
pub(crate) fn write_speed(folder: &Path) -> io::Result<f64> {
    // It has no name, or loses it with this process: whatever happens, the file is gone.
    let mut file = tempfile::tempfile_in(folder)?;
    let piece = incompressible(PIECE_BYTES);
    let begun = Instant::now();
    for _ in 0..PROBE_BYTES / PIECE_BYTES {
        file.write_all(&piece)?;
    }
    file.sync_all()?;
    Ok(PROBE_BYTES as f64 / begun.elapsed().as_secs_f64())
}

/// Bytes of no pattern: some file systems store others smaller.
fn incompressible(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(word).flatten().take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_as_empty_after_a_look_at_its_disk() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write_speed(folder.path()).unwrap() > 0.0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_speed() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(write_speed(&folder.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
