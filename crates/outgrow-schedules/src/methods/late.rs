//! Late growth (arXiv 2511.04981): one layer for most of the run, and all of them for the rest.

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

/// The settings of [`Schedule::late`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Late {
    /// The growth. None stacks one layer to all of the target's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// Sizes of the base that the growth doesn't say.
    #[serde(default)]
    pub base: BaseSizes,
    /// The part of the tokens before the growth, the paper's τ; [`Self::PAPER_SHARE`] there.
    pub base_share: f64,
    /// Length of the whole.
    pub length: Length,
    /// One learning rate over the whole: [warm-up, stable, decay](crate::Shape::Wsd) in the paper, with 2 % of the
    /// tokens for the warm-up and 10 % for the decay, so that the growth is in the stable part.
    pub learning_rate: LearningRateCurve,
    /// What is chosen at the growth; [`AtGrowth::KEPT_STATE`] by default.
    pub at_growth: AtGrowth,
}

impl Late {
    /// τ = 0.8 T.
    pub const PAPER_SHARE: f64 = 0.8;
}

impl Schedule {
    /// Late growth (arXiv 2511.04981): train a model of one layer for most of the tokens, grow it to its full depth at
    /// once, and go on with the same learning rate until it comes down. Under a cosine the paper finds that a growth
    /// after half of the tokens doesn't catch up.
    ///
    /// The paper's base has one layer or none at all. Ours has at least one: a configuration without layers is refused.
    ///
    /// # Errors
    /// A growth that doesn't lead to the target, a share that isn't between 0 and 1, and as [`Schedule::new`].
    pub fn late(target: &LlamaConfig, settings: &Late) -> Result<Self, ScheduleError> {
        let Late { growth, base, base_share, length, learning_rate, at_growth } = settings;
        // Written so that NaN is refused.
        if !(*base_share > 0.0 && *base_share < 1.0) {
            return Err(ScheduleError::BaseShare { base_share: *base_share });
        }
        let growth = growth.clone().unwrap_or(Growth::Stack { factor: target.num_hidden_layers });
        let growths = std::slice::from_ref(&growth);
        let start = Start::Target(target);
        let mut outline = Outline::of_growths(start, base, growths, "base", *learning_rate)?;
        outline.then_grow(Step {
            name: "grown".to_owned(),
            enter: Some(growth),
            trainable: Trainable::All,
            at_growth: *at_growth,
            learning_rate: at_growth.own_rate(*learning_rate),
        })?;
        outline.build(Lengths::Shares(&[*base_share, 1.0 - base_share], *length))
    }
}
