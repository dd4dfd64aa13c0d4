//! What is computed on and in: `--device` and `--dtype`, which recipes can name too.
//!
//! A precision that a device has no instructions for is computed in f32 instead, and that is said.

use outgrow_kernels::{DeviceError, DeviceName, Precision, has_instructions};
use serde::{Deserialize, Serialize};

/// The type that matrices are multiplied in, as recipes and flags name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Dtype {
    /// f32.
    #[default]
    F32,
    /// bf16 where the device has instructions for it; else f32, and a note says so.
    Bf16,
    /// bf16 on any processor: with AVX2 the same sums, about as fast as f32.
    Bf16Emulated,
}

/// The flags, for all commands that compute.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ComputeFlags {
    /// The device to compute on: flex (the CPU), wgpu, cuda or cuda:INDEX. Before a recipe's; flex by default.
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,
    /// The type that matrices are multiplied in. Before a recipe's; f32 by default.
    #[arg(long, value_name = "TYPE")]
    pub dtype: Option<Dtype>,
}

/// What is computed on and in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compute {
    /// The device.
    pub device: DeviceName,
    /// What matrices are multiplied in there.
    pub precision: Precision,
    /// What was asked for.
    asked: Dtype,
}

impl ComputeFlags {
    /// What the flags say, or else the recipe, or else f32 on the CPU.
    ///
    /// # Errors
    /// On a device's name that is none, and a device that isn't there where it has to be asked.
    pub fn resolve(&self, device: Option<&str>, dtype: Option<Dtype>) -> Result<Compute, DeviceError> {
        let device = self.device.as_deref().or(device).map_or(Ok(DeviceName::default()), str::parse)?;
        let asked = self.dtype.or(dtype).unwrap_or_default();
        let rounds = match asked {
            Dtype::F32 => false,
            Dtype::Bf16Emulated if device == DeviceName::Flex => true,
            Dtype::Bf16 | Dtype::Bf16Emulated => has_instructions(device, Precision::Bf16)?,
        };
        let precision = if rounds { Precision::Bf16 } else { Precision::F32 };
        Ok(Compute { device, precision, asked })
    }

    /// The flags once more, for a process that computes the same.
    pub fn arguments(&self) -> Vec<String> {
        let dtype = self.dtype.as_ref().and_then(clap::ValueEnum::to_possible_value);
        let dtype = dtype.map(|value| ["--dtype".to_owned(), value.get_name().to_owned()]);
        let device = self.device.clone().map(|name| ["--device".to_owned(), name]);
        device.into_iter().chain(dtype).flatten().collect()
    }
}

impl Compute {
    /// Whether something else is computed than was asked for.
    pub fn falls_back(&self) -> bool {
        self.asked != Dtype::F32 && self.precision == Precision::F32
    }

    /// Says on standard error where something else is computed than was asked for.
    pub fn warn(&self) {
        if self.falls_back() {
            eprintln!("note: {}", self.fallback());
        }
    }

    fn fallback(&self) -> String {
        match self.device {
            DeviceName::Flex => {
                "this processor has no instructions for bf16 (AVX512-BF16): computing in f32; bf16-emulated \
                 computes in bf16 on any processor, with AVX2 about as fast as f32"
                    .to_owned()
            }
            device => format!("{device} doesn't compute in bf16: computing in f32"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(device: Option<&str>, dtype: Option<Dtype>) -> ComputeFlags {
        ComputeFlags { device: device.map(str::to_owned), dtype }
    }

    #[test]
    fn a_flag_comes_before_the_recipe_and_the_recipe_before_the_default() {
        let precision = |flag, recipe| flags(None, flag).resolve(None, recipe).unwrap().precision;
        let (f32, bf16) = (Some(Dtype::F32), Some(Dtype::Bf16Emulated));
        assert_eq!(precision(None, None), Precision::F32);
        assert_eq!(precision(None, bf16), Precision::Bf16);
        assert_eq!(precision(f32, bf16), Precision::F32);
        assert_eq!(precision(bf16, f32), Precision::Bf16);
        assert!(flags(Some("gpu"), None).resolve(Some("flex"), None).is_err());
    }

    #[test]
    fn bf16_without_instructions_is_f32() {
        let compute = flags(None, Some(Dtype::Bf16)).resolve(None, None).unwrap();
        let native = has_instructions(DeviceName::Flex, Precision::Bf16).unwrap();
        assert_eq!(compute.precision == Precision::Bf16, native);
    }

    #[test]
    fn another_process_is_told_the_same_flags() {
        let arguments = flags(Some("cuda:1"), Some(Dtype::Bf16Emulated)).arguments();
        assert_eq!(arguments, ["--device", "cuda:1", "--dtype", "bf16-emulated"]);
        assert!(flags(None, None).arguments().is_empty());
    }
}
