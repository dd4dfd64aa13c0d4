//! StackBERT (Gong et al. 2019): the whole again and again, under one learning rate.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::Operator;
use serde::{Deserialize, Serialize};

use crate::{
    at_growth::AtGrowth,
    error::ScheduleError,
    learning_rate::curve::LearningRateCurve,
    methods::{
        base_sizes::with_layers,
        depths::{check_layer_counts, growths_between},
        length::Length,
        outline::{Lengths, Outline, Start, Step},
    },
    schedule::Schedule,
    trainable::Trainable,
};

/// The settings of [`Schedule::stackbert`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stackbert {
    /// Layers of each stage, each a multiple of the one before: `[3, 6, 12]` in the paper.
    pub layer_counts: Vec<usize>,
    /// The part of the tokens of each stage; [`Self::PAPER_SHARES`] in the paper.
    pub shares: Vec<f64>,
    /// Length of the whole.
    pub length: Length,
    /// One learning rate over the whole; where `at_growth` doesn't keep it, that of each stage.
    pub learning_rate: LearningRateCurve,
    /// What is chosen at each growth; [`AtGrowth::KEPT_RATE`] in the paper, whose optimizer begins anew.
    pub at_growth: AtGrowth,
}

impl Stackbert {
    /// 50 thousand, 20 thousand and 330 thousand of the paper's 400 thousand steps.
    pub const PAPER_SHARES: [f64; 3] = [0.125, 0.05, 0.825];
}

impl Schedule {
    /// StackBERT (Gong et al., ICML 2019, algorithm 1 and the script released with it): train a few layers, stack the
    /// whole on itself, train on, stack again. The learning rate goes on along one decay, without a warm-up of its own
    /// after a growth; the optimizer's state is reset.
    ///
    /// # Errors
    /// Layer counts that don't rise to the target's by whole multiples, shares that are no parts of a whole, and as
    /// [`Schedule::new`].
    pub fn stackbert(target: &LlamaConfig, settings: &Stackbert) -> Result<Self, ScheduleError> {
        let Stackbert { layer_counts: counts, shares, length, learning_rate, at_growth } = settings;
        check_layer_counts(counts, target.num_hidden_layers)?;
        let growths = growths_between(Operator::Stack, counts)?;
        let name = |count: usize| format!("{count}-layers");
        let first = with_layers(target, counts[0])?;
        let mut outline = Outline::new(Start::Target(target), first, &name(counts[0]), *learning_rate);
        for (growth, count) in growths.into_iter().zip(&counts[1..]) {
            outline.then(Step {
                name: name(*count),
                enter: Some(growth),
                trainable: Trainable::All,
                at_growth: *at_growth,
                learning_rate: at_growth.own_rate(*learning_rate),
            })?;
        }
        outline.build(Lengths::Shares(shares, *length))
    }
}
