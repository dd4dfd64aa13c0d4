//! A LLaMA-style decoder whose parameters carry Hugging Face's names.
//!
//! It computes logits and losses, and gives its parameters and gradients by name. It scores continuations and gives the logits of a text that goes on. It
//! does not train, read files or choose tokens by any task's rules.
#![doc = include_str!("../README.md")]
#![recursion_limit = "256"]

mod decoder;
mod error;
#[cfg(feature = "flex")]
mod inference;
mod initialization;
mod layers;
mod parameters;
mod rope;
mod sampling;
mod scoring;
mod session;
mod stored_text;

pub use decoder::Decoder;
pub use error::ModelError;
pub use initialization::{Initialization, initial_tensors};
pub use layers::{Attention, DecoderLayer, Embedding, FeedForward, Linear, RmsNorm};
pub use rope::rotary_frequencies;
pub use sampling::{Sampler, Sampling};
pub use scoring::{Continuations, Score, Scorer};
pub use session::Session;
