//! What an observer of a run is told.

use std::path::Path;

use outgrow_model::Decoder;
use outgrow_operators::GrowthPlan;
use serde::{Deserialize, Serialize};

use crate::differences::Difference;

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

/// One optimizer step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Mean training loss of the batch before the update, nats a token.
    pub loss: f64,
    /// The learning rate of the update.
    pub learning_rate: f64,
    /// Global norm of the gradients, before clipping.
    pub gradient_norm: f64,
    /// Wall time of the step.
    pub seconds: f64,
}

/// Something that happened in a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run starts, or goes on from a checkpoint.
    Started {
        /// The checkpoint it goes on from.
        resumed_from: Option<&'a Path>,
        /// What is allowed to be, and is, other than in that checkpoint.
        changes: &'a [Difference],
    },
    /// A step was taken.
    Step(StepReport),
    /// The model was validated.
    Evaluated {
        /// Mean loss on the held-out sequences, nats a token.
        validation_loss: f64,
        /// The model, on the device without autodiff, for further evaluation.
        decoder: &'a Decoder,
    },
    /// The model was grown; the new stage begins.
    Grown {
        /// What the grown model is made of.
        plan: &'a GrowthPlan,
    },
    /// A checkpoint was written.
    Saved {
        /// Its folder.
        folder: &'a Path,
    },
}

/// What the observer wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// Write a checkpoint and end.
    Stop,
}
