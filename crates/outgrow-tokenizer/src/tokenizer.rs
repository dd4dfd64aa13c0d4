//! A tokenizer.json, opened: text to ids and back, the size of its vocabulary, and its tokens by their spelling. It trains no
//! tokenizer, and adds no token of its own accord.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokenizers::pipeline::{EncodeOptions, Override, PipelineToken, PipelineTokenizer};

use crate::added_tokens::{self, AddedToken};
use crate::error::TokenizerError;
use crate::reading::{Reading, SpecialSpellings};

/// Far above any real vocabulary and far below what an `i32` holds (batches carry ids as such): a larger one is a mistake in
/// the file, for which no table of that many entries should be made.
pub const MAX_VOCAB_SIZE: usize = 1 << 24;

/// A tokenizer.json, opened.
///
/// Truncation and padding of the file are not applied.
pub struct Tokenizer {
    path: PathBuf,
    pipeline: PipelineTokenizer,
    vocab_size: usize,
    /// Of all tokens, by spelling.
    ids: HashMap<String, u32>,
    added: Vec<AddedToken>,
    bytes: Vec<u8>,
    notes: Vec<String>,
}

impl Tokenizer {
    /// Opens a tokenizer.json, of this or an earlier version of Hugging Face's format.
    ///
    /// # Errors
    /// [`TokenizerError::Io`] if it can't be read, [`TokenizerError::Unusable`] if it is no tokenizer that this crate can run.
    pub fn open(path: &Path) -> Result<Self, TokenizerError> {
        let bytes = std::fs::read(path).map_err(TokenizerError::io("read", path))?;
        let json = serde_json::from_slice(&bytes).map_err(|error| TokenizerError::Unusable {
            path: path.to_path_buf(),
            problem: format!("not JSON: {error}"),
        })?;
        Self::from_parts(path, bytes, json)
    }

    /// A tokenizer from JSON that no file holds as it is: one that was put together from several. `path` is what errors name.
    ///
    /// # Errors
    /// [`TokenizerError::Unusable`] if it is no tokenizer that this crate can run.
    pub fn from_json(path: &Path, json: Value) -> Result<Self, TokenizerError> {
        Self::from_parts(path, json.to_string().into_bytes(), json)
    }

    fn from_parts(path: &Path, bytes: Vec<u8>, mut json: Value) -> Result<Self, TokenizerError> {
        let unusable = |problem: String| TokenizerError::Unusable { path: path.to_path_buf(), problem };
        tokenizers::canonicalize_value(&mut json).map_err(|error| unusable(error.to_string()))?;
        let added = added_tokens::listed(&json).map_err(unusable)?;
        let ids = ids(&json, &added).map_err(unusable)?;
        let vocab_size = vocab_size(&ids).map_err(unusable)?;
        // The library has places where an odd file makes it panic; to whoever gave the file that is one more bad input.
        let loaded = std::panic::catch_unwind(|| tokenizers::from_json(&json.to_string()));
        let pipeline = loaded
            .map_err(|_| unusable("the tokenizers library panics on it".into()))?
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Self { path: path.to_path_buf(), pipeline, vocab_size, ids, added, bytes, notes: Vec::new() })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file as it was read, or the JSON that was given instead of one.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The SHA-256 of [`bytes`](Self::bytes), in lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What a user should know about the file though it can be used, a line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// One more than the largest id, added tokens included.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// The id of a token by its spelling in the file, among the added ones and those of the model.
    pub fn token_id(&self, spelling: &str) -> Option<u32> {
        self.ids.get(spelling).copied()
    }

    /// How a token is spelt in the file, or `None` for an id that there isn't.
    pub fn spelling(&self, id: u32) -> Option<String> {
        let known = (id as usize) < self.vocab_size;
        known.then(|| self.pipeline.decode(&[id], false).ok()).flatten()
    }

    /// An added token by its spelling.
    pub fn added_token(&self, spelling: &str) -> Option<&AddedToken> {
        self.added.iter().find(|token| token.content == spelling)
    }

