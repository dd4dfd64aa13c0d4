//! What an observer of a run is told.

use std::path::Path;

use outgrow_model::Decoder;
use outgrow_operators::GrowthPlan;
use outgrow_schedules::LossSlope;

use crate::{copies::GrowthCopies, learned::Learned, old_and_new::GrowthNorms, step::StepReport};

/// Something that happened in a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run starts, or goes on from a checkpoint.
    Started {
        /// The checkpoint it goes on from.
        resumed_from: Option<&'a Path>,
    },
    /// A step was taken.
    Step(StepReport),
    /// The old and the new values of a grown model were measured apart, in the step that was just told of.
    Norms(GrowthNorms),
    /// The model was validated.
    Evaluated {
        /// Mean loss on the held-out sequences, nats a token.
        validation_loss: f64,
        /// The model, on the device without autodiff, for further evaluation.
        decoder: &'a Decoder,
    },
    /// The copies that a growth made were compared, right after a validation.
    Copies(&'a GrowthCopies),
    /// A stage that may end early ends.
    StageEnds {
        /// Whether its loss falls too slowly; else its tokens are used up.
        is_slow: bool,
        /// The slope of its loss; `None` where there were too few validations.
        slope: Option<f64>,
        /// What it would end at.
        ends_at: LossSlope,
    },
    /// The matrices of the growth that the new stage begins with are learned from now on, in steps of their own.
    Learning {
        /// How many.
        steps: u64,
    },
    /// They were learned; the growth by them follows.
    Learned {
        /// What was learned, and what that has gained.
        learned: &'a Learned,
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
