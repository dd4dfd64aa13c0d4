//! A folder's tokenizer as `transformers`' AutoTokenizer reads it: the class that its files name decides on normalizer and pre-tokenizer, and its
//! configuration on special tokens and the template. Texts are the tokenizers library's affair, through [`Tokenizer`].
//!
//! Everything between reading the files (files.rs) and opening the result is JSON in, JSON out. docs/EVALUATION.md has the table of classes.

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
mod files;

pub use class::TokenizerClass;
pub use files::TokenizerFiles;
pub use tokenizer::{NamedToken, NamedTokens, PretrainedTokenizer, TokenizerSource};
