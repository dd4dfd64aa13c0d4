//! A schedule put together stage by stage, where each model follows from its growth. Each growth is planned once, here;
//! what is wrong with the stages is for the schedule to say when all are there.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::{Growth, GrowthError, GrowthPlan};

use crate::{
    at_growth::AtGrowth,
    error::ScheduleError,
    learning_rate::{LearningRate, at_growth::RateBefore},
    loss_slope::LossSlope,
    schedule::{Schedule, beginning::Beginning},
    stage::Stage,
    trainable::Trainable,
};

/// A stage after the first one; [`NextStage::new`] gives one that trains everything and grows nothing. Its model
/// follows from the model before and its growth.
#[derive(Clone, Debug, PartialEq)]
pub struct NextStage {
    /// Unique in its schedule.
    pub name: String,
    /// The growth that it begins with. Without it the model goes on as it is.
    pub enter: Option<Growth>,
    /// Tokens trained on in this stage.
    pub tokens: u64,
    /// Where it ends before its tokens are used up; never the last stage.
    pub ends_at: Option<LossSlope>,
    /// What is trained.
    pub trainable: Trainable,
    /// What is chosen at the moment of that growth.
    pub at_growth: AtGrowth,
    /// The learning rate, by tokens of this stage.
    pub learning_rate: LearningRate,
}

impl NextStage {
    /// A stage that trains all of a model that goes on as it is.
    pub fn new(name: impl Into<String>, tokens: u64, learning_rate: LearningRate) -> Self {
        let (trainable, at_growth) = (Trainable::All, AtGrowth::default());
        Self { name: name.into(), enter: None, tokens, ends_at: None, trainable, at_growth, learning_rate }
    }

    fn of_model(self, model: LlamaConfig) -> Stage {
        let Self { name, enter, tokens, ends_at, trainable, at_growth, learning_rate } = self;
        Stage { name, model, tokens, ends_at, trainable, enter, at_growth, learning_rate }
    }
}

/// Stages that are put together one by one, for a [`Schedule`] of which only the first model is known.
///
/// ```
/// use outgrow_checkpoint::LlamaConfig;
/// use outgrow_operators::Growth;
/// use outgrow_schedules::{LearningRateCurve, NextStage, ScheduleBuilder, Stage};
///
/// let model = LlamaConfig::from_json(r#"{ "model_type": "llama", "vocab_size": 16, "hidden_size": 8,
///     "intermediate_size": 12, "num_hidden_layers": 3, "num_attention_heads": 2 }"#)?;
/// let rate = LearningRateCurve::cosine(1e-3, 1e-4, 100);
/// let mut stages = ScheduleBuilder::new(Stage::new("small", model, 1_000, rate.over(1_000)));
/// let enter = Some(Growth::Stack { factor: 2 });
/// stages.then(NextStage { enter, ..NextStage::new("large", 2_000, rate.over(2_000)) })?;
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
        let before = self.model().clone();
        let mut stage = stage.of_model(before);
        let growth = stage.planned_growth(&stage.model)?;
        if let Some(growth) = &growth {
            stage.model = growth.target().clone();
        }
        self.later.push((stage, growth));
        Ok(())
    }

    /// What the learning rate of the next stage goes on from.
    pub fn rate_before_next(&self) -> RateBefore {
        self.later.last().map_or(&self.first, |(stage, _)| stage).rate_before_next()
    }

    /// The model of the newest stage.
    pub fn model(&self) -> &LlamaConfig {
        &self.later.last().map_or(&self.first, |(stage, _)| stage).model
    }

    /// The stages so far.
    pub(crate) fn stages(&self) -> impl Iterator<Item = &Stage> {
        std::iter::once(&self.first).chain(self.later.iter().map(|(stage, _)| stage))
    }

    /// The same, for lengths and rates, which no plan depends on.
    pub(crate) fn stages_mut(&mut self) -> impl Iterator<Item = &mut Stage> {
        std::iter::once(&mut self.first).chain(self.later.iter_mut().map(|(stage, _)| stage))
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
