//! Differences of paired numbers: Student's t interval of their mean, and the t test against 0. The pairing is the
//! caller's: what comes in is one difference a pair.

use serde::Serialize;

use crate::{
    error::StatisticsError,
    interval::{Interval, IntervalMethod, MeanInterval},
    sample::{Sample, check_level},
    student::{two_sided_p, two_sided_quantile},
};

/// A two-sided t test of whether differences have a mean of 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PairedTest {
    /// The mean over its standard error.
    pub t: f64,
    /// One less than there are differences.
    pub degrees_of_freedom: usize,
    /// The two-sided p value. It is never 0: what is smaller than that counts as twice the smallest normal number of
    /// floating point.
    pub p: f64,
}

/// The t interval of the mean of values.
///
/// # Errors
/// Fewer than two values, one that isn't finite, no spread, or a level that isn't between 0 and 1.
pub fn t_interval(values: &[f64], level: f64) -> Result<MeanInterval, StatisticsError> {
    check_level(level)?;
    let sample = Sample::of(values)?;
    let degrees_of_freedom = sample.degrees_of_freedom();
    let half = two_sided_quantile(level, degrees_of_freedom) * sample.standard_error();
    Ok(MeanInterval {
        count: sample.count,
        mean: sample.mean,
        standard_deviation: sample.standard_deviation,
        level,
        interval: Interval::new(sample.mean - half, sample.mean + half)?,
        method: IntervalMethod::StudentT { degrees_of_freedom },
    })
}

/// The t test of paired differences.
///
/// # Errors
/// Fewer than two differences, one that isn't finite, or no spread.
pub fn paired_test(differences: &[f64]) -> Result<PairedTest, StatisticsError> {
    let sample = Sample::of(differences)?;
    let t = sample.mean / sample.standard_error();
    let degrees_of_freedom = sample.degrees_of_freedom();
    Ok(PairedTest { t, degrees_of_freedom, p: two_sided_p(t, degrees_of_freedom) })
}
