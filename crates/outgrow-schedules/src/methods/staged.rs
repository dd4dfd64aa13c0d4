//! Growth in stages at given parts of the tokens, in width and in depth (FLM-101B, arXiv 2309.03852).

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

/// The settings of [`Schedule::staged`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staged {
    /// The growth that each stage but the first begins with. One grows in width or in depth; a learned one in both.
    pub growths: Vec<Growth>,
    /// Sizes of the first model, where the growths don't say them.
    #[serde(default)]
    pub base: BaseSizes,
    /// The part of the tokens of each stage; [`Self::PAPER_SHARES`] in FLM-101B.
    pub shares: Vec<f64>,
    /// Length of the whole.
    pub length: Length,
    /// One learning rate over the whole; where `at_growth` doesn't keep it, that of each stage.
    pub learning_rate: LearningRateCurve,
    /// What is chosen at each growth; [`AtGrowth::KEPT_STATE`] by default.
    pub at_growth: AtGrowth,
}

impl Staged {
    /// FLM-101B: 245.37, 39.64 and 26.54 billion tokens at 16, 51 and 101 billion parameters.
    pub const PAPER_SHARES: [f64; 3] = [0.79, 0.13, 0.08];
}

impl Schedule {
    /// Growth at given parts of the tokens, by any operators, as FLM-101B (arXiv 2309.03852) grew twice: most tokens
    /// are read by the smallest model.
    ///
    /// # Errors
    /// Growths that don't lead to the target, or make nothing larger; shares that are no parts of a whole; and as
    /// [`Schedule::new`].
    pub fn staged(target: &LlamaConfig, settings: &Staged) -> Result<Self, ScheduleError> {
        schedule(Start::Target(target), settings)
    }

    /// The same of a base that there is already, which the first stage trains on; the target follows from it.
    ///
    /// # Errors
    /// As [`Schedule::staged`].
    pub fn staged_from(base: &LlamaConfig, settings: &Staged) -> Result<Self, ScheduleError> {
        schedule(Start::Base(base), settings)
    }
}

fn schedule(start: Start<'_>, settings: &Staged) -> Result<Schedule, ScheduleError> {
    let Staged { growths, base, shares, length, learning_rate, at_growth } = settings;
    if growths.is_empty() {
        return Err(ScheduleError::NoGrowths);
    }
    let mut outline = Outline::of_growths(start, base, growths, "stage-1", *learning_rate)?;
    for (index, growth) in growths.iter().enumerate() {
        outline.then_grow(Step {
            name: format!("stage-{}", index + 2),
            enter: Some(growth.clone()),
            trainable: Trainable::All,
            at_growth: *at_growth,
            learning_rate: at_growth.own_rate(*learning_rate),
        })?;
    }
    outline.build(Lengths::Shares(shares, *length))
}
