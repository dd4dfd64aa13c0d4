//! What matrices are multiplied in.

use std::fmt;

use burn::tensor::DType;
use serde::{Deserialize, Serialize};

use crate::{DeviceError, DeviceName, open_device};

/// The numbers that matrix products read; sums, parameters and moments are f32 whatever they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// All of f32.
    #[default]
    F32,
    /// Operands, and the values kept between products, rounded to bf16.
    Bf16,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

/// Whether the device multiplies matrices in the precision by instructions of its own. The CPU computes in any, and without them no faster than in f32.
///
/// # Errors
/// When the device has to be asked and isn't there.
pub fn has_instructions(device: DeviceName, precision: Precision) -> Result<bool, DeviceError> {
    match (precision, device) {
        (Precision::F32, _) => Ok(true),
        (Precision::Bf16, DeviceName::Flex) => Ok(processor_multiplies_bf16()),
        (Precision::Bf16, device) => Ok(open_device(device)?.supports_dtype(DType::BF16)),
    }
}

/// Whether the processor has AVX512-BF16.
#[cfg(target_arch = "x86_64")]
pub(crate) fn processor_multiplies_bf16() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
}

#[cfg(not(target_arch = "x86_64"))]
fn processor_multiplies_bf16() -> bool {
    false
}
