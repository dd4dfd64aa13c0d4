//! A folder's tokenizer as AutoTokenizer of `transformers` reads it. The class that its files name decides on
//! normalizer and pre-tokenizer; its configuration decides on special tokens and the template. It encodes no text
//! itself: that is done by [`Tokenizer`](crate::Tokenizer).
//!
//! Files are read first, and the result is opened last. Everything between is JSON in, JSON out. `docs/EVALUATION.md`
//! has the table of classes.

mod special_token;
mod added_vocabulary;
mod template;
mod class;
mod settings;

mod sentencepiece;
mod merges;
mod pipeline;
mod conversion;
mod build;

mod difference;
mod tokenizer;
mod vocabulary_file;
mod files;

pub use class::TokenizerClass;
pub use files::TokenizerFiles;
pub use tokenizer::{NamedToken, NamedTokens, PretrainedTokenizer, TokenizerSource};
