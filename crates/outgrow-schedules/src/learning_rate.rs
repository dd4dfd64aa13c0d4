//! The learning rate of a stage: linear warm-up, then cosine, both counted in tokens. Knows nothing of steps or
//! batches.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::error::ScheduleError;

/// Linear from 0 to `peak` at `warmup_tokens`, then half a cosine down to `minimum` at `horizon_tokens`, then
/// `minimum`.
///
/// arXiv 2405.15319 starts it anew for the grown model, with its own peak; the minimum there is a tenth of the peak.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearningRate {
    /// The highest rate.
    pub peak: f64,
    /// The rate at the horizon and after it.
    pub minimum: f64,
    /// Tokens of the warm-up; 0 for none.
    pub warmup_tokens: u64,
    /// Tokens to the minimum, those of the warm-up included. May lie beyond the end of the stage: then the rate is
    /// still high when the stage ends, as that of the small models in arXiv 2405.15319 is.
    pub horizon_tokens: u64,
    /// Where on the curve the stage begins: 0, unless the stage goes on with the curve of an earlier one.
    #[serde(default)]
    pub start_tokens: u64,
}

impl LearningRate {
    /// That of a stage without tokens, which takes no step.
    pub const NONE: Self =
        Self { peak: 0.0, minimum: 0.0, warmup_tokens: 0, horizon_tokens: 0, start_tokens: 0 };

    /// The same curve, entered `tokens` further on: for a stage that follows one of `tokens` and doesn't restart the
    /// rate.
    #[must_use]
    pub fn continued_after(self, tokens: u64) -> Self {
        Self { start_tokens: self.start_tokens + tokens, ..self }
    }

    /// The rate of an update, where `tokens` are the tokens of this stage consumed when it is applied, its own batch
    /// included.
    ///
    /// So the first step of `B` tokens is applied at `at(B)` and moves the weights, where a scheduler that counts
    /// finished steps would give it a rate of zero; and the last step of a stage as long as the horizon is applied at
    /// the minimum.
    pub fn at(&self, tokens: u64) -> f64 {
        let tokens = self.start_tokens.saturating_add(tokens);
        if tokens < self.warmup_tokens {
            return self.peak * (tokens as f64 / self.warmup_tokens as f64);
        }
        if tokens >= self.horizon_tokens {
            return self.minimum;
        }
        let decaying = self.horizon_tokens - self.warmup_tokens;
        let part = (tokens - self.warmup_tokens) as f64 / decaying as f64;
        // Written from the peak down, so that the end of the warm-up is exactly the peak.
        self.peak - (self.peak - self.minimum) * 0.5 * (1.0 - (PI * part).cos())
    }

    /// Rates that aren't finite and `0 ≤ minimum ≤ peak`, and a warm-up that doesn't end before the horizon.
    pub(crate) fn problems(&self) -> Vec<ScheduleError> {
        let mut problems = Vec::new();
        if !self.peak.is_finite() || self.peak <= 0.0 {
            problems.push(ScheduleError::Peak { peak: self.peak });
        }
        // Written so that NaN is refused.
        if !(self.minimum >= 0.0 && self.minimum <= self.peak) {
            problems.push(ScheduleError::Minimum { minimum: self.minimum, peak: self.peak });
        }
        if self.warmup_tokens >= self.horizon_tokens {
            let Self { warmup_tokens, horizon_tokens, .. } = *self;
            problems.push(ScheduleError::WarmUp { warmup_tokens, horizon_tokens });
        }
        problems
    }
}

/// A learning rate before the stage's length is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cosine {
    /// The highest rate.
    pub peak: f64,
    /// The rate at the horizon and after it.
    pub minimum: f64,
    /// Tokens of the warm-up; 0 for none.
    pub warmup_tokens: u64,
    /// Tokens to the minimum; where it is left out, the length of the stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon_tokens: Option<u64>,
}

impl Cosine {
    /// The learning rate of a stage of `tokens`.
    pub fn over(self, tokens: u64) -> LearningRate {
        let Self { peak, minimum, warmup_tokens, horizon_tokens } = self;
        let horizon_tokens = horizon_tokens.unwrap_or(tokens);
        LearningRate { peak, minimum, warmup_tokens, horizon_tokens, start_tokens: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn learning_rates() -> impl Strategy<Value = LearningRate> {
        (1e-6_f64..1.0, 0.0_f64..=1.0, 0_u64..1_000_000, 1_u64..1_000_000_000).prop_map(
            |(peak, part, warmup_tokens, decaying)| {
                let horizon_tokens = warmup_tokens + decaying;
                LearningRate { peak, minimum: peak * part, warmup_tokens, horizon_tokens, start_tokens: 0 }
            },
        )
    }

    proptest! {
        #[test]
        fn the_rate_is_zero_at_zero_exactly_if_there_is_a_warm_up(rate in learning_rates()) {
            prop_assert!(rate.problems().is_empty());
            prop_assert_eq!(rate.at(0) == 0.0, rate.warmup_tokens > 0);
        }

        #[test]
        fn the_peak_is_where_the_warm_up_ends_and_nowhere_exceeded(rate in learning_rates(), tokens: u64) {
            prop_assert_eq!(rate.at(rate.warmup_tokens).to_bits(), rate.peak.to_bits());
            prop_assert!(rate.at(tokens % (2 * rate.horizon_tokens)) <= rate.peak);
        }

        #[test]
        fn the_rate_rises_in_the_warm_up_and_falls_after_it(rate in learning_rates(), one in 0.0_f64..1.2, two in 0.0_f64..1.2) {
            let (first, second) = (one.min(two), one.max(two));
            let on_the_way_up = |part: f64| rate.at((part / 1.2 * rate.warmup_tokens as f64) as u64);
            prop_assert!(on_the_way_up(first) <= on_the_way_up(second));
            let decaying = (rate.horizon_tokens - rate.warmup_tokens) as f64;
            let on_the_way_down = |part: f64| rate.at(rate.warmup_tokens + (part * decaying) as u64);
            // One rounding of the cosine.
            prop_assert!(on_the_way_down(first) >= on_the_way_down(second) - 1e-15 * rate.peak);
        }

        #[test]
        fn the_minimum_is_reached_at_the_horizon_and_kept(rate in learning_rates(), beyond in 0_u64..1_000_000_000) {
            prop_assert_eq!(rate.at(rate.horizon_tokens + beyond).to_bits(), rate.minimum.to_bits());
        }

        #[test]
        fn a_continued_rate_is_the_same_curve_further_on(rate in learning_rates(), earlier in 0_u64..1_000_000, tokens in 0_u64..1_000_000) {
            prop_assert_eq!(rate.continued_after(earlier).at(tokens).to_bits(), rate.at(earlier + tokens).to_bits());
        }
    }

    #[test]
    fn half_way_down_is_half_way_between_peak_and_minimum() {
        let rate =
            Cosine { peak: 4e-3, minimum: 4e-4, warmup_tokens: 100, horizon_tokens: Some(1100) }.over(9);
        assert!((rate.at(600) - 2.2e-3).abs() < 1e-15);
        assert!((rate.at(50) - 2e-3).abs() < 1e-15);
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let rate = Cosine { peak: f64::NAN, minimum: -1.0, warmup_tokens: 10, horizon_tokens: None }.over(10);
        let message = ScheduleError::from_problems(rate.problems()).unwrap_err().to_string();
        insta::assert_snapshot!(message, @"3 problems: learning rate: peak is NaN, it must be finite and above 0; learning rate: minimum is -1, it must be between 0 and the peak of NaN; learning rate: warmup_tokens is 10, it must be below horizon_tokens, 10");
    }
}
