//! The benchmarks of language models as lm-evaluation-harness has them, over any model that scores tokens.
//!
//! No tensors: a model is whatever implements [`LanguageModel`].
#![doc = include_str!("../README.md")]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod error;
mod python;

pub mod documents;
pub mod tasks;

mod options;
pub mod plan;

mod model;
mod requests;
mod scoring;

pub mod evaluation;
pub mod output;

pub use error::EvalError;
pub use evaluation::Evaluation;
pub use model::{Continuations, LanguageModel, ModelOutline, Score};
pub use options::{AddBosToken, Limit, Options, Prefix, Seeds};
pub use output::RunDescription;
pub use plan::Plan;
pub use requests::TokenRequests;
pub use scoring::{BatchLimit, Scores, ScoringProgress};
pub use tasks::Selection;
// What opens the tokenizers that requests are made with.
pub use outgrow_tokenizer as tokenizer;
