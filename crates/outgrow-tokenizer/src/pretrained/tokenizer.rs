//! A tokenizer with what its folder says about it: the tokens that it has names for, and what it reads in a text. Files
//! are read elsewhere.

use std::{fmt, str::FromStr};

use crate::{
    error::TokenizerError,
    pretrained::class::TokenizerClass,
    reading::{Reading, SpecialSpellings},
    tokenizer::Tokenizer,
};

/// What decides how a folder's tokenizer reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TokenizerSource {
    /// The class that the folder names, as transformers builds it.
    #[default]
    Class,
    /// tokenizer.json, as it is.
    File,
}

impl TokenizerSource {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Class, Self::File];
}

/// `class` or `file`.
impl fmt::Display for TokenizerSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Class => "class",
            Self::File => "file",
        })
    }
}

impl FromStr for TokenizerSource {
    type Err = TokenizerError;

    fn from_str(word: &str) -> Result<Self, TokenizerError> {
        let found = Self::ALL.into_iter().find(|source| source.to_string() == word);
        found.ok_or_else(|| TokenizerError::UnknownSource { word: word.to_owned() })
    }
}

/// A token with its spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedToken {
    /// As text.
    pub spelling: String,
    /// As id.
    pub id: u32,
}

/// The tokens that a tokenizer has names for, as far as it has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedTokens {
    /// Begins a text.
    pub bos: Option<NamedToken>,
    /// Ends a text.
    pub eos: Option<NamedToken>,
    /// Stands for what the vocabulary lacks.
    pub unk: Option<NamedToken>,
    /// Fills up rows.
    pub pad: Option<NamedToken>,
}

/// A tokenizer with what a folder says about it.
#[derive(Debug)]
pub struct PretrainedTokenizer {
    pub(super) tokenizer: Tokenizer,
    pub(super) named: NamedTokens,
    pub(super) named_by_config: bool,
    pub(super) class: Option<TokenizerClass>,
    pub(super) source: TokenizerSource,
    pub(super) special_spellings: SpecialSpellings,
    /// Decoding takes out spaces before punctuation.
    pub(super) cleans_up_spaces: bool,
    pub(super) notes: Vec<String>,
}

impl PretrainedTokenizer {
    /// A tokenizer.json by itself: nothing names tokens, and special ones are read in texts.
    pub fn plain(tokenizer: Tokenizer) -> Self {
        Self {
            notes: tokenizer.notes().to_vec(),
            tokenizer,
            named: NamedTokens::default(),
            named_by_config: false,
            class: None,
            source: TokenizerSource::File,
            special_spellings: SpecialSpellings::AsTokens,
            cleans_up_spaces: false,
        }
    }

    /// The tokenizer underneath.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The tokens that it has names for.
    pub fn named(&self) -> &NamedTokens {
        &self.named
    }

    /// Whether no file of the tokenizer's names a token that begins or ends a text, so that those are config.json's.
    pub fn is_named_by_config(&self) -> bool {
        self.named_by_config
    }

    /// The class that transformers gives the folder, where it is one.
    pub fn class(&self) -> Option<&TokenizerClass> {
        self.class.as_ref()
    }

    /// What decided.
    pub fn source(&self) -> TokenizerSource {
        self.source
    }

    /// What a user should know about it, a line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The ids of a text, with the special tokens of the template or without.
    ///
    /// # Errors
    /// [`TokenizerError::Unusable`] if the library fails on the text.
    pub fn encode(&self, text: &str, add_special_tokens: bool) -> Result<Vec<u32>, TokenizerError> {
        let special_spellings = self.special_spellings;
        self.tokenizer.encode(text, Reading { special_spellings, add_special_tokens })
    }

    /// The text of some ids, special tokens included.
    ///
    /// # Errors
    /// [`TokenizerError::Unusable`] for an id outside the vocabulary.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TokenizerError> {
        let text = self.tokenizer.decode(ids)?;
        Ok(if self.cleans_up_spaces { cleaned_up(&text) } else { text })
    }

    /// What the template puts in front of a text and behind it.
    ///
    /// # Errors
    /// [`TokenizerError::Unusable`] if the library fails on a text of one letter.
    pub fn around(&self) -> Result<(Vec<u32>, Vec<u32>), TokenizerError> {
        let (with, without) = (self.encode("a", true)?, self.encode("a", false)?);
        let place = (0..=with.len().saturating_sub(without.len()))
            .find(|&place| with[place..].starts_with(&without))
            .unwrap_or(with.len());
        let end = (place + without.len()).min(with.len());
        Ok((with[..place].to_vec(), with[end..].to_vec()))
    }
}

/// `clean_up_tokenization`: what tokenizers that split at punctuation leave behind.
fn cleaned_up(text: &str) -> String {
    let pairs = [
        (" .", "."),
        (" ?", "?"),
        (" !", "!"),
        (" ,", ","),
        (" ' ", "'"),
        (" n't", "n't"),
        (" 'm", "'m"),
        (" 's", "'s"),
        (" 've", "'ve"),
        (" 're", "'re"),
    ];
    pairs.into_iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
