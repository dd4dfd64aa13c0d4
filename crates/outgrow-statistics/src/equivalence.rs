//! Two one-sided tests (Schuirmann 1987): whether differences lie within a margin, and whether they lie beyond it.

use serde::Serialize;

use crate::{error::StatisticsError, interval::Interval, sample::Sample, student::upper_tail};

/// What tests say of a mean and a range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Equivalence {
    /// The range.
    pub range: Interval,
    /// Of the hypothesis that the mean lies outside of the range: the larger p value of the two one-sided tests. Below
    /// 0.05, the 90 % interval of the mean lies within the range.
    pub p_within: f64,
    /// Of the hypothesis that the mean lies within the range: the smaller p value of the one-sided tests against its
    /// ends, twice. Below 0.05, the 95 % interval lies outside of the range on one side.
    pub p_outside: f64,
}

/// The tests of values against a range.
///
/// # Errors
/// Fewer than two values, one that isn't finite, or no spread.
pub fn equivalence(values: &[f64], range: Interval) -> Result<Equivalence, StatisticsError> {
    let sample = Sample::of(values)?;
    let tail = |t: f64| upper_tail(t, sample.degrees_of_freedom());
    let above_lower = (sample.mean - range.lower()) / sample.standard_error();
    let below_upper = (range.upper() - sample.mean) / sample.standard_error();
    Ok(Equivalence {
        range,
        p_within: tail(above_lower).max(tail(below_upper)),
        p_outside: (2.0 * tail(-above_lower).min(tail(-below_upper))).min(1.0),
    })
}
