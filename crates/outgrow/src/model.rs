//! A decoder and its tokenizer, as folders hold them and as an evaluation asks for them. Nothing here trains.

pub mod folder;
pub mod scored;
pub mod tokenizer;
