//! A stage that ends when its loss falls too slowly for what it costs (arXiv 2203.06211): a pure function of its
//! validations. Validating, and ending, are the trainer's.

use serde::{Deserialize, Serialize};

use crate::error::ScheduleError;

/// Ends a stage where the slope of the validation loss over FLOPs, both in logarithms, has come up to a threshold.
///
/// The slope is that of the least-squares line through the newest `validations`. It begins near 0, falls as the model
/// begins to learn, and comes up again as it learns more slowly: a slope counts only once it has been below the
/// threshold. FLOPs are those of the whole run, by the exact convention; a factor on them would change no slope.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossSlope {
    /// The threshold, below 0.
    pub slope: f64,
    /// How many validations a slope is taken over.
    #[serde(default = "usual_validations")]
    pub validations: usize,
}

fn usual_validations() -> usize {
    LossSlope::VALIDATIONS
}

/// One validation, as a slope sees it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossPoint {
    /// Exact FLOPs of the run until here.
    pub flops: f64,
    /// The validation loss, nats a token.
    pub validation_loss: f64,
}

impl LossSlope {
    /// Where a growth in depth is due, in the code released with arXiv 2203.06211; with its smoothing over as many
    /// validations.
    pub const DEPTH: Self = Self { slope: -0.0575, validations: Self::VALIDATIONS };
    /// Where a growth in width is due.
    pub const WIDTH: Self = Self { slope: -0.0475, validations: Self::VALIDATIONS };
    /// Where a growth in both is due.
    pub const BOTH: Self = Self { slope: -0.03, validations: Self::VALIDATIONS };

    const VALIDATIONS: usize = 5;

    /// The slope at the newest of a stage's validations; `None` while they are too few.
    pub fn newest(&self, points: &[LossPoint]) -> Option<f64> {
        let logarithms: Vec<_> = logarithms(points).collect();
        let first = logarithms.len().checked_sub(self.validations)?;
        fitted_slope(&logarithms[first..])
    }

    /// The slope at the newest of a stage's validations, if the stage ends there.
    pub fn reached(&self, points: &[LossPoint]) -> Option<f64> {
        let newest = self.newest(points).filter(|slope| *slope >= self.slope)?;
        let has_fallen = |end: usize| self.newest(&points[..end]).is_some_and(|slope| slope < self.slope);
        (1..points.len()).any(has_fallen).then_some(newest)
    }

    pub(crate) fn problem(&self) -> Option<ScheduleError> {
        let is_slope = self.slope < 0.0 && self.slope.is_finite();
        (!is_slope || self.validations < 2)
            .then_some(ScheduleError::LossSlope { slope: self.slope, validations: self.validations })
    }
}

/// Those of points at which something had been spent.
fn logarithms(points: &[LossPoint]) -> impl Iterator<Item = (f64, f64)> {
    let spent = points.iter().filter(|point| point.flops > 0.0);
    spent.map(|point| (point.flops.ln(), point.validation_loss.ln()))
}

fn fitted_slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let square: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let product: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    (square > 0.0).then(|| product / square)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A plateau, a fall, and a power law that flattens.
    fn learning(flops: f64) -> LossPoint {
        let validation_loss = (1.8 + (1e9 / flops).powf(0.3)).min(3.5);
        LossPoint { flops, validation_loss }
    }

    proptest! {
        #[test]
        fn the_slope_of_a_power_law_is_its_exponent(exponent in -0.5_f64..-0.01, first in 1e6_f64..1e12, count in 2_usize..9) {
            let points: Vec<_> = (1..=count).map(|index| {
                let flops = first * index as f64;
                LossPoint { flops, validation_loss: 3.0 * flops.powf(exponent) }
            }).collect();
            let slope = LossSlope { slope: -0.1, validations: count };
            prop_assert!((slope.newest(&points).unwrap() - exponent).abs() < 1e-9);
            prop_assert_eq!(slope.newest(&points[1..]), None);
        }

        #[test]
        fn a_slope_is_the_same_whatever_a_flop_is(factor in 1e-3_f64..1e3) {
            let points: Vec<_> = (1..40).map(|index| learning(2e7 * f64::from(index))).collect();
            let scaled: Vec<_> = points.iter().map(|point| LossPoint { flops: factor * point.flops, ..*point }).collect();
            let (one, other) = (LossSlope::DEPTH.newest(&points).unwrap(), LossSlope::DEPTH.newest(&scaled).unwrap());
            prop_assert!((one - other).abs() < 1e-9);
        }
    }

    #[test]
    fn a_stage_ends_when_its_slope_has_come_up_and_not_on_the_plateau_before() {
        let slope = LossSlope { slope: -0.1, validations: 5 };
        let points: Vec<_> = (1..400).map(|index| learning(2e7 * f64::from(index))).collect();
        let ends: Vec<_> =
            (1..=points.len()).filter(|end| slope.reached(&points[..*end]).is_some()).collect();
        let first = *ends.first().unwrap();
        let at = |end: usize| slope.newest(&points[..end]).unwrap();
        assert!(at(6) > -0.01, "a plateau");
        assert!(first > 10 && at(first) >= -0.1 && at(first - 1) < -0.1);
        assert_eq!(ends.len(), points.len() - first + 1, "once reached, the slope stays above");
    }

    #[test]
    fn a_loss_that_never_slows_ends_nothing() {
        let points: Vec<_> = (1..50)
            .map(|index| {
                let flops = 1e7 * f64::from(index);
                LossPoint { flops, validation_loss: 4.0 * flops.powf(-0.2) }
            })
            .collect();
        assert_eq!(LossSlope::DEPTH.reached(&points), None);
        assert_eq!(LossSlope::DEPTH.reached(&[]), None);
    }
}
