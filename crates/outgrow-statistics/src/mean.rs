//! The interval of a mean over seeds: by Student's t where there are few, by the bootstrap where there are many.

use crate::{
    bootstrap::{DRAWS, bootstrap_interval},
    error::StatisticsError,
    interval::MeanInterval,
    paired::t_interval,
};

/// From so many values on, the bootstrap is used.
pub const BOOTSTRAP_FROM: usize = 8;

/// The bootstrap's seed: any number does, but always the same.
const SEED: u64 = 0x6f75_7467_726f_7721;

/// The interval of the mean of values; what made it stands in the result.
///
/// ```
/// use outgrow_statistics::{IntervalMethod, mean_interval};
///
/// let mean = mean_interval(&[-0.031, -0.022, -0.040, -0.027, -0.035], 0.95)?;
/// assert_eq!(mean.method, IntervalMethod::StudentT { degrees_of_freedom: 4 });
/// assert!(mean.interval.lies_below(0.0));
/// // Without a spread, nothing says how far the truth may be.
/// assert!(mean_interval(&[0.1, 0.1, 0.1], 0.95).is_err());
/// # Ok::<(), outgrow_statistics::StatisticsError>(())
/// ```
///
/// # Errors
/// Fewer than two values, one that isn't finite, no spread, or a level that isn't between 0 and 1.
pub fn mean_interval(values: &[f64], level: f64) -> Result<MeanInterval, StatisticsError> {
    if values.len() < BOOTSTRAP_FROM {
        t_interval(values, level)
    } else {
        bootstrap_interval(values, level, DRAWS, SEED)
    }
}
