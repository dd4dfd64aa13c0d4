//! Devices by name: parsing, listing and opening them.
//!
//! Cargo features decide which backends are compiled in; the name decides, at run time, which one is used. burn's
//! default device is never used: it may pick a GPU that isn't there. What runs on a device is not here.

#[cfg(feature = "cuda")]
mod cuda;

use std::{fmt, str::FromStr};

use burn::tensor::{DType, Device};

use crate::Precision;
#[cfg(feature = "flex")]
use crate::cpu::kernels::instructions::processor_multiplies_bf16;

/// A device as a user names it: `cpu`, `wgpu`, `cuda` or `cuda:1`. `flex` is another name of the CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceName {
    /// The CPU, through burn's own `flex` backend, which is how earlier versions called it.
    #[default]
    Flex,
    /// The best GPU that wgpu finds (Vulkan, Metal, DirectX), or a software adapter.
    Wgpu,
    /// An NVIDIA GPU by its index.
    Cuda {
        /// Position among the CUDA devices of this machine.
        index: usize,
    },
}

/// A device that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceDescription {
    /// Its name, which opens it.
    pub name: DeviceName,
    /// What it is, in words.
    pub description: String,
}

/// Why a device can't be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The name is no device name.
    #[error("unknown device `{name}`: expected cpu, wgpu, cuda or cuda:INDEX")]
    UnknownName {
        /// The name as given.
        name: String,
    },
    /// The backend was left out of this build.
    #[error("this build has no {backend} backend")]
    NotCompiled {
        /// The cargo feature that brings it.
        backend: &'static str,
    },
    /// The backend is there, the device is not.
    #[error("no device `{name}` on this machine: {found} {backend} device(s) found")]
    NotFound {
        /// The device asked for.
        name: DeviceName,
        /// Its backend.
        backend: &'static str,
        /// How many devices the backend sees.
        found: usize,
    },
    /// The machine lacks something that every device of the backend needs.
    #[error("no device `{name}` on this machine: {lacking}")]
    Lacking {
        /// The device asked for.
        name: DeviceName,
        /// What is missing, in words.
        lacking: String,
    },
}

impl DeviceError {
    /// Whether what the user gave is at fault and can be mended: a device that isn't there always is.
    pub fn is_input(&self) -> bool {
        match self {
            Self::UnknownName { .. }
            | Self::NotCompiled { .. }
            | Self::NotFound { .. }
            | Self::Lacking { .. } => true,
        }
    }

    /// Whether a disk is full: never, as no device is opened by writing to one.
    pub fn is_disk_full(&self) -> bool {
        false
    }
}

impl DeviceName {
    /// Each kind; of GPUs that are told apart by an index, the first.
    pub const ALL: [Self; 3] = [Self::Flex, Self::Wgpu, Self::Cuda { index: 0 }];

    /// A name as this version shows it, where an earlier one may have written it. What is no name stays as it is.
    pub fn as_shown(written: &str) -> String {
        written.parse().map_or_else(|_| written.to_owned(), |name: Self| name.to_string())
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flex => formatter.write_str("cpu"),
            Self::Wgpu => formatter.write_str("wgpu"),
            Self::Cuda { index: 0 } => formatter.write_str("cuda"),
            Self::Cuda { index } => write!(formatter, "cuda:{index}"),
        }
    }
}

impl FromStr for DeviceName {
    type Err = DeviceError;

    fn from_str(name: &str) -> Result<Self, DeviceError> {
        match name {
            "cpu" | "flex" => return Ok(Self::Flex),
            "wgpu" => return Ok(Self::Wgpu),
            "cuda" => return Ok(Self::Cuda { index: 0 }),
            _ => {}
        }
        name.strip_prefix("cuda:")
            .and_then(|index| index.parse().ok())
            .map(|index| Self::Cuda { index })
            .ok_or_else(|| DeviceError::UnknownName { name: name.to_owned() })
    }
}

