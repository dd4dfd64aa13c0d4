//! Devices, and the operations of a LLaMA decoder on them. This is the only crate that names a backend.
//!
//! It holds no parameters and no configuration: an operation takes tensors and numbers. Every operation exists composed of burn's
//! ([`composed`]), so it runs, and is differentiated, on every device; on the CPU, what a training step spends its time in is fused.
#![doc = include_str!("../README.md")]
// The type-erased dispatch of wgpu and cuda nests deeper than the compiler's default.
#![recursion_limit = "256"]

pub mod composed;
mod device;
mod documents;
#[cfg(feature = "flex")]
pub mod flex;
#[cfg(feature = "flex")]
mod fused;
mod layer;
#[cfg(all(test, feature = "flex"))]
#[path = "../tests/numbers/mod.rs"]
mod numbers;
mod operations;
mod optimizer;
mod precision;

pub use composed::{RotaryTable, linear};
pub use device::{DeviceDescription, DeviceError, DeviceName, available_devices, open_device};
pub use documents::PackedDocuments;
#[cfg(feature = "flex")]
pub use fused::HostValues;
pub use layer::{LayerNumbers, LayerWeights};
pub use operations::{decoder_layer, linear_cross_entropy, rms_norm};
pub use optimizer::{AdamWParameter, AdamWStep, adamw, sum_of_squares};
pub use precision::{Precision, has_instructions};
