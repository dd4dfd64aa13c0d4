//! What is computed on and in: `--device` and `--dtype`, which recipes can name too.
//!
//! A precision that a device has no instructions for is computed in f32 instead, and that is said.

use std::{fmt, str::FromStr};

use outgrow_kernels::{DeviceError, DeviceName, Precision, check_device, has_instructions};
use serde::{Deserialize, Serialize};

use crate::{error::BadInput, terminal::words::one_of};

/// The type that matrices are multiplied in, as recipes and flags name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MatrixDtype {
    /// f32.
    #[default]
    F32,
    /// bf16 where the device has instructions for it; else f32, and a note says so.
    Bf16,
    /// bf16 on any processor: with AVX2 the same sums, about as fast as f32.
    Bf16Emulated,
}

impl MatrixDtype {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::Bf16Emulated];

    fn help(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16 where the device has instructions for it; else f32, and a note says so",
            Self::Bf16Emulated => "bf16 on any processor: with AVX2 the same sums, about as fast as f32",
        }
    }
}

impl fmt::Display for MatrixDtype {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Bf16Emulated => "bf16-emulated",
        })
    }
}

impl FromStr for MatrixDtype {
    type Err = BadInput;

    fn from_str(word: &str) -> Result<Self, BadInput> {
        Self::ALL.into_iter().find(|dtype| dtype.to_string() == word).ok_or_else(|| {
            BadInput(format!(
                "unknown dtype `{word}`: expected {}",
                Self::ALL.map(|dtype| dtype.to_string()).join(", ")
            ))
        })
    }
}

/// The flags, for all commands that compute.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ComputeFlags {
    /// The device to compute on: cpu, wgpu, cuda or cuda:INDEX. Before a recipe's; cpu by default.
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
    /// The type that matrices are multiplied in. Before a recipe's; f32 by default.
    #[arg(long, value_name = "TYPE", value_parser = one_of(&MatrixDtype::ALL, MatrixDtype::help))]
    pub dtype: Option<MatrixDtype>,
}

/// What is computed on and in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compute {
    /// The device.
    pub device: DeviceName,
    /// What matrices are multiplied in there.
    pub precision: Precision,
    /// What was asked for.
    asked: MatrixDtype,
}

impl ComputeFlags {
    /// What the flags say, or else the recipe, or else f32 on the CPU.
    ///
    /// # Errors
    /// On a device's name that is none, and a device that isn't in this build or on this machine.
    pub(crate) fn resolve(
        &self,
        device: Option<&str>,
        dtype: Option<MatrixDtype>,
    ) -> Result<Compute, DeviceError> {
        let device = self.device.as_deref().or(device).map_or(Ok(DeviceName::default()), str::parse)?;
        check_device(device)?;
        let asked = self.dtype.or(dtype).unwrap_or_default();
        let rounds = match asked {
            MatrixDtype::F32 => false,
            MatrixDtype::Bf16Emulated if device == DeviceName::Flex => true,
            MatrixDtype::Bf16 | MatrixDtype::Bf16Emulated => has_instructions(device, Precision::Bf16)?,
        };
        let precision = if rounds { Precision::Bf16 } else { Precision::F32 };
        Ok(Compute { device, precision, asked })
    }

    /// The flags once more, for a process that computes the same.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let dtype = self.dtype.map(|dtype| ["--dtype".to_owned(), dtype.to_string()]);
        let device = self.device.clone().map(|name| ["--device".to_owned(), name]);
        device.into_iter().chain(dtype).flatten().collect()
    }
}

impl Compute {
    /// What a user should know where something else is computed than was asked for.
    pub(crate) fn note(&self) -> Option<String> {
        let falls_back = self.asked != MatrixDtype::F32 && self.precision == Precision::F32;
        falls_back.then(|| match self.device {
            DeviceName::Flex => {
                "this processor has no instructions for bf16 (AVX512-BF16): computing in f32; bf16-emulated \
                 computes in bf16 on any processor, with AVX2 about as fast as f32"
                    .to_owned()
            }
            DeviceName::Wgpu | DeviceName::Cuda { .. } => {
                format!("{} doesn't compute in bf16: computing in f32", self.device)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(device: Option<&str>, dtype: Option<MatrixDtype>) -> ComputeFlags {
        ComputeFlags { device: device.map(str::to_owned), dtype }
    }

    #[test]
    fn a_flag_comes_before_the_recipe_and_the_recipe_before_the_default() {
        let precision = |flag, recipe| flags(None, flag).resolve(None, recipe).unwrap().precision;
        let (f32, bf16) = (Some(MatrixDtype::F32), Some(MatrixDtype::Bf16Emulated));
        assert_eq!(precision(None, None), Precision::F32);
        assert_eq!(precision(None, bf16), Precision::Bf16);
        assert_eq!(precision(f32, bf16), Precision::F32);
        assert_eq!(precision(bf16, f32), Precision::Bf16);
        assert!(flags(Some("gpu"), None).resolve(Some("cpu"), None).is_err());
    }

    #[test]
    fn bf16_without_instructions_is_f32() {
        let compute = flags(None, Some(MatrixDtype::Bf16)).resolve(None, None).unwrap();
        let native = has_instructions(DeviceName::Flex, Precision::Bf16).unwrap();
        assert_eq!(compute.precision == Precision::Bf16, native);
    }

    #[test]
    fn another_process_is_told_the_same_flags() {
        let arguments = flags(Some("cuda:1"), Some(MatrixDtype::Bf16Emulated)).arguments();
        assert_eq!(arguments, ["--device", "cuda:1", "--dtype", "bf16-emulated"]);
        assert!(flags(None, None).arguments().is_empty());
    }

    #[test]
    fn a_type_has_one_word_for_flags_and_recipes() {
        for dtype in MatrixDtype::ALL {
            assert_eq!(serde_json::to_value(dtype).unwrap(), dtype.to_string());
            assert_eq!(dtype.to_string().parse::<MatrixDtype>().unwrap(), dtype);
        }
        let message = "f16".parse::<MatrixDtype>().unwrap_err().to_string();
        assert_eq!(message, "unknown dtype `f16`: expected f32, bf16, bf16-emulated");
    }
}
