//! Which documents of a corpus are held out. A document is drawn by a hash of its text: neither its place nor its
//! neighbours count, and copies of a text are on one side. It writes nothing.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::error::DataError;

/// A validation reads at least so many tokens.
const LEAST_TOKENS: u64 = 1 << 10;
/// Whole documents may come to this part of the tokens, where less was asked for.
const MOST_BY_DOCUMENTS: f64 = 0.1;

/// How a corpus is split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// The part of the documents that is held out, above 0 and at most 0.5.
    pub validation_fraction: f64,
    /// Another seed holds out others.
    pub seed: u64,
}

/// One of the two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Training,
    Validation,
}

impl Side {
    pub(crate) const ALL: [Self; 2] = [Self::Training, Self::Validation];

    /// Its folder.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Validation => "validation",
        }
    }
}

/// How documents are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Draw {
    /// Those whose hash is up to a number.
    UpTo { hash: u64, seed: u64 },
    /// Of each document the end, as there are too few.
    Ends { fraction: f64 },
}

/// What came of a draw.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    tokens: [u64; 2],
    documents: [u64; 2],
    /// Tokens by hash: of the smallest hashes, so many as come to [`LEAST_TOKENS`].
    smallest: BTreeMap<u64, u64>,
    of_smallest: u64,
}

impl Parts {
    pub(crate) fn add(&mut self, side: Side, hash: u64, tokens: u64) {
        self.tokens[side as usize] += tokens;
        self.documents[side as usize] += 1;
        *self.smallest.entry(hash).or_default() += tokens;
        self.of_smallest += tokens;
        while let Some(largest) = self.smallest.last_entry()
            && self.of_smallest - largest.get() >= LEAST_TOKENS
        {
            self.of_smallest -= largest.remove();
        }
    }

    /// Of both.
    pub(crate) fn tokens(&self) -> u64 {
        self.tokens.iter().sum()
    }

    fn validation_tokens(&self) -> u64 {
        self.tokens[Side::Validation as usize]
    }

    fn share(&self, tokens: u64) -> f64 {
        tokens as f64 / self.tokens() as f64
    }
}

impl Draw {
    /// # Errors
    /// When the fraction isn't one.
    pub(crate) fn by_fraction(split: &Split) -> Result<Self, DataError> {
        let Split { validation_fraction: fraction, seed } = *split;
        if !(fraction > 0.0 && fraction <= 0.5) {
            return Err(DataError::ValidationFraction { fraction });
        }
        // 2^64 as a float; what is converted back is at most half of it.
        Ok(Self::UpTo { hash: (fraction * (u64::MAX as f64)) as u64, seed })
    }

    /// A document in one piece or in two, each with what [`Draw::side`] decides by.
    pub(crate) fn pieces<'a>(&self, text: &'a str) -> [Option<(u64, &'a str)>; 2] {
        match self {
            Self::UpTo { seed, .. } => [Some((hash(text, *seed), text)), None],
            Self::Ends { fraction } => match cut(text, *fraction) {
                Some((head, end)) => [Some((u64::MAX, head)), Some((0, end))],
                None => [Some((u64::MAX, text)), None],
            },
        }
    }

    pub(crate) fn side(&self, drawn: u64) -> Side {
        let up_to = match self {
            Self::UpTo { hash, .. } => *hash,
            Self::Ends { .. } => 0,
        };
        if drawn <= up_to { Side::Validation } else { Side::Training }
    }

    /// How to draw instead, where what came of this can't be used.
    ///
    /// # Errors
    /// When the corpus is too small for any.
    pub(crate) fn another(&self, split: &Split, parts: &Parts) -> Result<Option<Self>, DataError> {
        let total = parts.tokens();
        let most = MOST_BY_DOCUMENTS.max(2.0 * split.validation_fraction);
        let (held_out, too_small) =
            (parts.validation_tokens(), DataError::TooSmallForTwo { tokens: total, least: 2 * LEAST_TOKENS });
        if total < 2 * LEAST_TOKENS {
            return Err(too_small);
        }
        let is_enough = held_out >= LEAST_TOKENS && parts.share(held_out) <= most;
        match self {
            _ if is_enough => Ok(None),
            Self::UpTo { hash, seed } => {
                let last = parts.smallest.last_key_value().map_or(0, |(hash, _)| *hash);
                if held_out < LEAST_TOKENS && last > *hash && parts.share(parts.of_smallest) <= most {
                    return Ok(Some(Self::UpTo { hash: last, seed: *seed }));
                }
                // A little more than is needed, as tokens aren't even in the text.
                let needed = 1.1 * parts.share(LEAST_TOKENS);
                Ok(Some(Self::Ends { fraction: split.validation_fraction.max(needed).min(0.5) }))
            }
            // Ends of short texts in long words may come to less or more.
            Self::Ends { .. } if held_out > 0 && held_out < total => Ok(None),
            Self::Ends { .. } => Err(too_small),
        }
    }

    /// What a person should know of the choice.
    pub(crate) fn note(&self, split: &Split, parts: &Parts) -> Option<String> {
        let tokens = parts.validation_tokens();
        let [share, asked] = [parts.share(tokens), split.validation_fraction].map(|part| 100.0 * part);
        match (self, Self::by_fraction(split)) {
            (Self::Ends { .. }, _) => Some(format!(
                "too few documents to hold whole ones out: of each, the end is held out, {tokens} tokens ({share:.1} %) in all"
            )),
            (drawn, Ok(first)) if *drawn != first => Some(format!(
                "{asked} % of the documents came to less than {LEAST_TOKENS} tokens: {} documents are held out, {tokens} tokens ({share:.1} %)",
                parts.documents[Side::Validation as usize]
            )),
            _ => None,
        }
    }
}

/// Where a text stands among all.
fn hash(text: &str, seed: u64) -> u64 {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(text).finalize();
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A text in two: at the end of a paragraph, or else of a line or a word, so that the second part is this fraction of
/// it, or up to twice as much. `None` where one of them would be empty.
fn cut(text: &str, fraction: f64) -> Option<(&str, &str)> {
    let end = (text.len() as f64 * fraction).ceil() as usize;
    let latest = text.floor_char_boundary(text.len().saturating_sub(end));
    let earliest = text.floor_char_boundary(latest.saturating_sub(end));
    let window = &text[earliest..latest];
    let behind = |gap: &str| window.rfind(gap).map(|at| earliest + at + gap.len());
    let at = behind("\n\n").or_else(|| behind("\n")).or_else(|| behind(" ")).unwrap_or(latest);
    let (head, end) = text.split_at(at);
    (!head.trim().is_empty() && !end.trim().is_empty()).then_some((head, end))
}
