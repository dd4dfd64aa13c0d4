//! The model that a recipe's stages are made for: the final one, or the one that the run begins with.

use outgrow_checkpoint::{LlamaConfig, TrainingCost};

/// The model that stages are made for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Model<'a> {
    /// The final one. The first weights are drawn.
    Final(&'a LlamaConfig),
    /// The one that the run begins with, and what it has cost.
    Base(&'a LlamaConfig, &'a TrainingCost),
}
