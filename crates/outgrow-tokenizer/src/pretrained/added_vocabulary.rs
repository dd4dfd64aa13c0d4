//! How the tokenizers library numbers added tokens (0.23, `AddedVocabulary::add_tokens`): a token that the vocabulary
//! has keeps its id, any other gets the next one, whatever a file says. Nothing is encoded here.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::pretrained::special_token::AddedToken;

/// The tokens of a model, by spelling.
#[derive(Debug)]
pub(super) struct ModelVocabulary<'a> {
    ids: HashMap<&'a str, u32>,
}

impl<'a> ModelVocabulary<'a> {
    /// Of `model.vocab` of a tokenizer.json: a map of token to id, or for Unigram a list of tokens with scores.
    pub(super) fn new(vocab: &'a Value) -> Self {
        let id = |id: &Value| u32::try_from(id.as_u64()?).ok();
        let ids = match vocab {
            Value::Object(vocab) => {
                vocab.iter().filter_map(|(token, value)| Some((token.as_str(), id(value)?))).collect()
            }
            Value::Array(vocab) => {
                (0..).zip(vocab).filter_map(|(id, entry)| Some((piece(entry)?, id))).collect()
            }
            _ => HashMap::new(),
        };
        Self { ids }
    }

    fn len(&self) -> u32 {
        self.ids.len() as u32
    }
}

/// A token of a list: by itself, or with its score.
pub(super) fn piece(entry: &Value) -> Option<&str> {
    entry.as_str().or_else(|| entry.get(0)?.as_str())
}

/// Added tokens on top of a model's.
#[derive(Debug)]
pub(super) struct AddedVocabulary<'a> {
    model: ModelVocabulary<'a>,
    ids: HashMap<String, u32>,
    tokens: BTreeMap<u32, AddedToken>,
}

impl<'a> AddedVocabulary<'a> {
    pub(super) fn new(model: ModelVocabulary<'a>) -> Self {
        Self { model, ids: HashMap::new(), tokens: BTreeMap::new() }
    }

    /// Adds tokens in turn, or gives those that are there these flags.
    pub(super) fn add(&mut self, tokens: impl IntoIterator<Item = AddedToken>) {
        let above = self.tokens.last_key_value().map(|(&id, _)| id).filter(|&id| id >= self.model.len());
        let mut next = above.map_or(self.model.len(), |id| id + 1);
        for token in tokens {
            let known = self.token_id(&token.content);
            if token.content.is_empty() || known.is_some_and(|id| self.tokens.get(&id) == Some(&token)) {
                continue;
            }
            let id = known.unwrap_or_else(|| {
                next += 1;
                next - 1
            });
            self.ids.insert(token.content.clone(), id);
            self.tokens.insert(id, token);
        }
    }

    /// Of an added token or one of the model's.
    pub(super) fn token_id(&self, spelling: &str) -> Option<u32> {
        self.ids.get(spelling).or_else(|| self.model.ids.get(spelling)).copied()
    }

    /// How a token is written in the vocabulary.
    pub(super) fn spelling(&self, id: u32) -> Option<&str> {
        let added = self.tokens.get(&id).map(|token| token.content.as_str());
        added.or_else(|| self.model.ids.iter().find(|&(_, &other)| other == id).map(|(token, _)| *token))
    }

    /// Whether a token is among the added ones.
    pub(super) fn has(&self, spelling: &str) -> bool {
        self.tokens.values().any(|token| token.content == spelling)
    }

    /// `added_tokens` of a tokenizer.json.
    pub(super) fn entries(&self) -> Value {
        self.tokens.iter().map(|(&id, token)| token.entry(id)).collect()
    }
}
