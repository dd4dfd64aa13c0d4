//! The choices at the moment of growth, beside the growth itself: the optimizer's moments, noise, a mask, where the
//! data and the learning rate go on. The rate after it is the stage's.

pub(crate) mod mask;
pub(crate) mod new_parameters;

use outgrow_operators::{Growth, Mix, Moments};
use serde::{Deserialize, Serialize};

use crate::{
    at_growth::{mask::MaskRamp, new_parameters::NewParameters},
    error::ScheduleError,
    learning_rate::{at_growth::RateAtGrowth, curve::LearningRateCurve},
};

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
    /// A learning rate of their own for new parameters; by default they have that of the stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_parameters: Option<NewParameters>,
    /// The learning of a learned growth's matrices, before it is carried out; by default the initial ones are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning: Option<MatrixLearning>,
}

impl AtGrowth {
    /// The rate goes on; the optimizer begins anew.
    pub const KEPT_RATE: Self = Self {
        moments: Moments::Reset,
        noise: None,
        mask: None,
        data: DataAtGrowth::Continue,
        learning_rate: RateAtGrowth::Keep,
        new_parameters: None,
        learning: None,
    };
    /// The rate goes on, and so do the moments of what there was; those of what is new begin at zero.
    pub const KEPT_STATE: Self = Self { moments: Moments::KeepOld, ..Self::KEPT_RATE };

    /// The learning rate of a stage that has this curve, unless that of the stage before goes on.
    pub(crate) fn own_rate(&self, curve: LearningRateCurve) -> Option<LearningRateCurve> {
        (self.learning_rate != RateAtGrowth::Keep).then_some(curve)
    }

    /// Whether nothing is chosen.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// A growth with what is put on it, in the order in which both are planned.
    pub(crate) fn growths(&self, growth: &Growth) -> Vec<Growth> {
        std::iter::once(growth.clone()).chain(self.noise.map(Noise::growth)).collect()
    }
}

/// How the matrices of [`Growth::Learned`] are learned (G_learn, arXiv 2405.15319, A.6): through the frozen model
/// before, in steps as large as the run's. In the paper it is 100 of them, with rates from 7e-5 down to 7e-6. They are
/// AdamW's with the paper's settings, whatever the run's optimizer is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatrixLearning {
    /// Tokens that are learned on, beside those of the stage.
    pub tokens: u64,
    /// The highest learning rate: a warm-up over half of the tokens leads to it, a cosine then to a tenth of it.
    #[serde(default = "usual_peak")]
    pub learning_rate: f64,
    /// Whether matrices of sizes that stay are learned as well: they begin as identities.
    #[serde(default, skip_serializing_if = "is_false")]
    pub all_widths: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn usual_peak() -> f64 {
    MatrixLearning::USUAL_PEAK
}

impl MatrixLearning {
    /// A rate that serves small models; docs/EXPERIMENTS.md has others beside it.
    pub const USUAL_PEAK: f64 = 1e-2;

    /// What is wrong with it at a growth that leaves the moments to `moments`.
    pub(crate) fn problems(self, growth: &Growth, moments: Moments) -> Vec<ScheduleError> {
        let mut problems = Vec::new();
        if !matches!(growth, Growth::Learned { .. }) {
            problems.push(ScheduleError::NothingIsLearned { operator: growth.name() });
        }
        if moments != Moments::Reset {
            problems.push(ScheduleError::MomentsOfLearned { moments });
        }
        if self.tokens == 0 {
            problems.push(ScheduleError::NoLearningTokens);
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            problems.push(ScheduleError::LearningPeak { peak: self.learning_rate });
        }
        problems
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
