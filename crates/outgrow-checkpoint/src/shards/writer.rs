//! Writes the shards of a layout, tensor by tensor, in any order: from bytes in memory, piece by piece, or as byte
//! ranges copied from another file. It neither converts values nor makes folders durable: that is
//! [`crate::PendingFolder`]'s.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use crate::{
    error::{CheckpointError, Problems},
    folder::renaming::Renaming,
    safetensors::{StoredTensor, header::header_bytes, spec::offsets},
    shards::layout::{Shard, ShardLayout},
};

/// Files that are kept open between tensors, on each side. Neighbouring tensors mostly share theirs.
const KEPT_OPEN: usize = 16;

/// Fills the shards of a [`ShardLayout`] in a folder. Memory stays constant, however large the tensors.
///
/// ```
/// use outgrow_checkpoint::{
///     Dtype, TensorSpec,
///     shards::{ShardLayout, ShardWriter},
/// };
///
/// # let folder = tempfile::tempdir()?;
/// let spec = |name: &str| TensorSpec { name: name.to_owned(), dtype: Dtype::F32.into(), shape: vec![2] };
/// // At most eight bytes in each file, so that each tensor has one.
/// let layout = ShardLayout::new(vec![spec("a"), spec("b")], 8);
/// let mut writer = ShardWriter::create(folder.path(), &layout)?;
/// writer.write("b", &[0; 8])?;
/// let mut tensor = writer.begin("a")?;
/// tensor.append(&[0; 4])?;
/// tensor.append(&[0; 4])?;
/// tensor.finish()?;
/// writer.finish()?;
/// assert!(folder.path().join("model-00002-of-00002.safetensors").exists());
/// assert!(folder.path().join("model.safetensors.index.json").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ShardWriter {
    folder: PathBuf,
    /// The index's name and text.
    index: Option<(String, String)>,
    shards: Vec<ShardFile>,
    /// Tensors that are still to be written.
    places: BTreeMap<String, Place>,
    sources: OpenFiles,
    targets: OpenFiles,
    renaming: Renaming,
    written: WrittenShards,
}

/// What a [`ShardWriter`] has made of a layout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenShards {
    /// Shards of the layout.
    pub count: usize,
    /// Those that were there already.
    pub reused: usize,
    /// Files that have been made durable.
    pub durable: BTreeSet<PathBuf>,
}

#[derive(Debug)]
struct ShardFile {
    /// Its name when it is finished.
    path: PathBuf,
    /// Its name until then, if that is another one.
    unfinished: Option<PathBuf>,
    /// Tensors that are still to be written.
    tensors_left: usize,
}

impl ShardFile {
    fn path_now(&self) -> &Path {
        self.unfinished.as_deref().unwrap_or(&self.path)
    }
}

#[derive(Debug)]
struct Place {
    shard: usize,
    start: u64,
    size_bytes: u64,
}

impl ShardWriter {
    /// Makes all files of the layout, with their headers and full lengths, in an existing folder.
    ///
    /// # Errors
    /// `Io` or `DiskFull`.
    pub fn create(folder: &Path, layout: &ShardLayout) -> Result<Self, CheckpointError> {
        let mut writer = Self::empty(folder, layout);
        for shard in layout.shards() {
            let path = folder.join(&shard.file_name);
            writer.add(shard, ShardFile { path, unfinished: None, tensors_left: shard.tensors.len() })?;
        }
        Ok(writer)
    }

