//! The choices at the moment of growth, beside the growth itself: the optimizer's moments, noise, a mask, where the data
//! and the learning rate go on. The rate after it is the stage's.

pub(crate) mod mask;

use outgrow_operators::{Growth, Mix, Moments};
use serde::{Deserialize, Serialize};

use crate::{at_growth::mask::MaskRamp, learning_rate::at_growth::RateAtGrowth};

/// What is chosen at the moment of growth. The defaults are those of arXiv 2405.15319.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AtGrowth {
    /// What becomes of the optimizer's moments.
    pub moments: Moments,
    /// Noise on the grown weights; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<Noise>,
    /// The mask that lets in what is new, little by little. Fresh parts need one; without, copies are let in at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<MaskRamp>,
    /// Where the data goes on.
    pub data: DataAtGrowth,
    /// Whether the learning rate begins anew.
    pub learning_rate: RateAtGrowth,
}

impl AtGrowth {
    /// Whether nothing is chosen.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// A growth with what is put on it, in the order in which both are planned.
    pub(crate) fn growths(&self, growth: &Growth) -> Vec<Growth> {
        std::iter::once(growth.clone()).chain(self.noise.map(Noise::growth)).collect()
    }
}

/// Noise on all matrices of the grown model (arXiv 2405.15319, I.2): [`Growth::Noise`], right after the growth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// The part of noise, 0 to 1; the paper's best is 0.2.
    pub amount: f64,
    /// How weights and noise are mixed.
    #[serde(default)]
    pub mix: Mix,
    /// Seeds the noise.
    #[serde(default)]
    pub seed: u64,
}

impl Noise {
    fn growth(self) -> Growth {
        let Self { amount, mix, seed } = self;
        Growth::Noise { amount, mix, seed }
    }
}

/// Where the data goes on after a growth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataAtGrowth {
    /// Where the smaller model stopped: text that no model has seen.
    #[default]
    Continue,
    /// At the beginning of the run's order: what the smaller model has seen comes again.
    Replay,
}
