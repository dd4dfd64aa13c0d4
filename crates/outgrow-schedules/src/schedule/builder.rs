//! A schedule put together stage by stage, where each model follows from its growth. Each growth is planned once, here;
//! what is wrong with the stages is for the schedule to say when all are there.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::{Growth, GrowthError, GrowthPlan, Moments};

use crate::{
    error::ScheduleError,
    learning_rate::LearningRate,
    schedule::{Schedule, beginning::Beginning},
    stage::Stage,
    trainable::Trainable,
};

/// A stage after the first one. Its model follows from the model before and its growth.
#[derive(Clone, Debug, PartialEq)]
pub struct NextStage {
    /// Unique in its schedule.
    pub name: String,
    /// The growth that it begins with. Without it the model goes on as it is.
    pub enter: Option<Growth>,
    /// Tokens trained on in this stage.
    pub tokens: u64,
    /// What is trained.
    pub trainable: Trainable,
    /// What becomes of the optimizer's moments at the growth.
    pub moments: Moments,
    /// The learning rate, by tokens of this stage.
    pub learning_rate: LearningRate,
}

/// Stages that are put together one by one, for a [`Schedule`] of which only the first model is known.
///
/// ```
/// use outgrow_checkpoint::LlamaConfig;
/// use outgrow_operators::{Growth, Moments};
/// use outgrow_schedules::{Cosine, NextStage, ScheduleBuilder, Stage, Trainable};
///
/// let model = LlamaConfig::from_json(r#"{ "model_type": "llama", "vocab_size": 16, "hidden_size": 8,
///     "intermediate_size": 12, "num_hidden_layers": 3, "num_attention_heads": 2 }"#)?;
/// let rate = Cosine { peak: 1e-3, minimum: 1e-4, warmup_tokens: 100, horizon_tokens: None };
/// let (trainable, moments) = (Trainable::All, Moments::Reset);
/// let mut stages = ScheduleBuilder::new(Stage {
///     name: "small".to_owned(), model, tokens: 1_000, trainable, enter: None, moments, learning_rate: rate.over(1_000),
/// });
/// stages.then(NextStage {
///     name: "large".to_owned(), enter: Some(Growth::Stack { factor: 2 }), tokens: 2_000, trainable, moments,
///     learning_rate: rate.over(2_000),
/// })?;
/// assert_eq!(stages.model().num_hidden_layers, 6);
/// assert_eq!(stages.build()?.tokens(), 3_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ScheduleBuilder {
    beginning: Beginning,
    first: Stage,
    /// The stages after it, with the plans of their growths.
    later: Vec<(Stage, Option<GrowthPlan>)>,
}

impl ScheduleBuilder {
    /// Begins with a first stage and its model.
    pub fn new(first: Stage) -> Self {
        Self { beginning: Beginning::Fresh, first, later: Vec::new() }
    }

    /// Begins with a first stage whose model has weights already, as [`Schedule::from_base`].
    pub fn from_base(first: Stage) -> Self {
        Self { beginning: Beginning::Base, ..Self::new(first) }
    }

    /// Adds a stage, whose growth is planned.
    ///
    /// # Errors
    /// A growth that can't be planned. Everything else is found by [`Self::build`].
    pub fn then(&mut self, stage: NextStage) -> Result<(), GrowthError> {
        let NextStage { name, enter, tokens, trainable, moments, learning_rate } = stage;
        let growth = enter.as_ref().map(|growth| GrowthPlan::new(self.model(), [growth])).transpose()?;
        let model = growth.as_ref().map_or_else(|| self.model(), GrowthPlan::target).clone();
        self.later.push((Stage { name, model, tokens, trainable, enter, moments, learning_rate }, growth));
        Ok(())
    }

    /// The model of the newest stage.
    pub fn model(&self) -> &LlamaConfig {
        &self.later.last().map_or(&self.first, |(stage, _)| stage).model
    }

    /// Checks the stages, and keeps the plans of their growths.
    ///
    /// # Errors
    /// As [`Schedule::new`].
    pub fn build(self) -> Result<Schedule, ScheduleError> {
        let (mut stages, mut growths) = (vec![self.first], vec![Ok(None)]);
        for (stage, growth) in self.later {
            stages.push(stage);
            growths.push(Ok(growth));
        }
        Schedule::checked(self.beginning, stages, growths)
    }
}
