//! What matrices are multiplied in.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The numbers that matrix products read; sums, parameters and moments are f32 whatever they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// All of f32.
    #[default]
    F32,
    /// Operands, and the values kept between products, rounded to bf16.
    Bf16,
}

/// A word that is no [`Precision`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown precision `{word}`: expected f32 or bf16")]
pub struct UnknownPrecision {
    /// The word as given.
    pub word: String,
}

impl UnknownPrecision {
    /// Whether what the user gave is at fault and can be mended: always.
    pub fn is_input(&self) -> bool {
        true
    }

    /// Whether a disk is full: never.
    pub fn is_disk_full(&self) -> bool {
        false
    }
}

impl Precision {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::F32, Self::Bf16];
}

impl fmt::Display for Precision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(word: &str) -> Result<Self, UnknownPrecision> {
        let found = Self::ALL.into_iter().find(|precision| precision.to_string() == word);
        found.ok_or_else(|| UnknownPrecision { word: word.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precision_reads_back_as_it_was_written() {
        for precision in Precision::ALL {
            assert_eq!(precision.to_string().parse(), Ok(precision));
        }
        let message = "half".parse::<Precision>().unwrap_err().to_string();
        assert_eq!(message, "unknown precision `half`: expected f32 or bf16");
    }
}
