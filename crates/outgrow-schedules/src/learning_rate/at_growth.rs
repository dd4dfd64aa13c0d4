//! What the learning rate does where a stage begins: anew, on, or up again from where it is.

use serde::{Deserialize, Serialize};

use crate::learning_rate::{LearningRate, curve::LearningRateCurve, error::RateError};

/// What the learning rate does at the beginning of a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateAtGrowth {
    /// A curve of its own, whose warm-up begins at 0, as in arXiv 2405.15319.
    #[default]
    Restart,
    /// The curve of the stage before goes on (arXiv 2511.04981).
    Keep,
    /// A curve of its own, whose warm-up begins at the rate of the stage before.
    Rewarm,
}

/// A stage as its learning rate meets it: its rate and its tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateBefore {
    /// The learning rate.
    pub learning_rate: LearningRate,
    /// For so many tokens.
    pub tokens: u64,
}

impl RateBefore {
    /// Before the first stage.
    pub const NOTHING: Self = Self { learning_rate: LearningRate::NONE, tokens: 0 };
}

impl RateAtGrowth {
    /// The learning rate of a stage of `tokens`.
    ///
    /// # Errors
    /// A curve that is missing or has no place, and a stage before without a step, whose rate there is none to go on
    /// from.
    pub fn learning_rate(
        self,
        before: RateBefore,
        curve: Option<LearningRateCurve>,
        tokens: u64,
    ) -> Result<LearningRate, RateError> {
        let curve = match (self, curve) {
            (Self::Keep, None) => None,
            (Self::Restart | Self::Rewarm, Some(curve)) => Some(curve.over(tokens)),
            (Self::Keep, Some(_)) => return Err(RateError::CurveOfKeptRate),
            (Self::Restart | Self::Rewarm, None) => return Err(RateError::NoCurve),
        };
        if self != Self::Restart && before.tokens == 0 {
            return Err(RateError::NoRateBefore);
        }
        Ok(match curve {
            None => before.learning_rate.continued_after(before.tokens),
            Some(curve) => LearningRate { initial: self.initial(before), ..curve },
        })
    }

    /// The rate that a warm-up begins with.
    fn initial(self, before: RateBefore) -> f64 {
        match self {
            Self::Restart => 0.0,
            Self::Keep | Self::Rewarm => before.learning_rate.at(before.tokens),
        }
    }

    /// Whether a rate goes on from the one before it, where it says so.
    pub(crate) fn check(self, before: RateBefore, learning_rate: &LearningRate) -> Result<(), RateError> {
        let (ends, begins) = (before.learning_rate.at(before.tokens), learning_rate.at(0));
        if self == Self::Restart || ends.to_bits() == begins.to_bits() {
            return Ok(());
        }
        Err(RateError::RateJumps { ends, begins })
    }
}
