//! One safetensors file, opened: its tensors, and their bytes mapped into memory or read into a buffer. It knows no
//! model.

pub(crate) mod spec;
pub(crate) mod header;
pub(crate) mod comparison;

use std::{
    fs::File,
    io,
    ops::Range,
    path::{Path, PathBuf},
};

use memmap2::Mmap;

use crate::{
    dtype::stored::StoredDtype,
    error::CheckpointError,
    safetensors::header::{Entry, read_header},
};

/// A tensor and where its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTensor {
    /// The Hugging Face name; without the wrappers that the file may have in it.
    pub name: String,
    /// How it is stored.
    pub dtype: StoredDtype,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The file that holds it.
    pub shard: PathBuf,
    /// Bytes in that file.
    pub range: Range<u64>,
}

/// An opened safetensors file.
#[derive(Debug)]
pub(crate) struct SafetensorsFile {
    pub path: PathBuf,
    file: File,
    bytes: Mmap,
}

impl SafetensorsFile {
    /// Opens, maps and checks a file: the header is sound and the file is exactly as long as it says. The tensors come
    /// in the order of their bytes.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Entry>), CheckpointError> {
        let io_error = |source| CheckpointError::io("read", path, source);
        let mut file = File::open(path).map_err(io_error)?;
        let length = file.metadata().map_err(io_error)?.len();
        let entries = read_header(&mut file, path, length)?;
        // SAFETY: the map is only read, and lives no longer than `self`. A mapped file must not be changed or cut while
        // it is mapped; weights are files that nobody writes in place: this crate replaces files by renaming only.
        let bytes = unsafe { Mmap::map(&file) }.map_err(io_error)?;
        Ok((Self { path: path.to_owned(), file, bytes }, entries))
    }

    /// The bytes of a range that came from one of the file's entries.
    pub(crate) fn bytes(&self, range: &Range<u64>) -> &[u8] {
        &self.bytes[range.start as usize..range.end as usize]
    }

    /// Reads the bytes from `start` on into a buffer. Unlike mapped bytes, they never count as this process's memory.
    pub(crate) fn read_at(&self, start: u64, out: &mut [u8]) -> Result<(), CheckpointError> {
        read_exact_at(&self.file, start, out)
            .map_err(|source| CheckpointError::io("read", &self.path, source))
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, start: u64, out: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, start)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut start: u64, mut out: &mut [u8]) -> io::Result<()> {
    while !out.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, out, start)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                start += read as u64;
                out = &mut out[read..];
            }
        }
    }
    Ok(())
}
