//! A folder's tokenizer as `transformers`' AutoTokenizer reads it.
//!
//! Opens nothing and runs nothing: JSON in, JSON out, which [`Tokenizer::from_json`](crate::Tokenizer::from_json) takes.
