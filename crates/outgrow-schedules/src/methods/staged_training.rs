//! Staged training (arXiv 2203.06211): a base that is grown when the slope of its loss says so.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::{Growth, Moments};
use serde::{Deserialize, Serialize};

use crate::{
    at_growth::AtGrowth,
    error::ScheduleError,
    learning_rate::{at_growth::RateAtGrowth, curve::LearningRateCurve},
    loss_slope::LossSlope,
    methods::{
        base_sizes::BaseSizes,
        length::Length,
        outline::{Lengths, Outline, Start, Step},
    },
    schedule::Schedule,
    trainable::Trainable,
};

/// The settings of [`Schedule::staged_training`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StagedTraining {
    /// The growth; the paper's make a model twice as deep or twice as wide, or both.
    pub growth: Growth,
    /// Sizes of the base that the growth doesn't say; without a meaning in [`Schedule::staged_training_from`].
    #[serde(default)]
    pub base: BaseSizes,
    /// The slope at which the base is grown. None is the paper's for what grows, [`LossSlope::DEPTH`] and the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<LossSlope>,
    /// The most tokens of the base: when they are used up it is grown, whatever the slope.
    pub base_tokens: u64,
    /// Learning rate of the base, over its most tokens.
    pub base_learning_rate: LearningRateCurve,
    /// Length of the training after the growth. A budget is what is left if the base uses all of its tokens.
    pub grown: Length,
    /// Learning rate after the growth. In the paper it begins, after a warm-up of 150 to 200 steps, where a model
    /// trained from scratch would have the same loss.
    pub grown_learning_rate: LearningRateCurve,
    /// What is chosen at the growth; [`Self::PAPER_CHOICE`] there. The rate begins anew, because nobody knows where the
    /// base's will end.
    pub at_growth: AtGrowth,
}

impl StagedTraining {
    /// The optimizer's moments grow along.
    pub const PAPER_CHOICE: AtGrowth =
        AtGrowth { moments: Moments::Scaled, learning_rate: RateAtGrowth::Restart, ..AtGrowth::KEPT_RATE };
}

impl Schedule {
    /// Staged training (arXiv 2203.06211): train a base until its loss falls too slowly for what it costs, grow it with
    /// its optimizer's moments, train on.
    ///
    /// # Errors
    /// A growth that doesn't lead to the target or makes nothing larger, a slope that isn't one, a budget that the base
    /// uses up, and as [`Schedule::new`].
    pub fn staged_training(target: &LlamaConfig, settings: &StagedTraining) -> Result<Self, ScheduleError> {
        schedule(Start::Target(target), settings)
    }

    /// The same of a base that there is already, which is trained on until its loss falls too slowly. The target
    /// follows from it.
    ///
    /// # Errors
    /// As [`Schedule::staged_training`].
    pub fn staged_training_from(
        base: &LlamaConfig,
        settings: &StagedTraining,
    ) -> Result<Self, ScheduleError> {
        schedule(Start::Base(base), settings)
    }
}

fn schedule(start: Start<'_>, settings: &StagedTraining) -> Result<Schedule, ScheduleError> {
    let StagedTraining { growth, base, ends_at, base_tokens, base_learning_rate, .. } = settings;
    let growths = std::slice::from_ref(growth);
    let mut outline = Outline::of_growths(start, base, growths, "base", *base_learning_rate)?;
    let before = outline.model().clone();
    outline.then_grow(Step {
        name: "grown".to_owned(),
        enter: Some(growth.clone()),
        trainable: Trainable::All,
        at_growth: settings.at_growth,
        learning_rate: Some(settings.grown_learning_rate),
    })?;
    let ends_at = ends_at.unwrap_or_else(|| usual_slope(&before, outline.model()));
    outline.end_first_at(ends_at);
    outline.build(Lengths::Earlier(vec![*base_tokens], settings.grown))
}

fn usual_slope(before: &LlamaConfig, grown: &LlamaConfig) -> LossSlope {
    let is_deeper = grown.num_hidden_layers > before.num_hidden_layers;
    let is_wider =
        grown.hidden_size > before.hidden_size || grown.intermediate_size > before.intermediate_size;
    match (is_deeper, is_wider) {
        (true, true) => LossSlope::BOTH,
        (true, false) => LossSlope::DEPTH,
        (false, _) => LossSlope::WIDTH,
    }
}
