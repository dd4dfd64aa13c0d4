//! Token shards, memory-mapped and read as one long run of token ids. It cuts no samples and makes no shards.

pub(crate) mod manifest;
pub(crate) mod writer;

pub(crate) mod ids;

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use memmap2::Mmap;
use sha2::{Digest, Sha256};

use crate::{
    error::DataError,
    shards::manifest::{Manifest, TOKENIZER_CONFIG_FILE, TokenDtype, hexadecimal},
};

/// A folder of token shards, opened.
///
/// The files are mapped, not read: opening is quick whatever their size. They must not be changed or cut while they
/// are open (what the system then does to a mapped read is not an error that a program can catch).
#[derive(Debug)]
pub struct TokenShards {
    folder: PathBuf,
    manifest: Manifest,
    shards: Vec<MappedShard>,
}

#[derive(Debug)]
struct MappedShard {
    path: PathBuf,
    /// Tokens in the shards before this one.
    first_token: u64,
    tokens: u64,
    bytes: Mmap,
}

impl TokenShards {
    /// Opens a folder that [`prepare`](crate::prepare) made, and checks each shard's size against the manifest.
    ///
    /// # Errors
    /// If the manifest is missing or contradicts itself, or a shard is missing or has another size.
    pub fn open(folder: &Path) -> Result<Self, DataError> {
        let manifest = Manifest::read(folder)?;
        let mut first_token = 0;
        let mut shards = Vec::with_capacity(manifest.shards.len());
        for shard in &manifest.shards {
            let path = folder.join(&shard.file);
            let bytes = map_file(&path)?;
            let expected_bytes = shard.tokens.saturating_mul(manifest.dtype.bytes() as u64);
            if bytes.len() as u64 != expected_bytes {
                return Err(DataError::ShardSize { path, found_bytes: bytes.len() as u64, expected_bytes });
            }
            shards.push(MappedShard { path, first_token, tokens: shard.tokens, bytes });
            first_token += shard.tokens;
        }
        Ok(Self { folder: folder.to_path_buf(), manifest, shards })
    }

    /// The folder they lie in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the folder says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The tokenizer's copy beside the shards.
    pub fn tokenizer_path(&self) -> PathBuf {
        self.folder.join(&self.manifest.tokenizer.file)
    }

    /// The tokenizer_config.json that lay beside the tokenizer, where one did.
    ///
    /// # Errors
    /// When there is one that can't be read.
    pub fn tokenizer_config(&self) -> Result<Option<Vec<u8>>, DataError> {
        let path = self.folder.join(TOKENIZER_CONFIG_FILE);
        match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(DataError::io("read", &path)),
        }
    }

    /// Tokens of all shards.
    pub fn num_tokens(&self) -> u64 {
        self.manifest.tokens
    }

    /// Fills `into` with the token ids from position `start` on, over the shards' borders. Each id read is checked to
    /// be below the vocabulary's size; that costs nothing measurable beside the copy, and a whole corpus never has to
    /// be scanned before the first step.
    ///
    /// # Errors
    /// [`DataError::ReadPastEnd`], or [`DataError::TokenOutOfRange`] with the shard and the position in it.
    pub fn read(&self, start: u64, into: &mut [u32]) -> Result<(), DataError> {
        let end = start.saturating_add(into.len() as u64);
        if end > self.num_tokens() {
            return Err(DataError::ReadPastEnd { start, end, num_tokens: self.num_tokens() });
        }
        let (mut position, mut rest) = (start, into);
        let first = self.shards.partition_point(|shard| shard.first_token + shard.tokens <= start);
        for shard in &self.shards[first..] {
            if rest.is_empty() {
                break;
            }
            let offset = position - shard.first_token;
            let count = (shard.tokens - offset).min(rest.len() as u64);
            let (head, tail) = rest.split_at_mut(count as usize);
            self.read_shard(shard, offset, head)?;
            (position, rest) = (position + count, tail);
        }
        Ok(())
    }

    fn read_shard(&self, shard: &MappedShard, offset: u64, into: &mut [u32]) -> Result<(), DataError> {
        let width = self.manifest.dtype.bytes();
        let bytes = &shard.bytes[offset as usize * width..][..into.len() * width];
        decode(self.manifest.dtype, bytes, into);
        let vocab_size = self.manifest.vocab_size;
        // The maximum first, which the compiler turns into vector code; where it is, only if there is anything to tell.
        if into.iter().copied().max().is_none_or(|largest| (largest as usize) < vocab_size) {
            return Ok(());
        }
        let wrong = into.iter().enumerate().find(|&(_, &id)| id as usize >= vocab_size);
        wrong.map_or(Ok(()), |(index, &id)| {
            let (path, position) = (shard.path.clone(), offset + index as u64);
            Err(DataError::TokenOutOfRange { path, position, id, vocab_size })
        })
    }

    /// Whether the tokenizer's copy is still the one that made the ids.
    ///
    /// # Errors
    /// If it can't be read, or its SHA-256 is another.
    pub fn verify_tokenizer(&self) -> Result<(), DataError> {
        let tokenizer = self.tokenizer_path();
        let bytes = std::fs::read(&tokenizer).map_err(DataError::io("read", &tokenizer))?;
        check_sum(&tokenizer, &bytes, &self.manifest.tokenizer.sha256)
    }

    /// Reads everything: every id against the vocabulary, every file (the tokenizer's copy too) against its SHA-256.
    ///
    /// # Errors
    /// The first thing that is not as the manifest says.
    pub fn verify(&self) -> Result<(), DataError> {
        self.verify_tokenizer()?;
        let mut ids = vec![0; 1 << 16];
        for (mapped, shard) in self.shards.iter().zip(&self.manifest.shards) {
            for offset in (0..mapped.tokens).step_by(ids.len()) {
                let count = (mapped.tokens - offset).min(ids.len() as u64) as usize;
                self.read_shard(mapped, offset, &mut ids[..count])?;
            }
            check_sum(&mapped.path, &mapped.bytes, &shard.sha256)?;
        }
        Ok(())
    }
}

fn map_file(path: &Path) -> Result<Mmap, DataError> {
    let file = File::open(path).map_err(DataError::io("open", path))?;
    // SAFETY: the map is read-only and private to this value; that nobody cuts the file meanwhile is the documented
    // condition of `TokenShards`, whose own writer only ever renames finished folders into place.
    #[expect(unsafe_code, reason = "a file can be mapped in no other way")]
    unsafe { Mmap::map(&file) }.map_err(DataError::io("map", path))
}

fn decode(dtype: TokenDtype, bytes: &[u8], into: &mut [u32]) {
    match dtype {
        TokenDtype::U16 => {
            for (id, bytes) in into.iter_mut().zip(bytes.as_chunks().0) {
                *id = u16::from_le_bytes(*bytes).into();
            }
        }
        TokenDtype::U32 => {
            for (id, bytes) in into.iter_mut().zip(bytes.as_chunks().0) {
                *id = u32::from_le_bytes(*bytes);
            }
        }
    }
}

fn check_sum(path: &Path, bytes: &[u8], expected: &str) -> Result<(), DataError> {
    let found = hexadecimal(Sha256::digest(bytes).as_ref());
    if found == expected {
        return Ok(());
    }
    Err(DataError::Checksum { path: path.to_path_buf(), found, expected: expected.to_owned() })
}
