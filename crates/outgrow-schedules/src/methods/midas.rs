//! MIDAS (arXiv 2409.19044) and LIDAS (arXiv 2512.08819): a block of layers at a time, in the middle, in stages that
//! become longer.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::Growth;
use serde::{Deserialize, Serialize};

use crate::{
    at_growth::AtGrowth,
    error::ScheduleError,
    learning_rate::curve::LearningRateCurve,
    methods::{
        base_sizes::with_layers,
        length::Length,
        outline::{Lengths, Outline, Start, Step},
    },
    schedule::Schedule,
    trainable::Trainable,
};

/// The settings of [`Schedule::midas`] and [`Schedule::lidas`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Midas {
    /// Layers of a block: those of the first stage, and those that each growth adds. 4 in LIDAS.
    pub block_layers: usize,
    /// The papers' α: stage `i` of `k` is as long as `i^α`, of all stages' sum. [`Self::PAPER_EXPONENT`] by default.
    pub exponent: f64,
    /// Length of the whole.
    pub length: Length,
    /// One learning rate over the whole; where `at_growth` doesn't keep it, that of each stage.
    pub learning_rate: LearningRateCurve,
    /// What is chosen at each growth; [`AtGrowth::KEPT_STATE`] by default.
    pub at_growth: AtGrowth,
}

impl Midas {
    /// α = 1, with which six stages of equal steps in depth cost 13/18 of the layers' FLOPs: the paper's 40 % faster.
    pub const PAPER_EXPONENT: f64 = 1.0;
}

impl Schedule {
    /// MIDAS (arXiv 2409.19044): begin with one block of layers; at each growth the middle block is there again, right
    /// after itself.
    ///
    /// # Errors
    /// Blocks that don't make up the target, an exponent that is no number from 0, and as [`Schedule::new`].
    pub fn midas(target: &LlamaConfig, settings: &Midas) -> Result<Self, ScheduleError> {
        let Midas { block_layers, .. } = *settings;
        schedule(target, settings, |_| Growth::Middle { block_layers })
    }

    /// LIDAS (arXiv 2512.08819): as [`Schedule::midas`], but between the middle block and the next come the upper half
    /// of the one and the lower half of the other. One block alone has no next, and is there again as a whole.
    ///
    /// # Errors
    /// As [`Schedule::midas`]; blocks of an odd number of layers, which have no halves.
    pub fn lidas(target: &LlamaConfig, settings: &Midas) -> Result<Self, ScheduleError> {
        let Midas { block_layers, .. } = *settings;
        // The first growth takes no halves.
        let halves = target.num_hidden_layers > block_layers.saturating_mul(2);
        if halves && !block_layers.is_multiple_of(2) {
            return Err(ScheduleError::OddBlocks { block_layers });
        }
        schedule(target, settings, |blocks| match blocks {
            1 => Growth::Middle { block_layers },
            _ => Growth::Lidas { block_layers },
        })
    }
}

/// Stages in which a model of so many blocks grows.
fn schedule(
    target: &LlamaConfig,
    settings: &Midas,
    growth: impl Fn(usize) -> Growth,
) -> Result<Schedule, ScheduleError> {
    let Midas { block_layers, exponent, length, learning_rate, at_growth } = *settings;
    let num_hidden_layers = target.num_hidden_layers;
    if block_layers == 0
        || !num_hidden_layers.is_multiple_of(block_layers)
        || block_layers == num_hidden_layers
    {
        return Err(ScheduleError::Blocks { block_layers, num_hidden_layers });
    }
    // Written so that NaN is refused.
    if !(exponent >= 0.0 && exponent.is_finite()) {
        return Err(ScheduleError::Exponent { exponent });
    }
    let stages = num_hidden_layers / block_layers;
    let name = |blocks: usize| format!("{}-layers", blocks * block_layers);
    let first = with_layers(target, block_layers)?;
    let mut outline = Outline::new(Start::Target(target), first, &name(1), learning_rate);
    for blocks in 1..stages {
        outline.then(Step {
            name: name(blocks + 1),
            enter: Some(growth(blocks)),
            trainable: Trainable::All,
            at_growth,
            learning_rate: at_growth.own_rate(learning_rate),
        })?;
    }
    let powers: Vec<f64> = (1..=stages).map(|stage| (stage as f64).powf(exponent)).collect();
    let sum: f64 = powers.iter().sum();
    let shares: Vec<f64> = powers.iter().map(|power| power / sum).collect();
    outline.build(Lengths::Shares(&shares, length))
}
