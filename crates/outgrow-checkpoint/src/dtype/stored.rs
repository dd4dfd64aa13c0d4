//! The types that safetensors files hold: those that are computed with, and all others, which are copied or passed
//! over.

use std::fmt;

use crate::dtype::Dtype;

/// The type of a stored tensor's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoredDtype {
    /// Numbers that are computed with.
    Float(Dtype),
    /// Anything else: integers and truth values of buffers, quantised weights.
    Other(OtherDtype),
}

/// A type of the format that nothing here computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OtherDtype {
    name: &'static str,
    size_bits: u64,
}

/// Names and bits per value, as the safetensors crate 0.8 has them.
const OTHERS: [(&str, u64); 18] = [
    ("BOOL", 8),
    ("F4", 4),
    ("F6_E2M3", 6),
    ("F6_E3M2", 6),
    ("U8", 8),
    ("I8", 8),
    ("F8_E5M2", 8),
    ("F8_E4M3", 8),
    ("F8_E8M0", 8),
    ("F8_E4M3FNUZ", 8),
    ("F8_E5M2FNUZ", 8),
    ("I16", 16),
    ("U16", 16),
    ("I32", 32),
    ("U32", 32),
    ("I64", 64),
    ("U64", 64),
    ("C64", 64),
];

impl StoredDtype {
    /// The type of this name, as safetensors files spell it; `None` for one that the format doesn't have.
    pub(crate) fn named(name: &str) -> Option<Self> {
        name.parse().ok().map(Self::Float).or_else(|| {
            let (name, size_bits) = OTHERS.into_iter().find(|(other, _)| *other == name)?;
            Some(Self::Other(OtherDtype { name, size_bits }))
        })
    }

    /// The type, if values of it are computed with.
    pub fn float(self) -> Option<Dtype> {
        match self {
            Self::Float(dtype) => Some(dtype),
            Self::Other(_) => None,
        }
    }

    /// Bits per value; some types are narrower than a byte.
    pub fn size_bits(self) -> u64 {
        match self {
            Self::Float(dtype) => 8 * dtype.size_bytes() as u64,
            Self::Other(other) => other.size_bits,
        }
    }
}

impl From<Dtype> for StoredDtype {
    fn from(dtype: Dtype) -> Self {
        Self::Float(dtype)
    }
}

/// As safetensors files spell it.
impl fmt::Display for StoredDtype {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(dtype) => dtype.fmt(formatter),
            Self::Other(other) => formatter.write_str(other.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_name_back() {
        for name in OTHERS.map(|(name, _)| name).into_iter().chain(["F64", "F32", "F16", "BF16"]) {
            assert_eq!(StoredDtype::named(name).unwrap().to_string(), name);
        }
        assert_eq!(StoredDtype::named("F3"), None);
        assert_eq!(StoredDtype::named("f32"), None);
    }
}
