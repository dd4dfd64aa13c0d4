//! How a text is read: as text alone, or as `transformers` reads it. It reads nothing itself.

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What a special token's spelling within the text is.
    pub special_spellings: SpecialSpellings,
    /// Whether the special tokens of the file's post-processor are put around the text.
    pub add_special_tokens: bool,
}

/// What a special token's spelling within a text is (`<|endoftext|>` in a page about tokenizers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpecialSpellings {
    /// Text like any other (`encode_special_tokens` of the Python library, `split_special_tokens` of `transformers`).
    AsText,
    /// That token, which is what both do by default.
    AsTokens,
}

impl Reading {
    /// Text is only ever text: nothing in it is a special token, and none is added. So a corpus is read.
    pub const TEXT: Self = Self { special_spellings: SpecialSpellings::AsText, add_special_tokens: false };

    /// As `transformers` reads a prompt, with or without the post-processor's special tokens.
    pub const fn tokens(add_special_tokens: bool) -> Self {
        Self { special_spellings: SpecialSpellings::AsTokens, add_special_tokens }
    }
}
