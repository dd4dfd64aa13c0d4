//! Hugging Face's tokenizer.json: text to ids and back.
//!
//! No tensors, no models and no corpora: a text in, ids out.
#![doc = include_str!("../README.md")]

mod added_tokens;
mod characters;
mod complaint;
mod error;
mod fast;
pub mod pretrained;
mod probes;
mod quiet;
mod reading;
mod reference;
mod scores;
mod shapes;
mod tokenizer;

pub use added_tokens::AddedToken;
pub use error::TokenizerError;
pub use quiet::caught;
pub use reading::{Reading, SpecialSpellings};
pub use tokenizer::{Engine, MAX_VOCAB_SIZE, Tokenizer};
