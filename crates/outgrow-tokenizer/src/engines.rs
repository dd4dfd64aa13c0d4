//! The two libraries that turn texts into ids, and which of them is asked. What the reference says is right; the fast
//! one is asked where its ids are known to be the same. A tokenizer.json is read elsewhere.

pub(crate) mod quiet;
pub(crate) mod reference;
pub(crate) mod scores;

pub(crate) mod fast;
mod probes;
mod shapes;
pub(crate) mod characters;