/// Whether this build and this machine have a device, without opening it.
///
/// # Errors
/// When the backend is not compiled in, or the machine has no such device.
pub fn check_device(name: DeviceName) -> Result<(), DeviceError> {
    match name {
        DeviceName::Flex => check_flex(),
        DeviceName::Wgpu => check_wgpu(),
        DeviceName::Cuda { index } => check_cuda(index),
    }
}

/// Opens a device, without autodiff.
///
/// ```
/// use outgrow_kernels::{DeviceName, open_device};
///
/// let device = open_device(DeviceName::Flex)?;
/// assert!(device.autodiff().is_autodiff());
/// assert_eq!("cuda:1".parse(), Ok(DeviceName::Cuda { index: 1 }));
/// # Ok::<(), outgrow_kernels::DeviceError>(())
/// ```
///
/// # Errors
/// When the backend is not compiled in, or the machine has no such device.
pub fn open_device(name: DeviceName) -> Result<Device, DeviceError> {
    match name {
        DeviceName::Flex => open_flex(),
        DeviceName::Wgpu => open_wgpu(),
        DeviceName::Cuda { index } => open_cuda(index),
    }
}

/// Whether the device multiplies matrices in the precision by instructions of its own. The CPU computes in any, and
/// without them no faster than in f32.
///
/// # Errors
/// When the device has to be asked and isn't there.
pub fn has_instructions(device: DeviceName, precision: Precision) -> Result<bool, DeviceError> {
    match (precision, device) {
        (Precision::F32, _) => Ok(true),
        (Precision::Bf16, DeviceName::Flex) => cpu_multiplies_bf16(),
        (Precision::Bf16, device) => Ok(open_device(device)?.supports_dtype(DType::BF16)),
    }
}

/// Threads that compute on the device: those of the CPU, and of no other.
pub fn num_threads(device: DeviceName) -> Option<usize> {
    match device {
        DeviceName::Flex => cpu_threads(),
        DeviceName::Wgpu | DeviceName::Cuda { .. } => None,
    }
}

/// The devices that this build can use on this machine.
pub fn available_devices() -> Vec<DeviceDescription> {
    let mut devices = Vec::new();
    if cfg!(feature = "flex") {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        devices
            .push(DeviceDescription { name: DeviceName::Flex, description: format!("CPU, {cores} cores") });
    }
    if wgpu_devices() > 0 {
        let description = "GPU or software adapter, through wgpu".to_owned();
        devices.push(DeviceDescription { name: DeviceName::Wgpu, description });
    }
    for index in 0..cuda_devices() {
        let description = format!("NVIDIA GPU {index}, through CUDA");
        devices.push(DeviceDescription { name: DeviceName::Cuda { index }, description });
    }
    devices
}

#[cfg(feature = "flex")]
#[expect(clippy::unnecessary_wraps, reason = "one signature with and without the backend")]
fn check_flex() -> Result<(), DeviceError> {
    Ok(())
}

#[cfg(not(feature = "flex"))]
fn check_flex() -> Result<(), DeviceError> {
    Err(DeviceError::NotCompiled { backend: "flex" })
}

#[cfg(feature = "flex")]
fn open_flex() -> Result<Device, DeviceError> {
    check_flex().map(|()| Device::flex())
}

#[cfg(not(feature = "flex"))]
fn open_flex() -> Result<Device, DeviceError> {
    Err(DeviceError::NotCompiled { backend: "flex" })
}

#[cfg(feature = "flex")]
#[expect(clippy::unnecessary_wraps, reason = "one signature with and without the backend")]
fn cpu_multiplies_bf16() -> Result<bool, DeviceError> {
    Ok(processor_multiplies_bf16())
}

#[cfg(not(feature = "flex"))]
fn cpu_multiplies_bf16() -> Result<bool, DeviceError> {
    Err(DeviceError::NotCompiled { backend: "flex" })
}

