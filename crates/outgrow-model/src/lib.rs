//! A LLaMA-style decoder whose parameters carry Hugging Face's names.
//!
//! It computes logits and losses, and gives its parameters and gradients by name. It scores continuations and gives the
//! logits of a text that goes on. It does not train, read files or choose tokens by any task's rules.
#![doc = include_str!("../README.md")]
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![recursion_limit = "256"]

mod error;

mod initialization;
mod rope;

mod mask;
mod layers;
mod building;
mod decoder;
mod parameters;

mod reading;
mod sampling;

pub use decoder::Decoder;
pub use error::ModelError;
pub use initialization::{Initialization, initial_tensors};
pub use mask::{Factors, Mask};
pub use reading::{Continuations, Score, Scorer, Session};
pub use sampling::{Sampler, Sampling};
