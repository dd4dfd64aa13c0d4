//! A tokenizer.json, as it is: text to ids, with the special tokens that its post-processor adds or without. It knows neither requests
//! nor models.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokenizers::pipeline::{EncodeOptions, Override, PipelineToken, PipelineTokenizer};

use crate::error::EvalError;

/// A larger id than this is no id but an accident.
const MAX_VOCAB_SIZE: usize = 1 << 24;

/// A tokenizer.json, opened.
///
/// The spelling of a special token within a text is read as that token, as `transformers` does. Truncation and padding of the
/// file are not applied.
pub struct Tokenizer {
    path: PathBuf,
    pipeline: PipelineTokenizer,
    vocab_size: usize,
    /// Of all tokens, by spelling.
    ids: HashMap<String, u32>,
}

impl Tokenizer {
    /// Opens a tokenizer.json, of this or an earlier version of Hugging Face's format.
    ///
    /// # Errors
    /// [`EvalError::Io`] if it can't be read, [`EvalError::Tokenizer`] if it is no tokenizer that this crate can run.
    pub fn open(path: &Path) -> Result<Self, EvalError> {
        let bytes = std::fs::read(path).map_err(EvalError::io("read", path))?;
        let unusable = |problem: String| EvalError::Tokenizer { path: path.to_path_buf(), problem };
        let mut json: Value =
            serde_json::from_slice(&bytes).map_err(|error| unusable(format!("not JSON: {error}")))?;
        tokenizers::canonicalize_value(&mut json).map_err(|error| unusable(error.to_string()))?;
        let vocab_size = vocab_size(&json).map_err(unusable)?;
        let ids = ids(&json);
        // The library has places where an odd file makes it panic; to whoever gave the file that is one more bad input.
        let loaded = std::panic::catch_unwind(|| tokenizers::from_json(&json.to_string()));
        let pipeline = loaded
            .map_err(|_| unusable("the tokenizers library panics on it".into()))?
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Self { path: path.to_path_buf(), pipeline, vocab_size, ids })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One more than the largest id, added tokens included.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// The ids of a text, with the special tokens of the file's post-processor or without.
    ///
    /// # Errors
    /// [`EvalError::Tokenizer`] if the library fails on the text or gives an id outside the vocabulary.
    pub fn encode(&self, text: &str, add_special_tokens: bool) -> Result<Vec<u32>, EvalError> {
        let options = EncodeOptions {
            add_special_tokens,
            encode_special_tokens: false,
            padding: Override::Off,
            truncation: Override::Off,
        };
        let mut tokens = Vec::with_capacity(text.len() / 3);
        self.pipeline.encode_into(text, &options, &mut tokens).map_err(|error| {
            self.unusable(format!("cannot encode a text of {} bytes: {error}", text.len()))
        })?;
        let ids = PipelineToken::cast_slice(&tokens);
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.vocab_size) {
            return Err(self.unusable(format!("gave id {id}, but has {} entries", self.vocab_size)));
        }
        Ok(ids.to_vec())
    }

    /// The text of some ids, special tokens included; bytes that are no whole character become U+FFFD.
    ///
    /// # Errors
    /// [`EvalError::Tokenizer`] for an id outside the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String, EvalError> {
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.vocab_size) {
            return Err(self.unusable(format!("can't decode id {id}, it has {} entries", self.vocab_size)));
        }
        self.pipeline.decode(ids, false).map_err(|error| self.unusable(error.to_string()))
    }

    /// The id of a token by its spelling in the file, among the added ones and those of the model.
    pub fn token_id(&self, spelling: &str) -> Option<u32> {
        self.ids.get(spelling).copied()
    }

    /// How a token is spelt, or `None` for an id that there isn't.
    pub fn spelling(&self, id: u32) -> Option<String> {
        let known = (id as usize) < self.vocab_size;
        known.then(|| self.pipeline.decode(&[id], false).ok()).flatten()
    }

    fn unusable(&self, problem: String) -> EvalError {
        EvalError::Tokenizer { path: self.path.clone(), problem }
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("Tokenizer");
        debug.field("path", &self.path).field("vocab_size", &self.vocab_size).finish_non_exhaustive()
    }
}

/// The ids of all tokens; Unigram lists its tokens with their scores, the others map them to their ids.
fn ids(json: &Value) -> HashMap<String, u32> {
    let id = |id: &Value| u32::try_from(id.as_u64()?).ok();
    let mut ids: HashMap<String, u32> = match json.pointer("/model/vocab") {
        Some(Value::Object(vocab)) => {
            vocab.iter().filter_map(|(token, value)| Some((token.clone(), id(value)?))).collect()
        }
        Some(Value::Array(vocab)) => (0..)
            .zip(vocab)
            .filter_map(|(id, entry)| Some((entry.get(0)?.as_str()?.to_owned(), id)))
            .collect(),
        _ => HashMap::new(),
    };
    let added = json.get("added_tokens").and_then(Value::as_array).into_iter().flatten();
    ids.extend(
        added.filter_map(|entry| Some((entry.get("content")?.as_str()?.to_owned(), id(entry.get("id")?)?))),
    );
    ids
}

/// One more than the largest id of the model's vocabulary (a map of token to id, or for Unigram a list) and the added tokens.
fn vocab_size(json: &Value) -> Result<usize, String> {
    let of_model = match json.pointer("/model/vocab") {
        Some(Value::Object(vocab)) => vocab.values().map(Value::as_u64).collect::<Option<Vec<_>>>(),
        Some(Value::Array(vocab)) => Some((0..vocab.len() as u64).collect()),
        _ => return Err("model.vocab is missing".into()),
    };
    let added = json.get("added_tokens").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let of_added = added.iter().map(|token| token.get("id")?.as_u64()).collect::<Option<Vec<_>>>();
    let ids = of_model.ok_or("an id of model.vocab is no whole number")?.into_iter();
    let ids = ids.chain(of_added.ok_or("an added token has no id")?);
    match ids.max().map(|id| id as usize) {
        None => Err("the vocabulary is empty".into()),
        Some(id) if id >= MAX_VOCAB_SIZE => {
            Err(format!("the largest id is {id}, the most is {}", MAX_VOCAB_SIZE - 1))
        }
        Some(id) => Ok(id + 1),
    }
}
