//! A LLaMA-style decoder whose parameters carry Hugging Face's names.
//!
//! It computes logits and losses, and gives its parameters and gradients by name. It does not train, read files or generate text.
#![doc = include_str!("../README.md")]
#![recursion_limit = "256"]

mod decoder;
mod error;
mod initialization;
mod layers;
mod parameters;
mod rope;

pub use decoder::Decoder;
pub use error::ModelError;
pub use initialization::{Initialization, initial_tensors};
pub use layers::{Attention, DecoderLayer, Embedding, FeedForward, Linear, RmsNorm};
pub use rope::rotary_frequencies;