    /// The same; but a shard has another name until all of its tensors are written and durable, and shards that have
    /// their name already are taken as they are. So writing can be stopped at any moment and gone on with by the same
    /// layout.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn resume(folder: &Path, layout: &ShardLayout) -> Result<Self, CheckpointError> {
        let mut writer = Self::empty(folder, layout);
        for shard in layout.shards() {
            let path = folder.join(&shard.file_name);
            if is_finished(&path, shard).map_err(|source| CheckpointError::io("read", &path, source))? {
                writer.written.reused += 1;
                writer.written.durable.insert(path);
                continue;
            }
            let unfinished = Some(folder.join(format!(".{}.unfinished", shard.file_name)));
            writer.add(shard, ShardFile { path, unfinished, tensors_left: shard.tensors.len() })?;
        }
        Ok(writer)
    }

    fn empty(folder: &Path, layout: &ShardLayout) -> Self {
        Self {
            folder: folder.to_owned(),
            index: layout.index().map(|index| (layout.index_file(), format!("{index:#}\n"))),
            shards: Vec::new(),
            places: BTreeMap::new(),
            sources: OpenFiles::default(),
            targets: OpenFiles::default(),
            renaming: Renaming::default(),
            written: WrittenShards { count: layout.shards().len(), ..WrittenShards::default() },
        }
    }

    fn add(&mut self, shard: &Shard, file: ShardFile) -> Result<(), CheckpointError> {
        let header = header_bytes(&shard.tensors);
        let data_start = header.len() as u64;
        let made = File::create(file.path_now()).and_then(|mut file| {
            file.write_all(&header)?;
            file.set_len(data_start + shard.size_bytes())
        });
        made.map_err(|source| CheckpointError::io("write", &file.path, source))?;
        let index = self.shards.len();
        for (tensor, range) in shard.tensors.iter().zip(offsets(&shard.tensors)) {
            let place =
                Place { shard: index, start: data_start + range.start, size_bytes: tensor.size_bytes() };
            self.places.insert(tensor.name.clone(), place);
        }
        self.shards.push(file);
        if shard.tensors.is_empty() { self.finish_shard(index) } else { Ok(()) }
    }

    /// Whether a tensor is still to be written: it is in the layout, and neither written nor in a shard that was there
    /// already.
    pub fn awaits(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// Writes a tensor's bytes: little-endian, row-major, of the type that the layout says.
    ///
    /// # Errors
    /// `Io`, `DiskFull`, or `Tensors` if the layout has no such tensor left or another size for it.
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), CheckpointError> {
        let place = self.take_place(name, bytes.len() as u64)?;
        let shard = &self.shards[place.shard];
        let target = self.targets.at(shard.path_now(), place.start, File::options().write(true));
        let written = target.and_then(|mut file| file.write_all(bytes));
        written.map_err(|source| CheckpointError::io("write", &shard.path, source))?;
        self.tensor_written(&place)
    }

    /// Begins a tensor that is written in consecutive pieces. One that is not finished counts as not written.
    ///
    /// # Errors
    /// `Io`, or `Tensors` if the layout has no such tensor left.
    pub fn begin(&mut self, name: &str) -> Result<TensorWriter<'_>, CheckpointError> {
        let place = self.places.get(name).ok_or_else(|| self.no_place(name))?;
        let shard = &self.shards[place.shard];
        let target = self.targets.at(shard.path_now(), place.start, File::options().write(true));
        let opened = target.and_then(File::try_clone);
        let file = opened.map_err(|source| CheckpointError::io("write", &shard.path, source))?;
        let (name, path) = (name.to_owned(), shard.path.clone());
        Ok(TensorWriter { writer: self, name, path, file, written: 0 })
    }

    /// Copies a stored tensor's bytes as they are. On Linux the kernel moves them (`copy_file_range`).
    ///
    /// # Errors
    /// As [`Self::write`], or `Damaged` if the source has become shorter since it was opened.
    pub fn copy(&mut self, name: &str, source: &StoredTensor) -> Result<(), CheckpointError> {
        let expected = source.range.end - source.range.start;
        let place = self.take_place(name, expected)?;
        let from = self.sources.at(&source.shard, source.range.start, File::options().read(true));
        let from = from.map_err(|error| CheckpointError::io("read", &source.shard, error))?;
        let shard = &self.shards[place.shard];
        let to = self.targets.at(shard.path_now(), place.start, File::options().write(true));
        match to.and_then(|mut to| io::copy(&mut from.take(expected), &mut to)) {
            Ok(copied) if copied == expected => self.tensor_written(&place),
            Ok(copied) => Err(CheckpointError::Damaged {
                file: source.shard.clone(),
                problem: format!("gave {copied} of the {expected} bytes of `{}`; it was cut", source.name),
            }),
            Err(error) => Err(CheckpointError::io("write", &shard.path, error)),
        }
    }

    /// Ends the shards: all tensors are there, and an index where there are several.
    ///
    /// # Errors
    /// `Tensors` naming those that were not written; `Io` or `DiskFull`.
    pub fn finish(mut self) -> Result<WrittenShards, CheckpointError> {
        let left = self.places.keys().map(|name| format!("`{name}` was not written")).collect();
        Problems(left)
            .into_result(|problems| CheckpointError::Tensors { path: self.folder.clone(), problems })?;
        self.renaming.wait()?;
        if let Some((file, index)) = self.index {
            let path = self.folder.join(file);
            fs::write(&path, index).map_err(|source| CheckpointError::io("write", &path, source))?;
        }
        Ok(self.written)
    }

    fn tensor_written(&mut self, place: &Place) -> Result<(), CheckpointError> {
        let left = &mut self.shards[place.shard].tensors_left;
        *left -= 1;
        if *left == 0 { self.finish_shard(place.shard) } else { Ok(()) }
    }

    fn finish_shard(&mut self, index: usize) -> Result<(), CheckpointError> {
        let shard = &self.shards[index];
        let Some(unfinished) = &shard.unfinished else { return Ok(()) };
        self.renaming.begin(unfinished, &shard.path)?;
        self.written.durable.insert(shard.path.clone());
        Ok(())
    }

    fn take_place(&mut self, name: &str, size_bytes: u64) -> Result<Place, CheckpointError> {
        let place = self.places.remove(name).ok_or_else(|| self.no_place(name))?;
        if place.size_bytes == size_bytes {
            return Ok(place);
        }
        Err(self.problem(format!("`{name}` has {size_bytes} bytes; its place takes {}", place.size_bytes)))
    }

    fn no_place(&self, name: &str) -> CheckpointError {
        self.problem(format!("`{name}` has no place left in the layout"))
    }

    fn problem(&self, problem: String) -> CheckpointError {
        CheckpointError::Tensors { path: self.folder.clone(), problems: Problems(vec![problem]) }
    }
}

