//! What matrices are multiplied in.

use std::{fmt, str::FromStr};

/// The numbers that matrix products read; sums, parameters and moments are f32 whatever they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// All of f32.
    #[default]
    F32,
    /// Operands, and the values kept between products, rounded to bf16.
    Bf16,
}

/// A name that is no precision's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown dtype `{name}`: expected f32 or bf16")]
pub struct UnknownPrecision {
    /// The name as given.
    pub name: String,
}

impl Precision {
    /// The name in recipes and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(name: &str) -> Result<Self, UnknownPrecision> {
        match name {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            _ => Err(UnknownPrecision { name: name.to_owned() }),
        }
    }
}
