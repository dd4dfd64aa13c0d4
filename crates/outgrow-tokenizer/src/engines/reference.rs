//! The reference engine: the `tokenizers` library of the version line that the Python library has, with the same
//! regular expressions. What it says an id is, is the id. It is the slower of the two.

use std::sync::OnceLock;

use serde_json::{Value, json};

use tokenizers_reference::{AddedToken as Token, Tokenizer as Library};

use crate::{
    engines::quiet::caught,
    reading::{Reading, SpecialSpellings},
};

/// A token beside the model's vocabulary (its spelling may be in there too).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedToken {
    /// Its id.
    pub id: u32,
    /// Its spelling, such as `<|endoftext|>`.
    pub content: String,
    /// Whether it is a special one: control rather than text.
    pub special: bool,
}

/// A tokenizer as the library opened it.
pub(crate) struct Reference {
    /// Reads special tokens' spellings as these tokens.
    reading_tokens: Library,
    /// The same, reading them as text: the library has one switch for all calls. Made when it is first asked for.
    reading_text: OnceLock<Result<Box<Library>, String>>,
}

impl Reference {
    /// Opens the text of a tokenizer.json. The error is the library's.
    pub(crate) fn open(json: &str) -> Result<Self, String> {
        let mut library: Library = caught(|| json.parse::<Library>().map_err(|error| error.to_string()))??;
        library.with_padding(None);
        caught(|| library.with_truncation(None).map(|_| ()).map_err(|error| error.to_string()))??;
        Ok(Self { reading_tokens: library, reading_text: OnceLock::new() })
    }

    /// The ids of a text.
    pub(crate) fn encode(&self, text: &str, reading: Reading) -> Result<Vec<u32>, String> {
        let library = match reading.special_spellings {
            SpecialSpellings::AsTokens => &self.reading_tokens,
            SpecialSpellings::AsText => self.reading_text()?,
        };
        let encoded = caught(|| {
            library.encode_fast(text, reading.add_special_tokens).map_err(|error| error.to_string())
        })??;
        Ok(encoded.get_ids().to_vec())
    }

    fn reading_text(&self) -> Result<&Library, String> {
        if !self.added_tokens().iter().any(|token| token.special) {
            return Ok(&self.reading_tokens);
        }
        let made = self.reading_text.get_or_init(|| {
            caught(|| {
                let mut library = Box::new(self.reading_tokens.clone());
                library.set_encode_special_tokens(true);
                library
            })
        });
        made.as_ref().map(Box::as_ref).map_err(Clone::clone)
    }

    /// The text of some ids, special tokens included; ids that there aren't are left out.
    pub(crate) fn decode(&self, ids: &[u32]) -> Result<String, String> {
        // A decoder of the library counts down from the number of tokens, and 0 has nothing below it.
        if ids.iter().all(|&id| self.reading_tokens.id_to_token(id).is_none()) {
            return Ok(String::new());
        }
        caught(|| self.reading_tokens.decode(ids, false).map_err(|error| error.to_string()))?
    }

    /// The id of a token by its spelling.
    pub(crate) fn token_id(&self, spelling: &str) -> Option<u32> {
        self.reading_tokens.token_to_id(spelling)
    }

    /// The spelling of a token of the model or beside it.
    pub(crate) fn spelling(&self, id: u32) -> Option<String> {
        // The library gives an added token's normalised form; what it was called stands beside that.
        let added = self.reading_tokens.get_added_vocabulary().get_added_tokens_decoder();
        added.get(&id).map(|token| token.content.clone()).or_else(|| self.reading_tokens.id_to_token(id))
    }

    /// The tokens beside the model's vocabulary as a tokenizer.json lists them, with their ids, by id.
    pub(crate) fn listed(&self) -> Value {
        let added = self.reading_tokens.get_added_vocabulary().get_added_tokens_decoder();
        let mut listed: Vec<_> = added.iter().collect();
        listed.sort_by_key(|(id, _)| **id);
        let entry = |(id, token): (&u32, &Token)| {
            json!({
                "id": id, "content": token.content, "single_word": token.single_word, "lstrip": token.lstrip,
                "rstrip": token.rstrip, "normalized": token.normalized, "special": token.special,
            })
        };
        listed.into_iter().map(entry).collect()
    }

    /// The tokens beside the model's vocabulary, by id.
    pub(crate) fn added_tokens(&self) -> Vec<AddedToken> {
        let added = self.reading_tokens.get_added_vocabulary();
        let token = |(content, &id): (&String, &u32)| AddedToken {
            id,
            content: content.clone(),
            special: added.is_special_token(content),
        };
        let mut tokens: Vec<_> = added.get_vocab().iter().map(token).collect();
        tokens.sort_by(|one, other| (one.id, &one.content).cmp(&(other.id, &other.content)));
        tokens
    }
}
