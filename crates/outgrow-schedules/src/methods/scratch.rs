//! Training a model as it is: from scratch, which growing is compared with, or on from a base.

use outgrow_checkpoint::LlamaConfig;

use crate::{error::ScheduleError, learning_rate::LearningRate, schedule::Schedule, stage::Stage};

impl Schedule {
    /// Training the model as it is, in one stage: what growing is compared with.
    ///
    /// # Errors
    /// As [`Schedule::new`].
    pub fn scratch(
        model: LlamaConfig,
        tokens: u64,
        learning_rate: LearningRate,
    ) -> Result<Self, ScheduleError> {
        Self::new(vec![Stage::new("scratch", model, tokens, learning_rate)])
    }

    /// Training a base on as it is, in one stage.
    ///
    /// # Errors
    /// As [`Schedule::new`].
    pub fn continued(
        base: LlamaConfig,
        tokens: u64,
        learning_rate: LearningRate,
    ) -> Result<Self, ScheduleError> {
        Self::from_base(vec![Stage::new("continued", base, tokens, learning_rate)])
    }
}