    /// The added tokens, special ones and others, in the file's order.
    pub fn added_tokens(&self) -> &[AddedToken] {
        &self.added
    }

    /// The special ones of the added tokens.
    pub fn special_tokens(&self) -> impl Iterator<Item = &AddedToken> {
        self.added.iter().filter(|token| token.special)
    }

    /// The ids of a text, behind those already in `ids`.
    ///
    /// # Errors
    /// [`TokenizerError::Unusable`] if the library fails on the text or gives an id outside the vocabulary.
    pub fn encode_into(
        &self,
        text: &str,
        reading: Reading,
        ids: &mut Vec<u32>,
    ) -> Result<(), TokenizerError> {
        let options = EncodeOptions {
            add_special_tokens: reading.add_special_tokens,
            encode_special_tokens: match reading.special_spellings {
                SpecialSpellings::AsText => true,
                SpecialSpellings::AsTokens => false,
            },
            padding: Override::Off,
            truncation: Override::Off,
        };
        let mut tokens = Vec::with_capacity(text.len() / 3);
        self.pipeline.encode_into(text, &options, &mut tokens).map_err(|error| {
            self.unusable(format!("cannot encode a text of {} bytes: {error}", text.len()))
        })?;
        let encoded = PipelineToken::cast_slice(&tokens);
        if let Some(id) = encoded.iter().find(|&&id| id as usize >= self.vocab_size) {
            return Err(self.unusable(format!("gave id {id}, but has {} entries", self.vocab_size)));
        }
        ids.extend_from_slice(encoded);
        Ok(())
    }

    /// The ids of a text.
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into).
    pub fn encode(&self, text: &str, reading: Reading) -> Result<Vec<u32>, TokenizerError> {
        let mut ids = Vec::new();
        self.encode_into(text, reading, &mut ids)?;
        Ok(ids)
    }

    /// The text of some ids, special tokens included; bytes that are no whole character become U+FFFD.
    ///
    /// # Errors
    /// [`TokenizerError::Unusable`] for an id outside the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.vocab_size) {
            return Err(self.unusable(format!("can't decode id {id}, it has {} entries", self.vocab_size)));
        }
        self.pipeline.decode(ids, false).map_err(|error| self.unusable(error.to_string()))
    }

    fn unusable(&self, problem: String) -> TokenizerError {
        TokenizerError::Unusable { path: self.path.clone(), problem }
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("Tokenizer");
        debug.field("path", &self.path).field("vocab_size", &self.vocab_size).finish_non_exhaustive()
    }
}

/// The ids of all tokens. Unigram lists its tokens with their scores, the other models map them to their ids.
fn ids(json: &Value, added: &[AddedToken]) -> Result<HashMap<String, u32>, String> {
    let mut ids: HashMap<String, u32> = match json.pointer("/model/vocab") {
        Some(Value::Object(vocab)) => {
            let id = |(token, id): (&String, &Value)| {
                let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
                id.map(|id| (token.clone(), id))
                    .ok_or_else(|| format!("the id of {token:?} is not a number below 2^32"))
            };
            vocab.iter().map(id).collect::<Result<_, _>>()?
        }
        Some(Value::Array(vocab)) => (0..)
            .zip(vocab)
            .filter_map(|(id, entry)| Some((entry.get(0)?.as_str()?.to_owned(), id)))
            .collect(),
        _ => return Err("model.vocab is missing".into()),
    };
    ids.extend(added.iter().map(|token| (token.content.clone(), token.id)));
    Ok(ids)
}

/// One more than the largest of all ids.
fn vocab_size(ids: &HashMap<String, u32>) -> Result<usize, String> {
    match ids.values().max().map(|&id| id as usize) {
        None => Err("the vocabulary is empty".into()),
        Some(id) if id >= MAX_VOCAB_SIZE => {
            Err(format!("the largest id is {id}, the most is {}", MAX_VOCAB_SIZE - 1))
        }
        Some(id) => Ok(id + 1),
    }
}