/// Writes one tensor in consecutive pieces; see [`ShardWriter::begin`].
#[derive(Debug)]
pub struct TensorWriter<'a> {
    writer: &'a mut ShardWriter,
    name: String,
    path: PathBuf,
    file: File,
    written: u64,
}

impl TensorWriter<'_> {
    /// Writes the next bytes of the tensor.
    ///
    /// # Errors
    /// `Io`, `DiskFull`, or `Tensors` if the tensor's place is too small for them; none is written then.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), CheckpointError> {
        let size = self.written + bytes.len() as u64;
        let room = self.writer.places.get(&self.name).map_or(0, |place| place.size_bytes);
        if size > room {
            let name = &self.name;
            return Err(self
                .writer
                .problem(format!("`{name}` has at least {size} bytes; its place takes {room}")));
        }
        let written = self.file.write_all(bytes);
        written.map_err(|source| CheckpointError::io("write", &self.path, source))?;
        self.written = size;
        Ok(())
    }

    /// Ends the tensor: all of its bytes are there.
    ///
    /// # Errors
    /// `Tensors` if they are fewer than its place takes; what making its shard durable gives.
    pub fn finish(self) -> Result<(), CheckpointError> {
        let place = self.writer.take_place(&self.name, self.written)?;
        self.writer.tensor_written(&place)
    }
}

/// Whether a file is this shard, whole: a shard gets its name when it is.
fn is_finished(path: &Path, shard: &Shard) -> io::Result<bool> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    let expected = header_bytes(&shard.tensors);
    if file.metadata()?.len() != expected.len() as u64 + shard.size_bytes() {
        return Ok(false);
    }
    let mut header = vec![0; expected.len()];
    file.read_exact(&mut header)?;
    Ok(header == expected)
}

/// The files used last, open.
#[derive(Debug, Default)]
struct OpenFiles(Vec<(PathBuf, File)>);

impl OpenFiles {
    /// A file, at a position in it; opened in this way if it isn't open.
    fn at(&mut self, path: &Path, start: u64, how: &OpenOptions) -> io::Result<&File> {
        match self.0.iter().position(|(open, _)| open == path) {
            Some(0) => {}
            Some(position) => self.0.swap(0, position),
            None => {
                let file = how.open(path)?;
                self.0.truncate(KEPT_OPEN - 1);
                self.0.insert(0, (path.to_owned(), file));
            }
        }
        let mut file = &self.0[0].1;
        file.seek(SeekFrom::Start(start))?;
        Ok(file)
    }
}
