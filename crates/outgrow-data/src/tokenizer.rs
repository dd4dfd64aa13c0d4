//! A tokenizer.json, opened: text to ids and back, the size of the vocabulary, and the token that separates documents. It
//! trains no tokenizer, and it adds no token of its own accord.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokenizers::pipeline::{EncodeOptions, Override, PipelineToken, PipelineTokenizer};

use crate::error::DataError;
use crate::manifest::{MAX_VOCAB_SIZE, Separator, hexadecimal};

/// Tokens that end a text, or failing that begin one, in the order in which they are looked for.
const SEPARATORS: [&str; 6] = ["<|endoftext|>", "<|end_of_text|>", "<eos>", "</s>", "<s>", "<bos>"];

/// A tokenizer.json, opened.
///
/// Text is only ever text: neither does encoding add the special tokens of the file's post-processor, nor is the spelling
/// of a special token in a document (`<|endoftext|>` in a page about tokenizers) read as that token. Only the program puts
/// special tokens in. Truncation and padding of the file are not applied either.
pub struct Tokenizer {
    path: PathBuf,
    pipeline: PipelineTokenizer,
    vocab_size: usize,
    /// The file's `added_tokens`, by spelling.
    added: BTreeMap<String, u32>,
    bytes: Vec<u8>,
}

impl Tokenizer {
    /// Opens a tokenizer.json, of this or an earlier version of Hugging Face's format.
    ///
    /// # Errors
    /// [`DataError::Io`] if it can't be read, [`DataError::Tokenizer`] if it is no tokenizer that this crate can run.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let bytes = std::fs::read(path).map_err(DataError::io("read", path))?;
        let unusable = |problem: String| DataError::Tokenizer { path: path.to_path_buf(), problem };
        let mut json: Value =
            serde_json::from_slice(&bytes).map_err(|error| unusable(format!("not JSON: {error}")))?;
        tokenizers::canonicalize_value(&mut json).map_err(|error| unusable(error.to_string()))?;
        let added = added_tokens(&json).map_err(unusable)?;
        let vocab_size = vocab_size(&json, &added).map_err(unusable)?;
        // The library has places where an odd file makes it panic; to whoever gave the file that is one more bad input.
        let loaded = std::panic::catch_unwind(|| tokenizers::from_json(&json.to_string()));
        let pipeline = loaded
            .map_err(|_| unusable("the tokenizers library panics on it".into()))?
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Self { path: path.to_path_buf(), pipeline, vocab_size, added, bytes })
    }

    /// One more than the largest id, added tokens included.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// The SHA-256 of the file's bytes, in lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        hexadecimal(Sha256::digest(&self.bytes).as_ref())
    }

    /// The file as it was read.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The id of an added (special) token.
    pub fn added_token(&self, token: &str) -> Option<u32> {
        self.added.get(token).copied()
    }

    /// The token to put in front of each document: the one named, or the first of `<|endoftext|>`, `<|end_of_text|>`,
    /// `<eos>`, `</s>`, `<s>` and `<bos>` that the tokenizer has.
    ///
    /// # Errors
    /// [`DataError::Separator`] if there is none such among the added tokens.
    pub fn separator(&self, named: Option<&str>) -> Result<Separator, DataError> {
        let found = match named {
            Some(token) => self.added.get_key_value(token),
            None => SEPARATORS.iter().find_map(|&token| self.added.get_key_value(token)),
        };
        found.map(|(token, &id)| Separator { id, token: token.clone() }).ok_or_else(|| {
            let wanted = named.map_or_else(
                || format!("none of {}", SEPARATORS.join(", ")),
                |token| format!("no {token:?}"),
            );
            let known = self.added.keys().take(8).map(String::as_str).collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "it has none".into() } else { format!("it has {known}") };
            let problem =
                format!("{wanted} among the tokenizer's added tokens ({known}); name one as the separator");
            DataError::Separator { path: self.path.clone(), problem }
        })
    }

    /// The ids of a text, behind those already in `ids`.
    ///
    /// # Errors
    /// [`DataError::Tokenizer`] if the library fails on the text or gives an id outside the vocabulary.
    pub fn encode_into(&self, text: &str, ids: &mut Vec<u32>) -> Result<(), DataError> {
        let options = EncodeOptions {
            add_special_tokens: false,
            encode_special_tokens: true,
            padding: Override::Off,
            truncation: Override::Off,
        };
        let unusable = |problem: String| DataError::Tokenizer { path: self.path.clone(), problem };
        let mut tokens = Vec::with_capacity(text.len() / 3);
        self.pipeline
            .encode_into(text, &options, &mut tokens)
            .map_err(|error| unusable(format!("cannot encode a text of {} bytes: {error}", text.len())))?;
        let encoded = PipelineToken::cast_slice(&tokens);
        if let Some(id) = encoded.iter().find(|&&id| id as usize >= self.vocab_size) {
            return Err(unusable(format!("gave id {id}, but has {} entries", self.vocab_size)));
        }
        ids.extend_from_slice(encoded);
        Ok(())
    }

    /// The ids of a text.
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into).
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, DataError> {
        let mut ids = Vec::new();
        self.encode_into(text, &mut ids)?;
        Ok(ids)
    }

    /// The text of some ids, special tokens included; bytes that are no whole character become U+FFFD.
    ///
    /// # Errors
    /// [`DataError::Tokenizer`] for an id outside the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String, DataError> {
        let unusable = |problem: String| DataError::Tokenizer { path: self.path.clone(), problem };
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.vocab_size) {
            return Err(unusable(format!("can't decode id {id}, it has {} entries", self.vocab_size)));
        }
        self.pipeline.decode(ids, false).map_err(|error| unusable(error.to_string()))
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("Tokenizer");
        debug.field("path", &self.path).field("vocab_size", &self.vocab_size).finish_non_exhaustive()
    }
}

