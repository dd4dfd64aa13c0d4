//! The learning rates of a stage as its steps will have them. A recipe says a curve over tokens; steps take points of
//! it, and a stage may end before the curve does.

use std::fmt;

use outgrow_schedules::{LearningRate, Shape};
use serde::Serialize;

use crate::terminal::figures::{grouped, three_figures};

/// The learning rates of a stage with at least one step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct LearningRatePlan {
    /// Of the first step.
    first: f64,
    /// The highest of any step.
    highest: f64,
    /// Of the last step.
    last: f64,
    /// What the recipe says: the end of the warm-up.
    peak: f64,
    /// What the recipe says: the end of the curve.
    minimum: f64,
    /// Tokens of this stage that the warm-up takes.
    warmup_tokens: u64,
    /// Tokens that the recipe gives the warm-up.
    wanted_warmup_tokens: u64,
    /// Tokens to the end of the curve, from the stage's beginning.
    horizon_tokens: u64,
    /// How it comes down.
    shape: Shape,
    /// What the warm-up begins with: 0, or the rate of the stage before.
    initial: f64,
    /// Whether the stage goes on with the rate of the one before.
    is_continued: bool,
    #[serde(skip)]
    is_warmed_up_again: bool,
    /// Tokens of the stage, and of a step.
    #[serde(skip)]
    tokens: u64,
    #[serde(skip)]
    batch_tokens: u64,
}

impl LearningRatePlan {
    /// Of a stage with so many steps; `None` where there are none.
    pub(super) fn new(rate: &LearningRate, steps: u64, batch_tokens: u64) -> Option<Self> {
        if steps == 0 {
            return None;
        }
        let tokens = steps.saturating_mul(batch_tokens);
        let at = |step: u64| rate.at(step.clamp(1, steps).saturating_mul(batch_tokens));
        // The curve goes to the peak in the warm-up, rising but for one from a higher rate, and falls from there.
        let warmup_left = rate.warmup_tokens.saturating_sub(rate.start_tokens);
        let before_the_peak = warmup_left / batch_tokens;
        Some(Self {
            first: at(1),
            highest: at(1).max(at(before_the_peak)).max(at(before_the_peak + 1)),
            last: at(steps),
            peak: rate.peak,
            minimum: rate.minimum,
            warmup_tokens: warmup_left.min(tokens),
            wanted_warmup_tokens: rate.warmup_tokens,
            horizon_tokens: rate.horizon_tokens.saturating_sub(rate.start_tokens),
            shape: rate.shape,
            initial: rate.initial,
            is_continued: rate.start_tokens > 0 || rate.initial > 0.0,
            is_warmed_up_again: rate.start_tokens == 0 && rate.initial > 0.0,
            tokens,
            batch_tokens,
        })
    }

    /// Whether the stage ends before the warm-up does, so that its peak is never reached.
    fn ends_in_the_warm_up(&self) -> bool {
        self.warmup_tokens >= self.tokens && self.highest < self.peak
    }
}

