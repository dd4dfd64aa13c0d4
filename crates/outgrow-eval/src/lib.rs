//! The benchmarks of language models as lm-evaluation-harness has them, over any model that scores tokens.
//!
//! No tensors: a model is whatever implements [`LanguageModel`].
#![doc = include_str!("../README.md")]

mod documents;
mod error;
mod evaluation;
mod journal;
mod mersenne_twister;
mod metrics;
mod model;
mod options;
mod output;
mod parquet_rows;
mod plan;
mod prompt;
mod python_json;
mod python_text;
mod results;
mod samples;
mod scoring;
mod split_files;
mod standard_error;
mod table;
mod task;
mod task_config;
mod tasks;
mod token_requests;
mod windows;

pub use documents::{DataFile, Document};
pub use error::EvalError;
pub use evaluation::{Evaluation, GroupOutcome, MetricResult, TaskOutcome};
pub use mersenne_twister::MersenneTwister;
pub use metrics::{Answer, Value};
pub use model::{Continuations, LanguageModel, ModelOutline, Score};
pub use options::{AddBosToken, Limit, Options, Prefix, Seeds};
pub use output::{WrittenFiles, write};
pub use plan::{Plan, PlannedDocument, PlannedTask, Request, prepare};
pub use python_json::{Json, float_repr};
pub use results::{RunDescription, TokenizerDescription};
pub use samples::DocumentHashes;
pub use scoring::{BatchLimit, Scores, ScoringProgress, score};
pub use standard_error::bootstrap_perplexity;
pub use table::{paper_row, table};
pub use task::{Dataset, Examples, Gold, Item, Metric, OutputType, Split, Task, Text, Wording};
pub use tasks::{GROUPS, Group, HARNESS_VERSION, Members, PAPER_TASKS, Selection, TASKS, select};
pub use token_requests::{TokenRequests, tokenize};
// What a caller needs beside it.
pub use outgrow_tokenizer::pretrained::{PretrainedTokenizer, TokenizerFiles, TokenizerSource};
pub use outgrow_tokenizer::{Tokenizer, TokenizerError};
