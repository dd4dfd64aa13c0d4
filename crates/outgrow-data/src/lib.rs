//! Text to tokens to shards to batches, in an order fixed by a seed.
//!
//! No tensors and no model: a batch is two vectors of token ids.
#![doc = include_str!("../README.md")]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod documents;
mod shards;

mod prepare;

mod batches;

mod error;

pub use batches::{
    Batch, Batches,
    order::{Order, SampleOrder},
    prefetch::{Prefetch, PrefetchOptions},
};
pub use documents::{Documents, ReadOptions, findings::Findings, record::Document};
pub use error::DataError;
pub use prepare::{
    PrepareOptions, PrepareProgress, Prepared, PreparedSplit, prepare, prepare_split,
    separator::SeparatorChoice, split::Split,
};
pub use shards::{
    TokenShards,
    ids::OtherIds,
    manifest::{
        FORMAT, MANIFEST_FILE, Manifest, Separator, Shard, TOKENIZER_CONFIG_FILE, TOKENIZER_FILE, TokenDtype,
        TokenizerFile,
    },
};

// What `prepare` takes.
pub use outgrow_tokenizer::{Tokenizer, TokenizerError};
