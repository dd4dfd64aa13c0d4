//! The number formats that weights are stored in, and their names. It does not convert values.

pub(crate) mod stored;
pub(crate) mod values;

pub use stored::{OtherDtype, StoredDtype};
pub use values::{ValueTooLarge, decode_into, encode_into};

use std::{fmt, str::FromStr};

use crate::error::CheckpointError;

/// The number formats that weights are stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// 64-bit float. Read and computed with as 32 bits.
    F64,
    /// 32-bit float.
    F32,
    /// 16-bit float with 5 bits of exponent.
    F16,
    /// 16-bit float with the exponent of a 32-bit one.
    Bf16,
}

impl Dtype {
    /// All of them, the widest first.
    pub const ALL: [Self; 4] = [Self::F64, Self::F32, Self::F16, Self::Bf16];

    /// By a name that it has in config.json or in PyTorch: `float32`, `float` or `torch.float32`; `None` for others.
    pub fn with_config_name(name: &str) -> Option<Self> {
        match name.strip_prefix("torch.").unwrap_or(name) {
            "float64" | "double" => Some(Self::F64),
            "float32" | "float" => Some(Self::F32),
            "float16" | "half" => Some(Self::F16),
            "bfloat16" => Some(Self::Bf16),
            _ => None,
        }
    }

    /// Its name in config.json.
    pub fn config_name(self) -> &'static str {
        match self {
            Self::F64 => "float64",
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
        }
    }

    /// Bytes per value.
    pub fn size_bytes(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

/// As safetensors files spell it: `F64`, `F32`, `F16`, `BF16`.
impl fmt::Display for Dtype {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::F64 => "F64",
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
        })
    }
}

/// By the name that safetensors files have for it.
impl FromStr for Dtype {
    type Err = CheckpointError;

    fn from_str(word: &str) -> Result<Self, CheckpointError> {
        let found = Self::ALL.into_iter().find(|dtype| dtype.to_string() == word);
        found.ok_or_else(|| CheckpointError::UnknownDtype { word: word.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_read_by_the_names_it_has() {
        for dtype in Dtype::ALL {
            assert_eq!(dtype.to_string().parse::<Dtype>().unwrap(), dtype);
            assert_eq!(Dtype::with_config_name(dtype.config_name()), Some(dtype));
        }
        assert_eq!(Dtype::with_config_name("torch.half"), Some(Dtype::F16));
        assert_eq!(Dtype::with_config_name("float8"), None);
        insta::assert_snapshot!("bf16".parse::<Dtype>().unwrap_err(), @"`bf16` is no type that is computed with: expected F64, F32, F16 or BF16");
    }
}
