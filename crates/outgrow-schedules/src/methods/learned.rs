//! Learned growth (G_learn of arXiv 2405.15319, A.6; LiGO, arXiv 2303.00980): a small model, and a large one that is a
//! linear map of it, whose matrices are learned. How they are learned isn't said here.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::Growth;
use serde::{Deserialize, Serialize};

use crate::{
    at_growth::{AtGrowth, MatrixLearning},
    error::ScheduleError,
    learning_rate::curve::LearningRateCurve,
    methods::{base_sizes::BaseSizes, g_stack::GStack, length::Length},
    schedule::Schedule,
};

/// The settings of [`Schedule::learned`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedGrowth {
    /// [`Growth::Learned`], with the sizes that it leads to.
    pub growth: Growth,
    /// Sizes of the base that the growth doesn't say; without a meaning in [`Schedule::learned_from`].
    #[serde(default)]
    pub base: BaseSizes,
    /// Tokens of the base; with [`Schedule::learned_from`], those that it is trained on before it grows.
    pub base_tokens: u64,
    /// Learning rate of the base; without a meaning where it has no tokens.
    pub base_learning_rate: LearningRateCurve,
    /// How the matrices are learned: in the paper in 100 steps.
    pub learning: MatrixLearning,
    /// Length of the training after the growth.
    pub grown: Length,
    /// Learning rate after the growth.
    pub grown_learning_rate: LearningRateCurve,
}

impl LearnedGrowth {
    /// Steps of learning in the paper.
    pub const PAPER_STEPS: u64 = 100;
}

impl Schedule {
    /// G_learn (arXiv 2405.15319, A.6): train a base, learn the matrices of its growth through it, grow by them, train
    /// on.
    ///
    /// # Errors
    /// A growth by another operator, and as [`Schedule::g_stack`].
    pub fn learned(target: &LlamaConfig, settings: &LearnedGrowth) -> Result<Self, ScheduleError> {
        Self::g_stack(target, &as_growth_of_g_stack(settings))
    }

    /// The same of a base that there is already. It is trained on for `base_tokens`, which may be 0, and grown; the
    /// target follows from it.
    ///
    /// # Errors
    /// As [`Schedule::learned`].
    pub fn learned_from(base: &LlamaConfig, settings: &LearnedGrowth) -> Result<Self, ScheduleError> {
        Self::g_stack_from(base, &as_growth_of_g_stack(settings))
    }
}

fn as_growth_of_g_stack(settings: &LearnedGrowth) -> GStack {
    let LearnedGrowth { growth, base, base_tokens, base_learning_rate, learning, grown, grown_learning_rate } =
        settings.clone();
    let at_growth = AtGrowth { learning: Some(learning), ..AtGrowth::default() };
    let grown_learning_rate = Some(grown_learning_rate);
    GStack { growth, base, base_tokens, base_learning_rate, grown, grown_learning_rate, at_growth }
}
