//! tokenizer.json files of many shapes, held to the Python library.

mod engines;
mod golden;
mod ids;
mod messages;
mod support;
