//! What can go wrong in the runner itself. How it is printed, and with which status the program ends, is the terminal's.

/// Input that can't be used, found by the runner itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadInput(pub String);
