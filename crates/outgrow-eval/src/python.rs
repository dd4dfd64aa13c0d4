//! What of CPython the numbers and files depend on: its random draws, its JSON, its strings. Nothing else of Python.

pub(crate) mod json;
pub(crate) mod random;
pub(crate) mod text;
