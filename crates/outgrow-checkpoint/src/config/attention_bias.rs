//! Biases of attention: which projections have them. Nothing else of a decoder has any.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Which projections of attention have biases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttentionBias {
    /// None, as in LLaMA and Mistral.
    #[default]
    None,
    /// Those of queries, keys and values, as in Qwen2.
    QueryKeyValue,
    /// Those of queries, keys and values and the output's: a LLaMA whose `attention_bias` is true.
    All,
}

impl AttentionBias {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::None, Self::QueryKeyValue, Self::All];
}

/// A word that is no [`AttentionBias`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown attention bias `{word}`: expected none, query-key-value or all")]
pub struct UnknownAttentionBias {
    /// The word as given.
    pub word: String,
}

impl UnknownAttentionBias {
    /// Whether what the user gave is at fault and can be mended: always.
    pub fn is_input(&self) -> bool {
        true
    }

    /// Whether a disk is full: never.
    pub fn is_disk_full(&self) -> bool {
        false
    }
}

/// As recipes name it.
impl fmt::Display for AttentionBias {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "none",
            Self::QueryKeyValue => "query-key-value",
            Self::All => "all",
        })
    }
}

impl FromStr for AttentionBias {
    type Err = UnknownAttentionBias;

    fn from_str(word: &str) -> Result<Self, UnknownAttentionBias> {
        let found = Self::ALL.into_iter().find(|bias| bias.to_string() == word);
        found.ok_or_else(|| UnknownAttentionBias { word: word.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attention_bias_reads_back_as_it_was_written() {
        for bias in AttentionBias::ALL {
            assert_eq!(bias.to_string().parse(), Ok(bias));
            let written = serde_json::to_value(bias).unwrap();
            assert_eq!(written, bias.to_string(), "recipes have the same word");
        }
        let message = "qkv".parse::<AttentionBias>().unwrap_err().to_string();
        assert_eq!(message, "unknown attention bias `qkv`: expected none, query-key-value or all");
    }
}
