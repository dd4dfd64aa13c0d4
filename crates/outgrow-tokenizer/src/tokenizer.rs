//! A tokenizer.json, opened: text to ids and back, the size of its vocabulary, and its tokens by their spelling. It
//! trains no tokenizer, and adds no token of its own accord.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    added_tokens,
    complaint::{complaint, missing},
    engines::{
        characters,
        fast::Fast,
        reference::{AddedToken, Reference},
        scores,
    },
    error::TokenizerError,
    reading::Reading,
};

/// Far above any real vocabulary and far below what an `i32` holds (batches carry ids as such): a larger one is a
/// mistake in the file, for which no table of that many entries should be made.
pub const MAX_VOCAB_SIZE: usize = 1 << 24;

/// The library that turns a text into ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// The rewritten one, for files whose ids are known to be the same.
    Fast,
    /// The one of the Python library.
    Reference,
}

/// What encodes a text.
enum Encoder {
    /// The reference engine.
    Reference,
    /// The fast one for texts for which its ids are known to be the same, else the reference.
    Known(Fast),
    /// The fast one, whatever its ids are.
    Alone(Fast),
}

/// A tokenizer.json, opened.
///
/// Ids, spellings and decoded texts are those of the Python library `tokenizers` 0.23. Truncation and padding of the
/// file are not applied.
///
/// ```
/// use outgrow_tokenizer::{Reading, Tokenizer};
///
/// let json = serde_json::json!({
///     "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
///     "decoder": null, "added_tokens": [], "pre_tokenizer": { "type": "Whitespace" },
///     "model": { "type": "WordLevel", "unk_token": "?", "vocab": { "?": 0, "the": 1, "river": 2 } },
/// });
/// // The path is for messages; a file is opened by `Tokenizer::open`.
/// let tokenizer = Tokenizer::from_json("small".as_ref(), json)?;
/// assert_eq!(tokenizer.encode("the river runs", Reading::TEXT)?, [1, 2, 0]);
/// assert_eq!(tokenizer.decode(&[1, 2])?, "the river");
/// assert_eq!(tokenizer.vocab_size(), 3);
/// # Ok::<(), outgrow_tokenizer::TokenizerError>(())
/// ```
pub struct Tokenizer {
    path: PathBuf,
    reference: Reference,
    encoder: Encoder,
    vocab_size: usize,
    added: Vec<AddedToken>,
    bytes: Vec<u8>,
    notes: Vec<String>,
}

impl Tokenizer {
    /// Opens a tokenizer.json.
    ///
    /// # Errors
    /// [`TokenizerError::Io`] if it can't be read, [`TokenizerError::Unusable`] if the Python library doesn't open it
    /// either.
    pub fn open(path: &Path) -> Result<Self, TokenizerError> {
        let bytes = std::fs::read(path).map_err(TokenizerError::io("read", path))?;
        let json = serde_json::from_slice(text(&bytes)).map_err(|error| TokenizerError::Unusable {
            path: path.to_path_buf(),
            problem: format!("not JSON: {error}"),
        })?;
        Self::from_parts(path, bytes, json)
    }

    /// A tokenizer from JSON that no file holds as it is: one that was put together from several. `path` is what errors
    /// name.
    ///
    /// # Errors
    /// [`TokenizerError::Unusable`] if the Python library doesn't open it either.
    pub fn from_json(path: &Path, json: Value) -> Result<Self, TokenizerError> {
        Self::from_parts(path, json.to_string().into_bytes(), json)
    }

