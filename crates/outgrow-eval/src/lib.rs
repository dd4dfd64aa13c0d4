//! The benchmarks of language models as lm-evaluation-harness has them, over any model that scores tokens.
//!
//! No tensors: a model is whatever implements [`LanguageModel`].
#![doc = include_str!("../README.md")]

mod error;
mod python;

mod documents;
mod tasks;

mod options;
mod plan;

mod model;
mod requests;
mod scoring;

mod evaluation;
mod output;

pub use documents::{DataFile, Document};
pub use error::EvalError;
pub use evaluation::metrics::{Answer, Value};
pub use evaluation::standard_error::bootstrap_perplexity;
pub use evaluation::{Evaluation, GroupOutcome, MetricResult, TaskOutcome};
pub use model::{Continuations, LanguageModel, ModelOutline, Score};
pub use options::{AddBosToken, Limit, Options, Prefix, Seeds};
pub use output::results::{RunDescription, TokenizerDescription};
pub use output::samples::DocumentHashes;
pub use output::table::{paper_row, table};
pub use output::{WrittenFiles, write};
pub use plan::{Plan, PlannedDocument, PlannedTask, Request, prepare};
pub use python::json::{Json, float_repr};
pub use python::random::MersenneTwister;
pub use requests::{TokenRequests, tokenize};
pub use scoring::{BatchLimit, Scores, ScoringProgress, score};
pub use tasks::task::{Dataset, Examples, Gold, Item, Metric, OutputType, Split, Task, Text, Wording};
pub use tasks::{GROUPS, Group, HARNESS_VERSION, Members, PAPER_TASKS, Selection, TASKS, select};
// What a caller needs beside it.
pub use outgrow_tokenizer::pretrained::{PretrainedTokenizer, TokenizerFiles, TokenizerSource};
pub use outgrow_tokenizer::{Tokenizer, TokenizerError};
