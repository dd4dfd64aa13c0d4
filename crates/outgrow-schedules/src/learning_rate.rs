//! The learning rate of a stage: a linear warm-up, then a curve by its shape, both counted in tokens. Knows nothing of
//! steps or batches.

pub(crate) mod at_growth;
pub(crate) mod error;
pub(crate) mod curve;
pub(crate) mod shape;

use serde::{Deserialize, Serialize};

use crate::learning_rate::{error::RateError, shape::Shape};

/// Linear from `initial` to `peak` at `warmup_tokens`, then by its shape down to `minimum` at `horizon_tokens`, then
/// `minimum`.
///
/// arXiv 2405.15319 starts it anew for the grown model, with its own peak; the shape is a cosine there, and the minimum
/// a tenth of the peak.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearningRate {
    /// The rate at the end of the warm-up.
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
    /// The rate that the warm-up begins with: 0, unless it goes on from that of an earlier stage.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub initial: f64,
    /// How it comes down.
    #[serde(default, skip_serializing_if = "Shape::is_cosine")]
    pub shape: Shape,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(rate: &f64) -> bool {
    rate.to_bits() == 0
}

impl LearningRate {
    /// That of a stage without tokens, which takes no step.
    pub const NONE: Self = Self {
        peak: 0.0,
        minimum: 0.0,
        warmup_tokens: 0,
        horizon_tokens: 0,
        start_tokens: 0,
        initial: 0.0,
        shape: Shape::Cosine,
    };

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
            let part = tokens as f64 / self.warmup_tokens as f64;
            return self.initial + (self.peak - self.initial) * part;
        }
        // Written from the peak down, so that the end of the warm-up is exactly the peak.
        let (warmup, horizon) = (self.warmup_tokens, self.horizon_tokens);
        let part = self.shape.part_down(tokens, warmup, horizon);
        if part >= 1.0 { self.minimum } else { self.peak - (self.peak - self.minimum) * part }
    }

    /// Rates that aren't finite and `0 ≤ minimum ≤ peak`, a warm-up that doesn't end before the horizon, and what the
    /// shape can't do.
    pub(crate) fn problems(&self) -> Vec<RateError> {
        let mut problems = Vec::new();
        if !self.peak.is_finite() || self.peak <= 0.0 {
            problems.push(RateError::Peak { peak: self.peak });
        }
        // Written so that NaN is refused.
        if !(self.minimum >= 0.0 && self.minimum <= self.peak) {
            problems.push(RateError::Minimum { minimum: self.minimum, peak: self.peak });
        }
        if !(self.initial >= 0.0 && self.initial.is_finite()) {
            problems.push(RateError::Initial { initial: self.initial });
        }
        if self.warmup_tokens >= self.horizon_tokens {
            let Self { warmup_tokens, horizon_tokens, .. } = *self;
            problems.push(RateError::WarmUp { warmup_tokens, horizon_tokens });
        }
        problems.extend(self.shape.problem(self.warmup_tokens, self.horizon_tokens));
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::{
        at_growth::{RateAtGrowth, RateBefore},
        curve::LearningRateCurve,
        shape::WsdDecay,
        *,
    };
    use proptest::prelude::*;

    fn said(problems: &[RateError]) -> String {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    fn shapes(decaying: u64) -> impl Strategy<Value = Shape> {
        let decays = prop_oneof![Just(WsdDecay::Linear), Just(WsdDecay::OneMinusSqrt)];
        let wsd = (1..=decaying, decays).prop_map(|(decay_tokens, decay)| Shape::Wsd { decay_tokens, decay });
        prop_oneof![
            Just(Shape::Cosine),
            Just(Shape::Linear),
            Just(Shape::Constant),
            wsd,
            Just(Shape::InverseSquareRoot)
        ]
    }

    fn learning_rates() -> impl Strategy<Value = LearningRate> {
        let curves = (1e-6_f64..1.0, 0.0_f64..=1.0, 0_u64..1_000_000, 1_u64..1_000_000_000).prop_flat_map(
            |(peak, part, warmup_tokens, decaying)| {
                let minimum = peak * part;
                let horizon_tokens = warmup_tokens + decaying;
                let curve =
                    LearningRate { peak, minimum, warmup_tokens, horizon_tokens, ..LearningRate::NONE };
                shapes(decaying).prop_map(move |shape| LearningRate { shape, ..curve })
            },
        );
        curves.prop_filter("an inverse square root has a warm-up", |curve| curve.problems().is_empty())
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
            let found = rate.at(rate.horizon_tokens + beyond);
            match rate.shape {
                Shape::Cosine | Shape::Linear | Shape::Wsd { .. } => {
                    prop_assert_eq!(found.to_bits(), rate.minimum.to_bits());
                }
                Shape::Constant => prop_assert_eq!(found.to_bits(), rate.peak.to_bits()),
                Shape::InverseSquareRoot => prop_assert!(found >= rate.minimum * (1.0 - 1e-12)),
            }
        }

        #[test]
        fn a_rate_that_is_kept_or_warmed_again_goes_on_where_the_one_before_ends(
            rate in learning_rates(), next in learning_rates(), tokens in 1_u64..2_000_000,
        ) {
            let before = RateBefore { learning_rate: rate, tokens };
            let LearningRate { peak, minimum, warmup_tokens, horizon_tokens, shape, .. } = next;
            let horizon_tokens = Some(horizon_tokens);
            let curve = LearningRateCurve { peak, minimum, warmup_tokens: warmup_tokens + 1, horizon_tokens, shape };
            for (choice, curve) in [(RateAtGrowth::Keep, None), (RateAtGrowth::Rewarm, Some(curve))] {
                let learning_rate = choice.learning_rate(before, curve, 1_000).unwrap();
                prop_assert_eq!(learning_rate.at(0).to_bits(), rate.at(tokens).to_bits());
                prop_assert!(choice.check(before, &learning_rate).is_ok());
            }
        }

        #[test]
        fn a_continued_rate_is_the_same_curve_further_on(rate in learning_rates(), earlier in 0_u64..1_000_000, tokens in 0_u64..1_000_000) {
            prop_assert_eq!(rate.continued_after(earlier).at(tokens).to_bits(), rate.at(earlier + tokens).to_bits());
        }
    }

    #[test]
    fn half_way_down_is_half_way_between_peak_and_minimum() {
        let rate =
            LearningRateCurve { horizon_tokens: Some(1100), ..LearningRateCurve::cosine(4e-3, 4e-4, 100) }
                .over(9);
        assert!((rate.at(600) - 2.2e-3).abs() < 1e-15);
        assert!((rate.at(50) - 2e-3).abs() < 1e-15);
    }

    #[test]
    fn shapes_are_as_their_papers_have_them() {
        let decay_tokens = 200;
        let rates = |shape| {
            let curve = LearningRateCurve { shape, ..LearningRateCurve::cosine(1.0, 0.1, 100) };
            let rate = curve.over(1000);
            [50, 100, 400, 800, 850, 950, 1000].map(|tokens| format!("{:.4}", rate.at(tokens))).join(" ")
        };
        insta::assert_snapshot!(rates(Shape::Linear), @"0.5000 1.0000 0.7000 0.3000 0.2500 0.1500 0.1000");
        insta::assert_snapshot!(rates(Shape::Constant), @"0.5000 1.0000 1.0000 1.0000 1.0000 1.0000 1.0000");
        insta::assert_snapshot!(rates(Shape::Wsd { decay_tokens, decay: WsdDecay::Linear }), @"0.5000 1.0000 1.0000 1.0000 0.7750 0.3250 0.1000");
        insta::assert_snapshot!(rates(Shape::Wsd { decay_tokens, decay: WsdDecay::OneMinusSqrt }), @"0.5000 1.0000 1.0000 1.0000 0.5500 0.2206 0.1000");
        let inverse = LearningRate {
            minimum: 0.0,
            shape: Shape::InverseSquareRoot,
            ..LearningRateCurve::cosine(1.0, 0.1, 100).over(1000)
        };
        assert!((inverse.at(400) - 0.5).abs() < 1e-15);
    }

    #[test]
    fn what_a_shape_cannot_do_is_said() {
        let problems = |shape, warmup_tokens| {
            let rate =
                LearningRateCurve { shape, ..LearningRateCurve::cosine(1.0, 0.1, warmup_tokens) }.over(100);
            said(&rate.problems())
        };
        let wsd = |decay_tokens| Shape::Wsd { decay_tokens, decay: WsdDecay::Linear };
        insta::assert_snapshot!(problems(wsd(0), 0), @"learning rate: decay_tokens is 0: `constant` is a rate that doesn't come down");
        insta::assert_snapshot!(problems(wsd(91), 10), @"learning rate: decay_tokens is 91, there are 90 between warmup_tokens, 10, and horizon_tokens, 100");
        insta::assert_snapshot!(problems(Shape::InverseSquareRoot, 0), @"learning rate: warmup_tokens is 0: an inverse square root counts from the end of a warm-up");
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let rate = LearningRateCurve::cosine(f64::NAN, -1.0, 10).over(10);
        let message = said(&rate.problems());
        insta::assert_snapshot!(message, @"learning rate: peak is NaN, it must be finite and above 0; learning rate: minimum is -1, it must be between 0 and the peak of NaN; learning rate: warmup_tokens is 10, it must be below horizon_tokens, 10");
    }
}