impl fmt::Display for LearningRatePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, highest, last] = [self.first, self.highest, self.last].map(three_figures);
        if self.ends_in_the_warm_up() {
            let (peak, wanted) = (three_figures(self.peak), grouped(self.wanted_warmup_tokens));
            let tokens = grouped(self.tokens);
            return write!(
                f,
                "rises from {first} to {last} and ends there: the warm-up of {wanted} tokens is longer than the stage \
                 of {tokens}, its peak of {peak} is never reached"
            );
        }
        let begins = match (self.is_warmed_up_again, self.is_continued) {
            (true, _) if self.initial < self.peak => {
                format!("up again from {}: ", three_figures(self.initial))
            }
            (true, _) => format!("down from {}: ", three_figures(self.initial)),
            (false, true) => "goes on at ".to_owned(),
            (false, false) => String::new(),
        };
        // A warm-up that the first step ends is none.
        if self.warmup_tokens <= self.batch_tokens {
            write!(f, "{begins}{first}")?;
        } else {
            let warmup = grouped(self.warmup_tokens);
            let (goes, peak) = if self.first <= self.peak {
                ("rises", highest)
            } else {
                ("falls", three_figures(self.peak))
            };
            write!(f, "{begins}{first}, {goes} to {peak} over {warmup} tokens")?;
        }
        match self.shape {
            Shape::Constant => return write!(f, ", stays there"),
            Shape::Wsd { decay_tokens, .. } => {
                let stable = self.horizon_tokens.saturating_sub(decay_tokens);
                if stable >= self.tokens {
                    return write!(f, ", stays there; falls only after {} tokens", grouped(stable));
                }
                if stable > 0 {
                    write!(f, ", stays there until {} tokens", grouped(stable))?;
                }
            }
            Shape::InverseSquareRoot => return write!(f, ", falls to {last} as an inverse square root"),
            Shape::Cosine | Shape::Linear => {}
        }
        // The last step may go beyond the end of the curve.
        if self.horizon_tokens.saturating_add(self.batch_tokens) <= self.tokens {
            return write!(f, ", falls to {last} until {} tokens, stays there", grouped(self.horizon_tokens));
        }
        write!(f, ", falls to {last}")?;
        if self.horizon_tokens > self.tokens && self.last > self.minimum {
            write!(f, "; {} only at {} tokens", three_figures(self.minimum), grouped(self.horizon_tokens))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use outgrow_schedules::{LearningRateCurve, WsdDecay};

    use super::*;

    fn words(cosine: LearningRateCurve, tokens: u64) -> String {
        let rate = cosine.over(tokens);
        LearningRatePlan::new(&rate, tokens.div_ceil(100), 100).unwrap().to_string()
    }

    #[test]
    fn rates_are_said_as_the_steps_will_have_them() {
        let usual = LearningRateCurve::cosine(4e-3, 4e-4, 1000);
        insta::assert_snapshot!(words(usual, 10_000), @"4e-4, rises to 4e-3 over 1,000 tokens, falls to 4e-4");
        let far = LearningRateCurve { horizon_tokens: Some(50_000), ..usual };
        insta::assert_snapshot!(words(far, 10_000), @"4e-4, rises to 4e-3 over 1,000 tokens, falls to 3.71e-3; 4e-4 only at 50,000 tokens");
        let near = LearningRateCurve { horizon_tokens: Some(5_000), ..usual };
        insta::assert_snapshot!(words(near, 10_000), @"4e-4, rises to 4e-3 over 1,000 tokens, falls to 4e-4 until 5,000 tokens, stays there");
        let none = LearningRateCurve { warmup_tokens: 0, ..usual };
        insta::assert_snapshot!(words(none, 10_000), @"4e-3, falls to 4e-4");
        let long = LearningRateCurve { warmup_tokens: 20_000, horizon_tokens: Some(50_000), ..usual };
        insta::assert_snapshot!(words(long, 10_000), @"rises from 2e-5 to 2e-3 and ends there: the warm-up of 20,000 tokens is longer than the stage of 10,000, its peak of 4e-3 is never reached");
        let decay_tokens = 2_000;
        let wsd = Shape::Wsd { decay_tokens, decay: WsdDecay::OneMinusSqrt };
        insta::assert_snapshot!(words(LearningRateCurve { shape: wsd, ..usual }, 10_000), @"4e-4, rises to 4e-3 over 1,000 tokens, stays there until 8,000 tokens, falls to 4e-4");
        insta::assert_snapshot!(words(LearningRateCurve { shape: wsd, ..far }, 10_000), @"4e-4, rises to 4e-3 over 1,000 tokens, stays there; falls only after 48,000 tokens");
        insta::assert_snapshot!(words(LearningRateCurve { shape: Shape::Constant, ..usual }, 10_000), @"4e-4, rises to 4e-3 over 1,000 tokens, stays there");
        insta::assert_snapshot!(words(LearningRateCurve { shape: Shape::InverseSquareRoot, ..usual }, 10_000), @"4e-4, rises to 4e-3 over 1,000 tokens, falls to 1.54e-3 as an inverse square root");
        let down = LearningRate { initial: 8e-3, ..usual.over(10_000) };
        insta::assert_snapshot!(LearningRatePlan::new(&down, 100, 100).unwrap(), @"down from 8e-3: 7.6e-3, falls to 4e-3 over 1,000 tokens, falls to 4e-4");
        let later = LearningRatePlan::new(&usual.over(20_000).continued_after(10_000), 100, 100).unwrap();
        let again = LearningRate { initial: 4e-4, ..usual.over(10_000) };
        insta::assert_snapshot!(LearningRatePlan::new(&again, 100, 100).unwrap(), @"up again from 4e-4: 7.6e-4, rises to 4e-3 over 1,000 tokens, falls to 4e-4");
        let wsd = LearningRateCurve { shape: wsd, minimum: 0.0, ..usual }.over(10_000).continued_after(9_000);
        insta::assert_snapshot!(LearningRatePlan::new(&wsd, 10, 100).unwrap(), @"goes on at 1.03e-3, falls to 0");
        insta::assert_snapshot!(later, @"goes on at 2.32e-3, falls to 4e-4");
    }

    #[test]
    fn the_highest_rate_is_that_of_some_step_and_no_step_has_a_higher_one() {
        let counts = [0_u64, 1, 99, 100, 101, 640, 3_000];
        let curves = counts.iter().flat_map(|warm_up| counts.iter().map(move |decay| (*warm_up, decay + 1)));
        for (warmup_tokens, decaying) in curves {
            for (start_tokens, steps, batch_tokens) in
                counts.iter().flat_map(|start| [(*start, 1, 100), (*start, 7, 100), (*start, 40, 33)])
            {
                let horizon_tokens = warmup_tokens + decaying;
                let rate = LearningRate {
                    peak: 1e-2,
                    minimum: 1e-3,
                    warmup_tokens,
                    horizon_tokens,
                    start_tokens,
                    ..LearningRate::NONE
                };
                let plan = LearningRatePlan::new(&rate, steps, batch_tokens).unwrap();
                let rates = || (1..=steps).map(|step| rate.at(step * batch_tokens));
                let highest = rates().fold(0.0, f64::max);
                assert_eq!(plan.highest.to_bits(), highest.to_bits(), "{rate:?}, {steps} × {batch_tokens}");
                assert_eq!(plan.last.to_bits(), rates().next_back().unwrap().to_bits());
                let ends_rising = warmup_tokens.saturating_sub(start_tokens) >= steps * batch_tokens;
                assert_eq!(plan.ends_in_the_warm_up(), ends_rising && highest < 1e-2, "{rate:?}");
            }
        }
    }
}
