//! SHA-256 of files, by the MiB, so that it costs the disk's time and no memory. It compares nothing.

use std::{
    fmt::Write,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use outgrow_checkpoint::{CheckpointError, WeightFolder, folder::CONFIG_FILE};
use sha2::{Digest, Sha256};

const BUFFER_BYTES: usize = 1 << 20;
/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;
/// The folder of a download cache in which files have their digest for a name.
const CACHED: &str = "blobs";

/// A file, as a card names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileDigest {
    /// Its name, without folders.
    pub(crate) file: String,
    /// Its size.
    pub(crate) bytes: u64,
    /// Its SHA-256, in lower-case hexadecimal.
    pub(crate) sha256: String,
    /// Whether the SHA-256 wasn't computed but read off the file's name in a cache of downloads.
    pub(crate) is_from_cache: bool,
}

/// The SHA-256 of files, in their order; given up with an error as soon as it isn't wanted any more.
///
/// A link into a Hugging Face cache is taken by its word: large files are `blobs/SHA256` there. All others are read.
pub(crate) fn sha256_while(
    files: &[PathBuf],
    is_wanted: &AtomicBool,
) -> Result<Vec<FileDigest>, CheckpointError> {
    let mut buffer = Vec::new();
    files.iter().map(|file| sha256_of_file(file, &mut buffer, is_wanted)).collect()
}

/// One SHA-256 over those of config.json and of the files of weights, these by name: it tells a model from any other.
/// It is what `sha256sum config.json *.safetensors | cut -d' ' -f1 | sha256sum` gives.
///
/// # Errors
/// When a file can't be read.
pub fn model_sha256(weights: &WeightFolder) -> Result<String, CheckpointError> {
    let mut files: Vec<PathBuf> = weights.tensors().iter().map(|tensor| tensor.shard.clone()).collect();
    files.sort();
    files.dedup();
    files.insert(0, weights.folder().join(CONFIG_FILE));
    let mut digest = Sha256::new();
    for file in sha256_while(&files, &AtomicBool::new(true))? {
        digest.update(format!("{}\n", file.sha256));
    }
    Ok(hexadecimal(digest.finalize().as_ref()))
}

fn sha256_of_file(
    path: &Path,
    buffer: &mut Vec<u8>,
    is_wanted: &AtomicBool,
) -> Result<FileDigest, CheckpointError> {
    let failed = |error| CheckpointError::io("read", path, error);
    let mut file = File::open(path).map_err(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if let Some(sha256) = name_in_cache(path) {
        let bytes = file.metadata().map_err(failed)?.len();
        return Ok(FileDigest { file: name, bytes, sha256, is_from_cache: true });
    }
    let mut digest = Sha256::new();
    let mut bytes = 0;
    buffer.resize(BUFFER_BYTES, 0);
    loop {
        if !is_wanted.load(Ordering::Relaxed) {
            return Err(failed(io::ErrorKind::Interrupted.into()));
        }
        let read = match file.read(buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        digest.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok(FileDigest {
        file: name,
        bytes,
        sha256: hexadecimal(digest.finalize().as_ref()),
        is_from_cache: false,
    })
}

/// The digest that a cache gives a file for a name; small files have a shorter one there, which isn't SHA-256.
fn name_in_cache(path: &Path) -> Option<String> {
    if !path.is_symlink() {
        return None;
    }
    let blob = fs::canonicalize(path).ok()?;
    let name = blob.file_name()?.to_str()?;
    let is_digest =
        name.len() == DIGITS && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_digest && blob.parent()?.file_name()? == CACHED).then(|| name.to_owned())
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(DIGITS), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}
