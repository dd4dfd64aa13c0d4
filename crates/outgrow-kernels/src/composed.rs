//! The operations of a decoder composed of burn's: the definition of each, on every device, with burn's own gradients.
//!
//! Where a fused one exists it is held to the one here. Memory and speed are nobody's concern here but reading.rs's, by which devices other than
//! the CPU write text.

mod adamw;
mod attention;
mod cross_entropy;
mod layer;
mod linear;
mod normalization;
mod rotary;
mod reading;
mod swi_glu;

pub use adamw::{adamw, sum_of_squares};
pub use attention::causal_attention;
pub use cross_entropy::{cross_entropy_sum, linear_cross_entropy};
pub use layer::decoder_layer;
pub use linear::{linear, linear_in, rounded};
pub use normalization::rms_norm;
pub use reading::{KeyValues, NewRows, decoder_layer_behind};
pub use rotary::{RotaryTable, rotate};
pub use swi_glu::swi_glu;
