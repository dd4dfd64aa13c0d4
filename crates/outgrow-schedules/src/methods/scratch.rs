//! Training from scratch: what growing is compared with.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::Moments;

use crate::{
    error::ScheduleError, learning_rate::LearningRate, schedule::Schedule, stage::Stage, trainable::Trainable,
};

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
        Self::new(vec![Stage {
            name: "scratch".to_owned(),
            model,
            tokens,
            trainable: Trainable::All,
            enter: None,
            moments: Moments::Reset,
            learning_rate,
        }])
    }
}
