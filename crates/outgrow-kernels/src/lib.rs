//! Devices, and the operations of a LLaMA decoder on them. This is the only crate that names a backend.
//!
//! It holds no parameters and no configuration: an operation takes tensors and numbers. Every operation exists composed
//! of burn's ([`composed`]), so it runs, and is differentiated, on every device; on the CPU, what a training step
//! spends its time in is fused.
#![doc = include_str!("../README.md")]
#![warn(clippy::print_stdout, clippy::print_stderr)]
// The type-erased dispatch of wgpu and cuda nests deeper than the compiler's default.
#![recursion_limit = "256"]

mod device;
mod precision;

mod documents;
mod layer;
mod operations;
mod optimizer;

mod home;

pub mod composed;
#[cfg(feature = "flex")]
pub mod cpu;

#[cfg(feature = "flex")]
mod autodiff;

pub use composed::{RotaryTable, linear};
#[cfg(feature = "flex")]
pub use cpu::operations::HostValues;
pub use device::{
    DeviceDescription, DeviceError, DeviceName, available_devices, check_device, has_instructions,
    num_threads, open_device,
};
pub use documents::PackedDocuments;
pub use layer::{AttentionBiases, LayerNumbers, LayerWeights};
pub use operations::{decoder_layer, linear_cross_entropy, rms_norm};
pub use optimizer::{
    AdamWParameter, AdamWStep, MuonParameter, MuonStep, NEWTON_SCHULZ, adamw, muon, orthogonalized,
    sum_of_squares,
};
pub use precision::{Precision, UnknownPrecision};
