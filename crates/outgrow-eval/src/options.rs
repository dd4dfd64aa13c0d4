//! What can be chosen about an evaluation, and is written into its results. What is chosen about the machine (batches,
//! threads, files) is not here, because no result depends on it.

use std::{fmt, str::FromStr};

use crate::error::EvalError;

/// What can be chosen; the default is what lm-evaluation-harness does when nothing is.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// How many documents of each task, from the first on; all of them by default.
    pub limit: Option<Limit>,
    /// Examples in each prompt; none by default.
    pub num_fewshot: Option<usize>,
    /// Whether the tokenizer's special tokens are put before a context.
    pub add_bos_token: AddBosToken,
    /// What a text without a context is scored given.
    pub prefix: Prefix,
    /// The most tokens of an input; the model's by default.
    pub max_length: Option<usize>,
    /// Resamples for standard errors without a closed form; 0 for no standard errors at all.
    pub bootstrap_iters: usize,
    /// Seeds.
    pub seeds: Seeds,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limit: None,
            num_fewshot: None,
            add_bos_token: AddBosToken::Default,
            prefix: Prefix::Default,
            max_length: None,
            bootstrap_iters: 100_000,
            seeds: Seeds::default(),
        }
    }
}

impl Options {
    /// What reproduces the numbers of "Stacking Your Transformers" and of its time, the harness up to 0.4.2: no special
    /// tokens before a context, and the token that ends a text as the prefix.
    pub fn paper() -> Self {
        Self { add_bos_token: AddBosToken::Never, prefix: Prefix::Eos, ..Self::default() }
    }
}

/// How many documents of each task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// So many.
    Count(usize),
    /// This part of them, rounded up.
    Fraction(f64),
}

impl Limit {
    /// A limit from a number as `lm_eval --limit` takes it: a part if it is below 1, a count otherwise.
    ///
    /// # Errors
    /// [`EvalError::Option`] if it isn't positive.
    pub fn from_number(number: f64) -> Result<Self, EvalError> {
        if number > 0.0 && number < 1.0 {
            return Ok(Self::Fraction(number));
        }
        let whole = (number >= 1.0 && number.is_finite()).then_some(Self::Count(number as usize));
        let expected = "a number of documents, or a part of them between 0 and 1";
        whole.ok_or_else(|| EvalError::Option {
            option: "limit",
            value: number.to_string(),
            expected: expected.into(),
        })
    }

    /// The documents that are left of so many.
    pub(crate) fn of(self, documents: usize) -> usize {
        let limited = match self {
            Self::Count(count) => count,
            Self::Fraction(fraction) => (documents as f64 * fraction).ceil() as usize,
        };
        limited.min(documents)
    }

    /// The number that it was made from.
    pub fn number(self) -> f64 {
        match self {
            Self::Count(count) => count as f64,
            Self::Fraction(fraction) => fraction,
        }
    }
}

/// Whether the tokenizer's special tokens are put around a context. Which tokens these are, the tokenizer's template
/// says. Where this isn't left to the tokenizer, the harness rebuilds that template: whoever opens the tokenizer needs
/// the [`flag`](Self::flag) for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddBosToken {
    /// As the tokenizer does by itself.
    Default,
    /// They are, and are the token that begins a text, in front.
    Always,
    /// They aren't.
    Never,
}

impl AddBosToken {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Default, Self::Always, Self::Never];

    /// As `add_bos_token` of the harness' `--model_args`.
    pub fn flag(self) -> Option<bool> {
        match self {
            Self::Default => None,
            Self::Always => Some(true),
            Self::Never => Some(false),
        }
    }
}

/// `default`, `true` and `false`, as the harness' own `add_bos_token` is given.
impl fmt::Display for AddBosToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Default => "default",
            Self::Always => "true",
            Self::Never => "false",
        })
    }
}

impl FromStr for AddBosToken {
    type Err = EvalError;

    fn from_str(word: &str) -> Result<Self, EvalError> {
        let known = Self::ALL.into_iter().find(|choice| choice.to_string() == word);
        known.ok_or_else(|| EvalError::Option {
            option: "add_bos_token",
            value: word.into(),
            expected: "default, true or false".into(),
        })
    }
}

/// The token before a text that has nothing else before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prefix {
    /// The one that begins a text, or if there is none the one that ends it.
    Default,
    /// The one that ends a text.
    Eos,
    /// This one.
    Id(u32),
}

/// Seeds. Of the four, only the last decides anything here; the others are recorded because the harness records them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// Python's own generator.
    pub python: u64,
    /// NumPy's.
    pub numpy: u64,
    /// PyTorch's.
    pub torch: u64,
    /// The one that examples are drawn with.
    pub fewshot: u64,
}

impl Default for Seeds {
    fn default() -> Self {
        Self { python: 0, numpy: 1234, torch: 1234, fewshot: 1234 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_around_a_context_is_read_as_it_is_written() {
        for choice in AddBosToken::ALL {
            assert_eq!(choice.to_string().parse::<AddBosToken>().unwrap(), choice);
        }
        insta::assert_snapshot!("maybe".parse::<AddBosToken>().unwrap_err(), @"add_bos_token is maybe; it must be default, true or false");
    }
}