fn added_tokens(json: &Value) -> Result<BTreeMap<String, u32>, String> {
    let Some(listed) = json.get("added_tokens").filter(|listed| !listed.is_null()) else {
        return Ok(BTreeMap::new());
    };
    let listed = listed.as_array().ok_or("added_tokens is not a list")?;
    let token = |entry: &Value| {
        let id = u32::try_from(entry.get("id")?.as_u64()?).ok()?;
        Some((entry.get("content")?.as_str()?.to_owned(), id))
    };
    let parsed = listed.iter().map(|entry| token(entry).ok_or_else(|| entry.to_string()));
    parsed.collect::<Result<_, _>>().map_err(|entry| format!("added token {entry} lacks an id or a content"))
}

/// One more than the largest id of the model's vocabulary (a map of token to id, or for Unigram a list) and the added
/// tokens.
fn vocab_size(json: &Value, added: &BTreeMap<String, u32>) -> Result<usize, String> {
    let of_model = match json.pointer("/model/vocab") {
        Some(Value::Object(vocab)) => {
            let ids = vocab.iter().map(|(token, id)| {
                let id = id.as_u64().filter(|&id| id <= u32::MAX.into());
                id.map(|id| id as usize + 1)
                    .ok_or_else(|| format!("the id of {token:?} is not a number below 2^32"))
            });
            ids.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(0)
        }
        Some(Value::Array(vocab)) => vocab.len(),
        _ => return Err("model.vocab is missing".into()),
    };
    let of_added = added.values().map(|&id| id as usize + 1).max().unwrap_or(0);
    match of_model.max(of_added) {
        0 => Err("the vocabulary is empty".into()),
        size if size > MAX_VOCAB_SIZE => {
            Err(format!("the largest id is {}, the most is {}", size - 1, MAX_VOCAB_SIZE - 1))
        }
        size => Ok(size),
    }
}
