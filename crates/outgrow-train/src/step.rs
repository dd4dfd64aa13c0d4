//! One step as whoever observes it is told, and what the observer answers.

use outgrow_operators::plan::MaskValues;

/// One optimizer step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Mean training loss of the batch before the update, nats a token.
    pub loss: f64,
    /// The learning rate of the update.
    pub learning_rate: f64,
    /// That of new values, where they have one of their own.
    pub new_learning_rate: Option<f64>,
    /// Global norm of the gradients, before clipping.
    pub gradient_norm: f64,
    /// How far the mask over what is new was open, where it wasn't altogether.
    pub mask: Option<MaskValues>,
    /// Wall time of the step.
    pub seconds: f64,
}

/// What the observer wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// Write a checkpoint and end.
    Stop,
    /// End at once and write nothing more: the run's folder can't be used. `train` then returns
    /// [`TrainError::Abandoned`](crate::TrainError::Abandoned).
    Abandon,
}
