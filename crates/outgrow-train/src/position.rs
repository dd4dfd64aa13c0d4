//! How far a run has come, in steps, tokens and FLOPs. A checkpoint remembers it, and an observer is given it.

use serde::{Deserialize, Serialize};

/// How far a run has come. Everything is counted over all stages, the small models included, unless it says stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Optimizer steps taken.
    pub step: u64,
    /// Tokens trained on.
    pub tokens: u64,
    /// Sequences taken from the data order.
    pub samples: u64,
    /// Index of the current stage.
    pub stage: usize,
    /// Tokens trained on in the current stage.
    pub stage_tokens: u64,
    /// Training FLOPs by the exact convention: matrix products and attention, no backward of frozen layers.
    pub flops: f64,
    /// Training FLOPs by the paper's convention: 6 · parameters · tokens.
    pub flops_6nt: f64,
}
