//! Recycling (arXiv 2510.08008): a finished model grown at once and trained on.

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

/// The settings of [`Schedule::recycle_from`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recycle {
    /// The growth; [`Self::PAPER_GROWTH`] by default.
    pub growth: Growth,
    /// Length of the training after it.
    pub length: Length,
    /// Its learning rate, with a warm-up of its own.
    pub learning_rate: LearningRateCurve,
    /// What is chosen at the growth. There is no rate before it that could go on.
    #[serde(default)]
    pub at_growth: AtGrowth,
}

impl Recycle {
    /// Each layer twice, next to itself: of a model that was trained to its end, the paper finds that better than a
    /// stack, because the norms of neighbouring layers go on fitting.
    pub const PAPER_GROWTH: Growth = Growth::Interleave { factor: 2 };
}

impl Schedule {
    /// Recycling of a finished model (arXiv 2510.08008): grow it at once and train on.
    ///
    /// # Errors
    /// A growth that can't be planned or makes nothing larger, and as [`Schedule::new`].
    pub fn recycle_from(base: &LlamaConfig, settings: &Recycle) -> Result<Self, ScheduleError> {
        let Recycle { growth, length, learning_rate, at_growth } = settings;
        let growths = std::slice::from_ref(growth);
        let start = Start::Base(base);
        let mut outline = Outline::of_growths(start, &BaseSizes::default(), growths, "base", *learning_rate)?;
        outline.then_grow(Step {
            name: "grown".to_owned(),
            enter: Some(growth.clone()),
            trainable: Trainable::All,
            at_growth: *at_growth,
            learning_rate: at_growth.own_rate(*learning_rate),
        })?;
        outline.build(Lengths::Earlier(vec![0], *length))
    }
}
