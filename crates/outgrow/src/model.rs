//! A decoder and its tokenizer, as folders hold them and as an evaluation asks for them. Nothing here trains.

pub(crate) mod place;
pub(crate) mod folder;
pub(crate) mod scored;
pub(crate) mod tokenizer;
