//! Student's t distribution, as statrs computes it: quantiles and tails.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The distribution with so many degrees of freedom.
fn distribution(degrees_of_freedom: usize) -> StudentsT {
    StudentsT::new(0.0, 1.0, degrees_of_freedom as f64).expect("a sample of two has a degree of freedom")
}

/// The t that so much of the distribution lies within, on both sides of 0: 2.776 for 0.95 and 4 degrees.
pub(crate) fn two_sided_quantile(level: f64, degrees_of_freedom: usize) -> f64 {
    distribution(degrees_of_freedom).inverse_cdf(0.5 + 0.5 * level)
}

/// The probability of more than `t`: never 0, but at least the smallest number that isn't subnormal.
pub(crate) fn upper_tail(t: f64, degrees_of_freedom: usize) -> f64 {
    distribution(degrees_of_freedom).sf(t).clamp(f64::MIN_POSITIVE, 1.0)
}

/// The probability of a t at least so far from 0 on either side: never 0, as above.
pub(crate) fn two_sided_p(t: f64, degrees_of_freedom: usize) -> f64 {
    (2.0 * upper_tail(t.abs(), degrees_of_freedom)).min(1.0)
}
