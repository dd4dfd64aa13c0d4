//! G_stack (arXiv 2405.15319): a small base, grown once, by stacking or by any other operator.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::Growth;
use serde::{Deserialize, Serialize};

use crate::{
    at_growth::AtGrowth,
    error::ScheduleError,
    learning_rate::curve::LearningRateCurve,
    methods::{
        base_sizes::BaseSizes,
        length::Length,
        outline::{Lengths, Outline, Start, Step},
    },
    schedule::Schedule,
    trainable::Trainable,
};

/// The settings of [`Schedule::g_stack`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GStack {
    /// The growth: [`Growth::Stack`] in the paper, which finds factors of 2 to 4 best.
    pub growth: Growth,
    /// Sizes of the base that the growth doesn't say; without a meaning in [`Schedule::g_stack_from`].
    #[serde(default)]
    pub base: BaseSizes,
    /// Tokens of the base; with [`Schedule::g_stack_from`], those that it is trained on before it grows.
    pub base_tokens: u64,
    /// Learning rate of the base; without a meaning where it has no tokens.
    pub base_learning_rate: LearningRateCurve,
    /// Length of the training after the growth.
    pub grown: Length,
    /// Learning rate after the growth: a new curve with its own warm-up and peak. None where that of the base goes on.
    pub grown_learning_rate: Option<LearningRateCurve>,
    /// What is chosen at the growth; the default is the paper's.
    #[serde(default)]
    pub at_growth: AtGrowth,
}

impl Schedule {
    /// G_stack (arXiv 2405.15319, Algorithm 2): train a base, grow it, train on. The base has a `factor`-th of the
    /// target's layers, or whatever the growth makes the target of: the paper compares eight operators so (figure 3).
    ///
    /// # Errors
    /// A growth that doesn't lead to the target or makes nothing larger, a budget that the base uses up, and as
    /// [`Schedule::new`].
    pub fn g_stack(target: &LlamaConfig, settings: &GStack) -> Result<Self, ScheduleError> {
        schedule(Start::Target(target), settings)
    }

    /// The same of a base that there is already. It is trained on for `base_tokens`, which may be 0, and grown; the
    /// target follows from it.
    ///
    /// # Errors
    /// As [`Schedule::g_stack`].
    pub fn g_stack_from(base: &LlamaConfig, settings: &GStack) -> Result<Self, ScheduleError> {
        match settings.growth {
            Growth::Stack { factor: 0 } | Growth::Interleave { factor: 0 } => Err(ScheduleError::NoFactor),
            _ => schedule(Start::Base(base), settings),
        }
    }
}

fn schedule(start: Start<'_>, settings: &GStack) -> Result<Schedule, ScheduleError> {
    let GStack { growth, base, base_tokens, base_learning_rate, grown, grown_learning_rate, at_growth } =
        settings;
    let growths = std::slice::from_ref(growth);
    let mut outline = Outline::of_growths(start, base, growths, "base", *base_learning_rate)?;
    outline.then_grow(Step {
        name: "grown".to_owned(),
        enter: Some(growth.clone()),
        trainable: Trainable::All,
        at_growth: *at_growth,
        learning_rate: *grown_learning_rate,
    })?;
    outline.build(Lengths::Earlier(vec![*base_tokens], *grown))
}
