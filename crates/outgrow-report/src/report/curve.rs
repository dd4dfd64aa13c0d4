//! A validation curve: loss against what it cost, linear between the points. It smooths nothing.

use serde::Serialize;

use crate::{
    error::ReportError,
    run::record::{Cost, RunRecord},
};

/// One evaluation: the loss in nats per token, at a cost in FLOPs or tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurvePoint {
    /// What had been paid.
    pub cost: f64,
    /// The validation loss.
    pub loss: f64,
}

/// At least one point, all finite, costs at least zero and never falling.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Curve {
    points: Vec<CurvePoint>,
}

impl Curve {
    /// A curve through these points, in this order.
    ///
    /// ```
    /// use outgrow_report::{Curve, CurvePoint};
    ///
    /// let points = [(0.0, 8.0), (10.0, 4.0)].map(|(cost, loss)| CurvePoint { cost, loss });
    /// let curve = Curve::new("scratch", points.to_vec())?;
    /// assert_eq!(curve.first_reach(5.0), Some(7.5));
    /// assert_eq!(curve.first_reach(3.0), None);
    /// # Ok::<(), outgrow_report::ReportError>(())
    /// ```
    ///
    /// # Errors
    /// No points, a number that isn't finite, a negative cost, or a cost that falls. `run` names the curve in the
    /// message.
    pub fn new(run: &str, points: Vec<CurvePoint>) -> Result<Self, ReportError> {
        let wrong = |index, problem: String| ReportError::Curve { run: run.to_owned(), index, problem };
        if points.is_empty() {
            return Err(wrong(0, "there is none: a curve needs at least one evaluation".to_owned()));
        }
        let mut previous = 0.0;
        for (index, point) in points.iter().enumerate() {
            if !point.cost.is_finite() || !point.loss.is_finite() {
                return Err(wrong(
                    index,
                    format!("cost {} and loss {} must be finite", point.cost, point.loss),
                ));
            }
            if point.cost < previous {
                return Err(wrong(
                    index,
                    format!("cost falls from {previous} to {}: it must never fall", point.cost),
                ));
            }
            previous = point.cost;
        }
        Ok(Self { points })
    }

    /// The validation curve of a run, `None` where it has fewer than two evaluations: one point is no curve yet. `None`
    /// also where its steps weren't measured in this cost.
    ///
    /// # Errors
    /// As [`Curve::new`].
    pub fn of_run(run: &RunRecord, cost: Cost) -> Result<Option<Self>, ReportError> {
        if run.validation.len() < 2 {
            return Ok(None);
        }
        let points: Option<Vec<CurvePoint>> = run
            .validation
            .iter()
            .map(|point| Some(CurvePoint { cost: point.cost(cost)?, loss: point.loss }))
            .collect();
        points.map(|points| Self::new(&run.name, points)).transpose()
    }

    /// The curve of a run that has been found to have one, if it is measured in this cost.
    pub(crate) fn of_finished(run: &RunRecord, cost: Cost) -> Option<Self> {
        Self::of_run(run, cost).ok().flatten()
    }

    /// The points in order.
    pub fn points(&self) -> &[CurvePoint] {
        &self.points
    }

    /// The loss of the last point.
    pub fn final_loss(&self) -> f64 {
        self.points[self.points.len() - 1].loss
    }

    /// The cost of the last point.
    pub fn final_cost(&self) -> f64 {
        self.points[self.points.len() - 1].cost
    }

    /// The first cost at which the curve is at or below `loss`, `None` if it never is.
    ///
    /// The running minimum of a continuous curve reaches a loss exactly where the curve first does, so the spike after
    /// a growth does no harm: the curve may have reached the loss before it. A loss that is reached only after the
    /// spike is read on the line down from the spike, which is never too early.
    pub fn first_reach(&self, loss: f64) -> Option<f64> {
        let first = self.points.first()?;
        if first.loss <= loss {
            return Some(first.cost);
        }
        self.points.windows(2).find(|pair| pair[1].loss <= loss).map(|pair| {
            let part = (pair[0].loss - loss) / (pair[0].loss - pair[1].loss);
            pair[0].cost + part * (pair[1].cost - pair[0].cost)
        })
    }

