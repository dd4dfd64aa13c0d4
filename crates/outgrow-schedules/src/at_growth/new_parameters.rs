//! A learning rate of their own for the new parameters of a growth (arXiv 2602.02472): up from the stage's rate, then
//! down to the same minimum. Which parameters are new, the growth's plan says.

use std::fmt;

use outgrow_operators::GrowthPlan;
use serde::{Deserialize, Serialize};

use crate::{error::new_parameters::NewParametersError, learning_rate::LearningRate};

/// The learning rate of new parameters, beside that of the stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewParameters {
    /// What the stage's rate is multiplied by once the new rate is up.
    #[serde(default = "usual_ratio")]
    pub ratio: f64,
    /// Tokens of the stage over which it goes up; 0 for at once. In the paper it is 250 steps.
    pub rewarm_tokens: u64,
}

fn usual_ratio() -> f64 {
    NewParameters::USUAL_RATIO
}

impl NewParameters {
    /// That of the paper.
    pub const USUAL_RATIO: f64 = 1.3;

    /// The rate of an update of new parameters, where `stage_tokens` are counted as in [`LearningRate::at`].
    ///
    /// With the stage's rate `η`, its minimum `η_min`, the ratio `ρ` and `n` the tokens of the way up:
    /// `η(t) · (1 + (ρ − 1) · min(t / n, 1))` until both the way up and the stage's own warm-up are over, at `m`; then
    /// `η_min + (ρ η(m) − η_min) · (η(t) − η_min) / (η(m) − η_min)`. So it comes down as the stage's rate does, and to
    /// the same minimum. The paper begins a half cosine of its own at `m`. A rate that stays up has `ρ η(t)`.
    pub fn learning_rate(&self, of_stage: &LearningRate, stage_tokens: u64) -> f64 {
        let Self { ratio, rewarm_tokens } = *self;
        let rate = of_stage.at(stage_tokens);
        if ratio.to_bits() == 1_f64.to_bits() {
            return rate;
        }
        let up_at = rewarm_tokens.max(of_stage.warmup_tokens.saturating_sub(of_stage.start_tokens));
        if stage_tokens < up_at {
            let part = (stage_tokens as f64 / rewarm_tokens.max(1) as f64).min(1.0);
            return rate * (1.0 + (ratio - 1.0) * part);
        }
        let (highest, minimum) = (of_stage.at(up_at), of_stage.minimum);
        if highest <= minimum || ratio * highest <= minimum {
            return rate * ratio;
        }
        minimum + (ratio * highest - minimum) * (rate - minimum) / (highest - minimum)
    }

    /// What is wrong with it at a growth.
    pub(crate) fn problem(
        &self,
        stage_tokens: u64,
        is_learned: bool,
        plan: &GrowthPlan,
    ) -> Option<NewParametersError> {
        let Self { ratio, rewarm_tokens } = *self;
        if !(ratio > 0.0 && ratio.is_finite()) {
            return Some(NewParametersError::Ratio { ratio });
        }
        if rewarm_tokens >= stage_tokens {
            return Some(NewParametersError::Rewarm { rewarm_tokens, tokens: stage_tokens });
        }
        // Learned matrices mix everything.
        (is_learned || !plan.lineage().has_new_parts()).then_some(NewParametersError::NothingNew)
    }
}

impl fmt::Display for NewParameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "new parameters at {} times the rate after {} tokens",
            self.ratio, self.rewarm_tokens
        )
    }
}
