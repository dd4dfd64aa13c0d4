//! Hugging Face's tokenizer.json: text to ids and back.
//!
//! No tensors, no models and no corpora: a text in, ids out.
#![doc = include_str!("../README.md")]
#![warn(clippy::print_stdout, clippy::print_stderr)]
mod error;
mod reading;

mod engines;
mod added_tokens;
mod complaint;
mod tokenizer;

pub mod pretrained;

pub use engines::{quiet::caught, reference::AddedToken};
pub use error::TokenizerError;
pub use outgrow_checkpoint::{io_error, with_causes};
pub use reading::{Reading, SpecialSpellings};
pub use tokenizer::{Engine, MAX_VOCAB_SIZE, Tokenizer};