    /// The loss when `cost` is paid, linear between the points; `None` before the first and behind the last. Of two
    /// points at one cost, before and after a growth, the later counts.
    pub fn loss_at(&self, cost: f64) -> Option<f64> {
        let last = self.points.last().filter(|last| cost <= last.cost)?;
        if cost.total_cmp(&last.cost).is_eq() {
            return Some(last.loss);
        }
        let after = self.points.partition_point(|point| point.cost <= cost);
        let (before, after) = (self.points.get(after.checked_sub(1)?)?, self.points.get(after)?);
        let part = (cost - before.cost) / (after.cost - before.cost);
        Some(before.loss + part * (after.loss - before.loss))
    }

    /// The lowest loss that the curve has seen when `cost` is paid, `None` before its first point.
    pub fn lowest_until(&self, cost: f64) -> Option<f64> {
        let mut lowest = self.points.first().filter(|point| point.cost <= cost)?.loss;
        for pair in self.points.windows(2) {
            if pair[1].cost <= cost {
                lowest = lowest.min(pair[1].loss);
            } else {
                let part = (cost - pair[0].cost) / (pair[1].cost - pair[0].cost);
                return Some(lowest.min(pair[0].loss + part * (pair[1].loss - pair[0].loss)));
            }
        }
        Some(lowest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(f64, f64)]) -> Curve {
        Curve::new("test", points.iter().map(|&(cost, loss)| CurvePoint { cost, loss }).collect()).unwrap()
    }

    #[test]
    fn a_loss_is_reached_on_the_line_between_two_points() {
        let curve = curve(&[(0.0, 8.0), (10.0, 4.0)]);
        assert_eq!(curve.first_reach(5.0), Some(7.5));
        assert_eq!(curve.first_reach(4.0), Some(10.0));
        assert_eq!(curve.first_reach(3.9), None);
        assert_eq!(curve.first_reach(9.0), Some(0.0));
    }

    #[test]
    fn a_spike_after_growth_does_not_hide_what_was_reached_before_it() {
        let curve = curve(&[(0.0, 8.0), (4.0, 5.0), (4.0, 7.0), (6.0, 4.0)]);
        assert_eq!(curve.first_reach(5.0), Some(4.0));
        assert_eq!(curve.first_reach(4.75), Some(5.5));
    }

    #[test]
    fn a_growth_that_lowers_the_loss_at_once_is_reached_at_its_own_cost() {
        assert_eq!(curve(&[(0.0, 8.0), (4.0, 6.0), (4.0, 5.0), (6.0, 4.0)]).first_reach(5.5), Some(4.0));
    }

    #[test]
    fn the_lowest_loss_never_rises_with_the_cost() {
        let curve = curve(&[(1.0, 8.0), (4.0, 5.0), (4.0, 7.0), (6.0, 4.0)]);
        assert_eq!(curve.lowest_until(0.5), None);
        assert_eq!(curve.lowest_until(4.5), Some(5.0));
        assert_eq!(curve.lowest_until(5.5), Some(4.75));
        assert_eq!(curve.lowest_until(99.0), Some(4.0));
    }

    #[test]
    fn the_loss_at_a_cost_is_on_the_line_and_behind_a_growth_that_cost_nothing() {
        let curve = curve(&[(1.0, 8.0), (4.0, 5.0), (4.0, 7.0), (6.0, 4.0)]);
        let at = [0.9, 1.0, 2.0, 4.0, 5.0, 6.0, 6.1].map(|cost| curve.loss_at(cost));
        assert_eq!(at, [None, Some(8.0), Some(7.0), Some(7.0), Some(5.5), Some(4.0), None]);
    }

    #[test]
    fn points_that_are_no_curve_are_refused() {
        let point = |cost, loss| CurvePoint { cost, loss };
        let message = |points| Curve::new("a", points).unwrap_err().to_string();
        insta::assert_snapshot!(message(vec![]), @"run a: validation point 0: there is none: a curve needs at least one evaluation");
        insta::assert_snapshot!(message(vec![point(2.0, 5.0), point(1.0, 4.0)]), @"run a: validation point 1: cost falls from 2 to 1: it must never fall");
        insta::assert_snapshot!(message(vec![point(0.0, f64::NAN)]), @"run a: validation point 0: cost 0 and loss NaN must be finite");
    }
}
