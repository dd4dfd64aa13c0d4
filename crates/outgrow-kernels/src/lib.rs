//! Devices, and the operations of a LLaMA decoder on them. This is the only crate that names a backend.
//!
//! It holds no parameters and no configuration: an operation takes tensors and numbers. Every operation is composed of
//! burn's, so it runs, and is differentiated, on every device.
#![doc = include_str!("../README.md")]
// The type-erased dispatch of wgpu and cuda nests deeper than the compiler's default.
#![recursion_limit = "256"]

pub mod attention;
pub mod cross_entropy;
pub mod device;
pub mod linear;
pub mod normalization;
pub mod rotary;
pub mod swi_glu;

pub use attention::causal_attention;
pub use cross_entropy::cross_entropy_sum;
pub use device::{DeviceDescription, DeviceError, DeviceName, available_devices, open_device};
pub use linear::linear;
pub use normalization::rms_norm;
pub use rotary::{RotaryTable, rotate};
pub use swi_glu::swi_glu;
