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
    /// Those of them that had been taken when the order last began anew, for a replay.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub samples_before_replay: u64,
    /// Index of the current stage.
    pub stage: usize,
    /// Tokens trained on in the current stage.
    pub stage_tokens: u64,
    /// Training FLOPs by the exact convention: matrix products and attention, no backward of frozen layers, and at each
    /// step what Muon multiplies.
    pub flops: f64,
    /// Training FLOPs by the paper's convention: 6 · parameters · tokens.
    pub flops_6nt: f64,
}

impl Position {
    /// Where in the data order the next batch begins.
    pub fn next_sample(&self) -> u64 {
        self.samples - self.samples_before_replay
    }

    /// Whether the way from an earlier position goes beyond a multiple of an interval in tokens.
    pub(crate) fn crosses(&self, before: &Self, interval: u64) -> bool {
        before.tokens / interval < self.tokens / interval
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
