//! Writes the shards of a layout, tensor by tensor, in any order: from bytes in memory, or as byte ranges copied from
//! another file. It neither converts values nor makes the result durable: that is [`crate::PendingFolder`]'s.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use crate::{
    error::{CheckpointError, Problems},
    file::header_bytes,
    layout::{ShardLayout, offsets},
    open::{INDEX_FILE, StoredTensor},
};

/// Fills the shards of a [`ShardLayout`] in a folder. Memory stays constant, however large the tensors.
#[derive(Debug)]
pub struct ShardWriter {
    folder: PathBuf,
    index: Option<String>,
    /// Tensors that are still to be written.
    places: BTreeMap<String, Place>,
}

#[derive(Debug)]
struct Place {
    file: PathBuf,
    start: u64,
    size_bytes: u64,
}

impl ShardWriter {
    /// Makes all files of the layout, with their headers and full lengths, in an existing folder.
    ///
    /// # Errors
    /// `Io` or `DiskFull`.
    pub fn create(folder: &Path, layout: &ShardLayout) -> Result<Self, CheckpointError> {
        let mut places = BTreeMap::new();
        for shard in layout.shards() {
            let path = folder.join(&shard.file_name);
            let header = header_bytes(&shard.tensors);
            let data_start = header.len() as u64;
            let made = File::create(&path).and_then(|mut file| {
                file.write_all(&header)?;
                file.set_len(data_start + shard.size_bytes())
            });
            made.map_err(|source| CheckpointError::io("write", &path, source))?;
            for (tensor, range) in shard.tensors.iter().zip(offsets(&shard.tensors)) {
                let place = Place {
                    file: path.clone(),
                    start: data_start + range.start,
                    size_bytes: tensor.size_bytes(),
                };
                places.insert(tensor.name.clone(), place);
            }
        }
        let index = layout.index().map(|index| format!("{index:#}\n"));
        Ok(Self { folder: folder.to_owned(), index, places })
    }

    /// Writes a tensor's bytes: little-endian, row-major, of the type that the layout says.
    ///
    /// # Errors
    /// `Io`, `DiskFull`, or `Tensors` if the layout has no such tensor left or another size for it.
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), CheckpointError> {
        let place = self.take_place(name, bytes.len() as u64)?;
        let written = place.open().and_then(|mut file| file.write_all(bytes));
        written.map_err(|source| CheckpointError::io("write", &place.file, source))
    }

    /// Copies a stored tensor's bytes as they are. On Linux the kernel moves them (`copy_file_range`).
    ///
    /// # Errors
    /// As [`Self::write`], or `Damaged` if the source has become shorter since it was opened.
    pub fn copy(&mut self, name: &str, source: &StoredTensor) -> Result<(), CheckpointError> {
        let expected = source.range.end - source.range.start;
        let place = self.take_place(name, expected)?;
        let opened = File::open(&source.shard).and_then(|mut file| {
            file.seek(SeekFrom::Start(source.range.start))?;
            Ok(file)
        });
        let file = opened.map_err(|error| CheckpointError::io("read", &source.shard, error))?;
        let copied = place.open().and_then(|mut target| io::copy(&mut file.take(expected), &mut target));
        match copied {
            Ok(copied) if copied == expected => Ok(()),
            Ok(copied) => Err(CheckpointError::Damaged {
                file: source.shard.clone(),
                problem: format!("gave {copied} of the {expected} bytes of `{}`; it was cut", source.name),
            }),
            Err(error) => Err(CheckpointError::io("write", &place.file, error)),
        }
    }

    /// Ends the shards: all tensors are there, and an index where there are several.
    ///
    /// # Errors
    /// `Tensors` naming those that were not written; `Io` or `DiskFull`.
    pub fn finish(self) -> Result<(), CheckpointError> {
        let left = self.places.keys().map(|name| format!("`{name}` was not written")).collect();
        Problems(left)
            .into_result(|problems| CheckpointError::Tensors { path: self.folder.clone(), problems })?;
        let Some(index) = self.index else { return Ok(()) };
        let path = self.folder.join(INDEX_FILE);
        fs::write(&path, index).map_err(|source| CheckpointError::io("write", &path, source))
    }

    fn take_place(&mut self, name: &str, size_bytes: u64) -> Result<Place, CheckpointError> {
        let problem = match self.places.remove(name) {
            Some(place) if place.size_bytes == size_bytes => return Ok(place),
            Some(place) => format!("`{name}` has {size_bytes} bytes; its place takes {}", place.size_bytes),
            None => format!("`{name}` has no place left in the layout"),
        };
        Err(CheckpointError::Tensors { path: self.folder.clone(), problems: Problems(vec![problem]) })
    }
}

impl Place {
    fn open(&self) -> io::Result<File> {
        let mut file = OpenOptions::new().write(true).open(&self.file)?;
        file.seek(SeekFrom::Start(self.start))?;
        Ok(file)
    }
}
