//! The operations of a decoder composed of burn's: the definition of each, on every device, with burn's own gradients.
//!
//! Where a fused one exists it is held to the one here. Memory and speed count in [`reading`] only, by which devices
//! other than the CPU write text.

mod linear;
mod normalization;
mod rotary;
mod swi_glu;
mod attention;
mod layer;
mod cross_entropy;

pub mod reading;

mod adamw;
mod muon;

pub use adamw::{adamw, sum_of_squares};
pub use attention::causal_attention;
pub use cross_entropy::{cross_entropy_sum, linear_cross_entropy};
pub use layer::decoder_layer;
pub(crate) use linear::rounded;
pub use linear::{linear, linear_in};
pub use muon::{muon, orthogonalized};
pub use normalization::rms_norm;
pub use rotary::{RotaryTable, rotate};
pub use swi_glu::swi_glu;
