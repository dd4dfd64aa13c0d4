//! A special or added token as the files of a folder write it: a spelling, or a spelling with flags. It has no id here.

use serde_json::{Map, Value};

/// A token with flags; `normalized` is left open where a file is silent, and then follows from `special`.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "these are the library's flags")]
pub(super) struct AddedToken {
    pub content: String,
    pub single_word: bool,
    pub lstrip: bool,
    pub rstrip: bool,
    pub normalized: Option<bool>,
    pub special: bool,
}

/// A token that a configuration names.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SpecialToken {
    /// By its spelling alone.
    Spelling(String),
    /// With flags.
    Added(AddedToken),
}

impl AddedToken {
    /// A special token without further flags.
    pub(super) fn special(content: &str) -> Self {
        let content = content.to_owned();
        Self { content, single_word: false, lstrip: false, rstrip: false, normalized: None, special: true }
    }

    /// From an object with `content` and flags.
    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let content = value.get("content")?.as_str()?.to_owned();
        let flag = |name: &str| value.get(name).and_then(Value::as_bool);
        Some(Self {
            content,
            single_word: flag("single_word").unwrap_or(false),
            lstrip: flag("lstrip").unwrap_or(false),
            rstrip: flag("rstrip").unwrap_or(false),
            normalized: flag("normalized"),
            special: flag("special").unwrap_or(false),
        })
    }

    /// Whether the token is looked for in the normalized text.
    pub(super) fn is_normalized(&self) -> bool {
        self.normalized.unwrap_or(!self.special)
    }

    /// An entry of `added_tokens` of a tokenizer.json.
    pub(super) fn entry(&self, id: u32) -> Value {
        let mut entry = Map::new();
        entry.insert("id".into(), id.into());
        entry.insert("content".into(), self.content.clone().into());
        let flags = [
            ("single_word", self.single_word),
            ("lstrip", self.lstrip),
            ("rstrip", self.rstrip),
            ("normalized", self.is_normalized()),
            ("special", self.special),
        ];
        entry.extend(flags.map(|(name, flag)| (name.into(), flag.into())));
        entry.into()
    }
}

impl PartialEq for AddedToken {
    fn eq(&self, other: &Self) -> bool {
        let key = |token: &Self| {
            (token.single_word, token.lstrip, token.rstrip, token.is_normalized(), token.special)
        };
        self.content == other.content && key(self) == key(other)
    }
}

impl SpecialToken {
    /// From a text, or an object with `content`.
    pub(super) fn from_json(value: &Value) -> Option<Self> {
        value.as_str().map_or_else(
            || AddedToken::from_json(value).map(Self::Added),
            |spelling| Some(Self::Spelling(spelling.to_owned())),
        )
    }

    pub(super) fn spelling(&self) -> &str {
        match self {
            Self::Spelling(spelling) => spelling,
            Self::Added(token) => &token.content,
        }
    }

    /// With flags: a spelling alone is a special token without further ones.
    pub(super) fn into_added(self) -> AddedToken {
        match self {
            Self::Spelling(spelling) => AddedToken::special(&spelling),
            Self::Added(token) => token,
        }
    }
}
