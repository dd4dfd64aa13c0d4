//! Reading: the forward pass over texts without gradients, for scores of continuations and for texts that go on.
//!
//! rows.rs is the pass on the CPU, tensors.rs that on other devices; scoring.rs and session.rs say what is read.

#[cfg(feature = "flex")]
mod rows;
mod tensors;

mod scoring;
mod session;

pub use scoring::{Continuations, Score, Scorer};
pub use session::Session;