#[cfg(feature = "flex")]
#[expect(clippy::unnecessary_wraps, reason = "one signature with and without the backend")]
fn cpu_threads() -> Option<usize> {
    Some(rayon::current_num_threads())
}

#[cfg(not(feature = "flex"))]
fn cpu_threads() -> Option<usize> {
    None
}

#[cfg(feature = "wgpu")]
fn check_wgpu() -> Result<(), DeviceError> {
    match wgpu_devices() {
        0 => Err(DeviceError::NotFound { name: DeviceName::Wgpu, backend: "wgpu", found: 0 }),
        _ => Ok(()),
    }
}

#[cfg(not(feature = "wgpu"))]
fn check_wgpu() -> Result<(), DeviceError> {
    Err(DeviceError::NotCompiled { backend: "wgpu" })
}

#[cfg(feature = "wgpu")]
fn open_wgpu() -> Result<Device, DeviceError> {
    check_wgpu().map(|()| Device::wgpu(burn::tensor::DeviceKind::DefaultDevice))
}

#[cfg(not(feature = "wgpu"))]
fn open_wgpu() -> Result<Device, DeviceError> {
    Err(DeviceError::NotCompiled { backend: "wgpu" })
}

#[cfg(feature = "wgpu")]
fn wgpu_devices() -> usize {
    Device::enumerate(burn::tensor::DeviceType::Wgpu).into_vec().len()
}

#[cfg(not(feature = "wgpu"))]
fn wgpu_devices() -> usize {
    0
}

#[cfg(feature = "cuda")]
fn check_cuda(index: usize) -> Result<(), DeviceError> {
    let name = DeviceName::Cuda { index };
    if let Some(lacking) = cuda::missing() {
        return Err(DeviceError::Lacking { name, lacking });
    }
    let found = cuda_devices();
    if index < found { Ok(()) } else { Err(DeviceError::NotFound { name, backend: "cuda", found }) }
}

#[cfg(not(feature = "cuda"))]
fn check_cuda(_index: usize) -> Result<(), DeviceError> {
    Err(DeviceError::NotCompiled { backend: "cuda" })
}

#[cfg(feature = "cuda")]
fn open_cuda(index: usize) -> Result<Device, DeviceError> {
    check_cuda(index).map(|()| Device::cuda(index))
}

#[cfg(not(feature = "cuda"))]
fn open_cuda(_index: usize) -> Result<Device, DeviceError> {
    Err(DeviceError::NotCompiled { backend: "cuda" })
}

/// Only what can be used is counted.
#[cfg(feature = "cuda")]
fn cuda_devices() -> usize {
    if cuda::missing().is_some() {
        return 0;
    }
    Device::enumerate(burn::tensor::DeviceType::Cuda).into_vec().len()
}

#[cfg(not(feature = "cuda"))]
fn cuda_devices() -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_name_reads_back_as_it_was_written() {
        for name in ["cpu", "wgpu", "cuda", "cuda:3"] {
            assert_eq!(name.parse::<DeviceName>().unwrap().to_string(), name);
        }
        for name in DeviceName::ALL {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        assert_eq!("flex".parse(), Ok(DeviceName::Flex), "as earlier versions wrote it");
    }

    #[test]
    fn an_unknown_device_is_refused_with_the_names_that_exist() {
        let message = "gpu".parse::<DeviceName>().unwrap_err().to_string();
        assert_eq!(message, "unknown device `gpu`: expected cpu, wgpu, cuda or cuda:INDEX");
        assert!("cuda:x".parse::<DeviceName>().is_err());
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_backend_that_was_not_compiled_is_refused() {
        let name = DeviceName::Cuda { index: 0 };
        assert_eq!(check_device(name).unwrap_err(), open_device(name).unwrap_err());
        let message = open_device(name).unwrap_err().to_string();
        assert_eq!(message, "this build has no cuda backend");
    }
}
