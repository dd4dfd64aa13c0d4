//! Token shards to disk: ids cut into files of equal length, and the folder that appears only when it is complete. It
//! decides nothing about the ids.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::{
    error::DataError,
    shards::manifest::{
        MANIFEST_FILE, Manifest, Shard, TOKENIZER_CONFIG_FILE, TOKENIZER_FILE, TokenDtype, hexadecimal,
    },
};

/// Cuts a run of tokens into shards of equal length (the last may be shorter).
pub(crate) struct ShardWriter {
    folder: PathBuf,
    dtype: TokenDtype,
    shard_tokens: u64,
    open: Option<OpenShard>,
    finished: Vec<Shard>,
}

struct OpenShard {
    path: PathBuf,
    file: BufWriter<File>,
    digest: Sha256,
    shard: Shard,
}

impl ShardWriter {
    /// Writes into a folder that exists.
    pub(crate) fn new(folder: &Path, dtype: TokenDtype, shard_tokens: u64) -> Self {
        let folder = folder.to_path_buf();
        Self { folder, dtype, shard_tokens, open: None, finished: Vec::new() }
    }

    /// Appends a document, whose text has so many bytes.
    pub(crate) fn write_document(&mut self, mut ids: &[u32], text_bytes: u64) -> Result<(), DataError> {
        let mut starts_here = true;
        while !ids.is_empty() {
            if self.open.as_ref().is_some_and(|open| open.shard.tokens == self.shard_tokens) {
                self.close()?;
            }
            let open = match &mut self.open {
                Some(open) => open,
                none => none.insert(OpenShard::create(&self.folder, self.finished.len())?),
            };
            let room = self.shard_tokens - open.shard.tokens;
            let (head, tail) = ids.split_at((ids.len() as u64).min(room) as usize);
            open.append(head, self.dtype)?;
            if std::mem::take(&mut starts_here) {
                open.shard.documents += 1;
                open.shard.text_bytes += text_bytes;
            }
            ids = tail;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), DataError> {
        if let Some(open) = self.open.take() {
            self.finished.push(open.finish()?);
        }
        Ok(())
    }

    /// Ends the last shard; the list is empty if nothing was written.
    pub(crate) fn finish(mut self) -> Result<Vec<Shard>, DataError> {
        self.close()?;
        Ok(self.finished)
    }
}

impl OpenShard {
    fn create(folder: &Path, index: usize) -> Result<Self, DataError> {
        let name = format!("shard-{index:05}.bin");
        let path = folder.join(&name);
        let file = File::create_new(&path).map_err(DataError::io("create", &path))?;
        let shard = Shard { file: name, tokens: 0, documents: 0, text_bytes: 0, sha256: String::new() };
        Ok(Self { path, file: BufWriter::with_capacity(1 << 18, file), digest: Sha256::new(), shard })
    }

    fn append(&mut self, ids: &[u32], dtype: TokenDtype) -> Result<(), DataError> {
        let bytes: Vec<u8> = match dtype {
            // The vocabulary decided on two bytes, and ids outside it were refused.
            TokenDtype::U16 => ids.iter().flat_map(|&id| (id as u16).to_le_bytes()).collect(),
            TokenDtype::U32 => ids.iter().flat_map(|&id| id.to_le_bytes()).collect(),
        };
        self.digest.update(&bytes);
        self.file.write_all(&bytes).map_err(DataError::io("write", &self.path))?;
        self.shard.tokens += ids.len() as u64;
        Ok(())
    }

    fn finish(mut self) -> Result<Shard, DataError> {
        self.file.flush().map_err(DataError::io("write", &self.path))?;
        self.file.get_ref().sync_all().map_err(DataError::io("write", &self.path))?;
        self.shard.sha256 = hexadecimal(self.digest.finalize().as_ref());
        Ok(self.shard)
    }
}

/// A folder under a temporary name beside the one it is to become. Dropped before [`commit`](Self::commit), it is
/// removed.
pub(crate) struct PendingShards {
    temporary: TempDir,
    parent: PathBuf,
    target: PathBuf,
}

impl PendingShards {
    /// A new folder beside `target`.
    ///
    /// # Errors
    /// [`DataError::TargetExists`]; [`DataError::Io`] if the parent folder can't be written to.
    pub(crate) fn create(target: &Path) -> Result<Self, DataError> {
        refuse_existing(target)?;
        let parent = match target.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(parent).map_err(DataError::io("create", parent))?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".preparing-");
        // The folder will be there to stay: readable as the user's other folders are, not as a temporary one.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let temporary = builder.tempdir_in(parent).map_err(DataError::io("create a folder in", parent))?;
        Ok(Self { temporary, parent: parent.to_path_buf(), target: target.to_path_buf() })
    }

    /// Where to write.
    pub(crate) fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Gives the folder its name; all that is in it has to be on disk.
    ///
    /// # Errors
    /// [`DataError::TargetExists`], if something has come to be there meanwhile; [`DataError::Io`].
    pub(crate) fn commit(self) -> Result<(), DataError> {
        let folder = self.temporary.path();
        sync_folder(folder)?;
        // Looked at again because tokenising takes long: renaming would replace an empty folder without a word.
        refuse_existing(&self.target)?;
        std::fs::rename(folder, &self.target).map_err(DataError::io("create", &self.target))?;
        // The temporary name is gone; what is left to drop is the intention to remove it.
        let _ = self.temporary.keep();
        sync_folder(&self.parent)
    }
}

/// Adds manifest and tokenizer to a folder with finished shards, and makes sure that all of it is on disk.
pub(crate) fn complete(
    folder: &Path,
    manifest: &Manifest,
    tokenizer: &[u8],
    tokenizer_config: Option<&[u8]>,
) -> Result<(), DataError> {
    let mut json = serde_json::to_string_pretty(manifest).map_err(|error| DataError::Manifest {
        path: folder.join(MANIFEST_FILE),
        problem: error.to_string(),
    })?;
    json.push('\n');
    write_synced(&folder.join(TOKENIZER_FILE), tokenizer)?;
    if let Some(config) = tokenizer_config {
        write_synced(&folder.join(TOKENIZER_CONFIG_FILE), config)?;
    }
    write_synced(&folder.join(MANIFEST_FILE), json.as_bytes())?;
    sync_folder(folder)
}

fn refuse_existing(target: &Path) -> Result<(), DataError> {
    match std::fs::symlink_metadata(target) {
        Ok(_) => Err(DataError::TargetExists { path: target.to_path_buf() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(DataError::io("look at", target)(error)),
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    let mut file = File::create_new(path).map_err(DataError::io("create", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(DataError::io("write", path))
}

fn sync_folder(folder: &Path) -> Result<(), DataError> {
    // Elsewhere a folder can't be opened as a file, and renaming is durable enough.
    if cfg!(unix) {
        File::open(folder).and_then(|file| file.sync_all()).map_err(DataError::io("write", folder))?;
    }
    Ok(())
}
