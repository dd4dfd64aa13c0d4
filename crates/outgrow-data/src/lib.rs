//! Text to tokens to shards to batches, in an order fixed by a seed.
//!
//! No tensors and no model: a batch is two vectors of token ids.
#![doc = include_str!("../README.md")]

mod batch;
mod error;
mod manifest;
mod order;
mod prefetch;
mod prepare;
mod separator;
mod shards;
mod source;
mod writer;

pub use batch::{Batch, Batches};
pub use error::DataError;
pub use manifest::{
    FORMAT, MANIFEST_FILE, Manifest, Separator, Shard, TOKENIZER_CONFIG_FILE, TOKENIZER_FILE, TokenDtype,
    TokenizerFile,
};
pub use order::{Order, SampleOrder};
pub use prefetch::{Prefetch, prefetch};
pub use prepare::{PrepareOptions, PrepareProgress, Prepared, prepare};
pub use separator::{SeparatorChoice, choose_separator};
pub use shards::TokenShards;
pub use source::{Document, Documents, Findings, ReadOptions};

// What `prepare` takes.
pub use outgrow_tokenizer::{Tokenizer, TokenizerError};