    fn from_parts(path: &Path, bytes: Vec<u8>, mut json: Value) -> Result<Self, TokenizerError> {
        let unusable = |problem: String| TokenizerError::Unusable { path: path.to_path_buf(), problem };
        if let Some(problem) = missing(&json) {
            return Err(unusable(problem));
        }
        let of_model = model_entries(&json);
        within_bounds(of_model.max(1)).map_err(unusable)?;
        let mut notes = Vec::new();
        let mut note = |note: String| notes.push(format!("{}: {note}", path.display()));
        if let Some(dropout) = without_dropout(&mut json) {
            note(format!(
                "dropout {dropout} is left out: with it the tokenizers library drops merges at random, at each call anew"
            ));
        }
        let mut exact = json.clone();
        scores::as_the_library_reads_them(&mut exact["model"]);
        let reference =
            Reference::open(&exact.to_string()).map_err(|said| unusable(complaint(&exact, &said)))?;
        drop(exact);
        let added = reference.added_tokens();
        let of_added = added.iter().map(|token| token.id as usize + 1).max().unwrap_or(0);
        let vocab_size = of_model.max(of_added);
        within_bounds(vocab_size).map_err(unusable)?;
        added_tokens::note(&json, &reference).map(note);
        let encoder = Fast::open_known(&json, &reference).map_or(Encoder::Reference, Encoder::Known);
        Ok(Self { path: path.to_path_buf(), reference, encoder, vocab_size, added, bytes, notes })
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
        let digits = |byte: &u8| {
            [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        };
        Sha256::digest(&self.bytes).iter().flat_map(digits).collect()
    }

    /// What a user should know about the file though it can be used, a line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What to know of a file that this one was put together from, where ids that stand there aren't these.
    pub(crate) fn note_of_source(&self, json: &Value) -> Option<String> {
        Some(format!("{}: {}", self.path.display(), added_tokens::note(json, &self.reference)?))
    }

    /// The engine that encodes most texts of this file. Which one it is changes no id.
    pub fn engine(&self) -> Engine {
        match self.encoder {
            Encoder::Reference => Engine::Reference,
            Encoder::Known(_) | Encoder::Alone(_) => Engine::Fast,
        }
    }

    /// The same tokenizer, encoding every text with one engine, for what compares them. The fast one by itself may give
    /// other ids, or none; `None` if it doesn't open the file.
    pub fn by(self, engine: Engine) -> Option<Self> {
        let encoder = match engine {
            Engine::Reference => Encoder::Reference,
            Engine::Fast => {
                let json = serde_json::from_slice(text(&self.bytes)).ok()?;
                Encoder::Alone(Fast::open(&json, &self.reference)?)
            }
        };
        Some(Self { encoder, ..self })
    }

    /// One more than the largest id, added tokens included; a vocabulary with holes has fewer tokens.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// The id of a token by its spelling in the file, among the added ones and those of the model.
    pub fn token_id(&self, spelling: &str) -> Option<u32> {
        self.reference.token_id(spelling)
    }

    /// How a token is spelt in the file, or `None` for an id that there isn't.
    pub fn spelling(&self, id: u32) -> Option<String> {
        self.reference.spelling(id)
    }

    /// An added token by its spelling.
    pub fn added_token(&self, spelling: &str) -> Option<&AddedToken> {
        self.added.iter().find(|token| token.content == spelling)
    }

    /// The added tokens, special ones and others, by id.
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
        let before = ids.len();
        let done = match &self.encoder {
            Encoder::Reference => false,
            Encoder::Known(fast) => {
                characters::are_classed_alike(text) && fast.encode_into(text, reading, ids).is_ok()
            }
            Encoder::Alone(fast) => {
                fast.encode_into(text, reading, ids).map_err(|problem| self.cannot_encode(text, &problem))?;
                true
            }
        };
        if !done {
            let encoded = self.reference.encode(text, reading);
            ids.truncate(before);
            ids.extend_from_slice(&encoded.map_err(|problem| self.cannot_encode(text, &problem))?);
        }
        match ids[before..].iter().find(|&&id| id as usize >= self.vocab_size) {
            Some(id) => Err(self.unusable(format!("gave id {id}, but has {} entries", self.vocab_size))),
            None => Ok(()),
        }
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

    /// The text of some ids, special tokens included; bytes that are no whole character become U+FFFD. Ids of holes in
    /// the vocabulary are passed over, as the library does.
    ///
    /// # Errors
    /// [`TokenizerError::Unusable`] for an id outside the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.vocab_size) {
            return Err(self.unusable(format!("can't decode id {id}, it has {} entries", self.vocab_size)));
        }
        self.reference
            .decode(ids)
            .map_err(|problem| self.unusable(format!("can't decode {} ids: {problem}", ids.len())))
    }

    fn cannot_encode(&self, text: &str, problem: &str) -> TokenizerError {
        self.unusable(format!("cannot encode a text of {} bytes: {problem}", text.len()))
    }

    fn unusable(&self, problem: String) -> TokenizerError {
        TokenizerError::Unusable { path: self.path.clone(), problem }
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("Tokenizer");
        let debug = debug.field("path", &self.path).field("vocab_size", &self.vocab_size);
        debug.field("engine", &self.engine()).finish_non_exhaustive()
    }
}

/// A file's text without the byte-order mark that some editors put in front.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

/// One more than the largest id of the model's vocabulary: a map of token to id, or for Unigram a list.
fn model_entries(json: &Value) -> usize {
    match json.pointer("/model/vocab") {
        Some(Value::Object(vocab)) => {
            vocab.values().filter_map(Value::as_u64).max().map_or(0, |id| id as usize + 1)
        }
        Some(Value::Array(vocab)) => vocab.len(),
        _ => 0,
    }
}

fn within_bounds(vocab_size: usize) -> Result<(), String> {
    if vocab_size == 0 {
        return Err("the vocabulary is empty".into());
    }
    if vocab_size > MAX_VOCAB_SIZE {
        return Err(format!("the largest id is {}, the most is {}", vocab_size - 1, MAX_VOCAB_SIZE - 1));
    }
    Ok(())
}

/// Takes a BPE's dropout away, if it is one by chance: 0 is none, and with 1 nothing ever merges.
fn without_dropout(json: &mut Value) -> Option<f64> {
    let dropout = json.get_mut("model")?.get_mut("dropout")?;
    let by_chance = dropout.as_f64().filter(|&dropout| (dropout as f32) > 0.0 && (dropout as f32) < 1.0)?;
    *dropout = Value::Null;
    Some(by_chance)
}
