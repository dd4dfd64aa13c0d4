//! A model that a run begins with, instead of weights that are drawn. Which folder it is in, only the runner knows.

use outgrow_checkpoint::{Checkpoint, TrainingCost};
use serde::{Deserialize, Serialize};

/// Which model a run began with, and what that had cost. A checkpoint remembers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseRecord {
    /// What its folder is called. Nothing depends on it.
    pub name: String,
    /// By its configuration and weights: [`model_sha256`](outgrow_operators::folder::model_sha256).
    pub sha256: String,
    /// What its training has cost.
    pub cost: TrainingCost,
}

/// The model that a run begins with.
#[derive(Clone, Copy, Debug)]
pub struct Base<'a> {
    /// Which one it is.
    pub record: &'a BaseRecord,
    /// Its weights. A run that goes on from a checkpoint doesn't need them.
    pub checkpoint: Option<&'a Checkpoint>,
}
