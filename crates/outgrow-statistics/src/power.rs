//! How many pairs a t test needs to see a difference: the power of the test by the noncentral t distribution, which is
//! integrated over the spread that a sample may have.

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::gamma::ln_gamma;

use crate::{error::StatisticsError, student::two_sided_quantile};

/// More pairs than anyone runs.
const MOST_PAIRS: usize = 100_000;
/// Pieces of the integral; twice as many change the power by less than 1e-9.
const PIECES: usize = 2_000;

/// The probability that a two-sided paired t test of `pairs` differences sees a mean of `difference` where they spread
/// by `standard_deviation`.
///
/// # Errors
/// Fewer than two pairs, a level or a standard deviation that isn't one, a difference that isn't finite.
pub fn power_of_paired_test(
    difference: f64,
    standard_deviation: f64,
    pairs: usize,
    significance: f64,
) -> Result<f64, StatisticsError> {
    check(difference, standard_deviation)?;
    crate::sample::check_level(significance)?;
    if pairs < 2 {
        return Err(StatisticsError::TooFew { found: pairs, needed: 2 });
    }
    let degrees = pairs - 1;
    let quantile = two_sided_quantile(1.0 - significance, degrees);
    let shift = difference / standard_deviation * (pairs as f64).sqrt();
    let normal = Normal::standard();
    // |T| exceeds the quantile q where |Z + shift| exceeds q·s, and s, the spread of the sample as a part of the true
    // one, is chi-distributed.
    let beyond = |spread: f64| normal.sf(quantile * spread - shift) + normal.cdf(-quantile * spread - shift);
    let degrees = degrees as f64;
    let half = 0.5 * degrees;
    let density = |spread: f64| {
        let logarithm = half * half.ln() + f64::ln(2.0) - ln_gamma(half) + (degrees - 1.0) * spread.ln()
            - half * spread * spread;
        logarithm.exp()
    };
    // Beyond ten standard deviations of s there is nothing.
    let reach = 10.0 / (2.0 * degrees).sqrt();
    let (from, to) = ((1.0 - reach).max(1e-12), 1.0 + reach);
    let step = (to - from) / PIECES as f64;
    let sum: f64 = (0..=PIECES)
        .map(|piece| {
            let spread = from + piece as f64 * step;
            // Simpson's rule.
            let weight = match piece {
                0 | PIECES => 1.0,
                odd if odd % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * density(spread) * beyond(spread)
        })
        .sum();
    Ok((sum * step / 3.0).clamp(0.0, 1.0))
}

/// The fewest pairs with which a two-sided test at this significance sees a mean of `difference` with at least this
/// power: 0.8 at 0.05, say. At least two; `None` if 100 000 don't do.
///
/// # Errors
/// A difference of 0, or numbers that aren't ones.
pub fn needed_pairs(
    difference: f64,
    standard_deviation: f64,
    power: f64,
    significance: f64,
) -> Result<Option<usize>, StatisticsError> {
    check(difference, standard_deviation)?;
    crate::sample::check_level(power)?;
    crate::sample::check_level(significance)?;
    if difference == 0.0 {
        return Err(StatisticsError::Outside { name: "difference", value: 0.0, must: "other than 0" });
    }
    let is_enough = |pairs: usize| {
        let reached = power_of_paired_test(difference, standard_deviation, pairs, significance);
        reached.map(|reached| reached >= power)
    };
    // The power rises with the pairs.
    let (mut too_few, mut enough) = (1, 2);
    while !is_enough(enough)? {
        if enough >= MOST_PAIRS {
            return Ok(None);
        }
        (too_few, enough) = (enough, (2 * enough).min(MOST_PAIRS));
    }
    while enough - too_few > 1 {
        let middle = usize::midpoint(too_few, enough);
        if is_enough(middle)? {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    Ok(Some(enough))
}

fn check(difference: f64, standard_deviation: f64) -> Result<(), StatisticsError> {
    crate::sample::all_finite(&[difference])?;
    if standard_deviation > 0.0 && standard_deviation.is_finite() {
        return Ok(());
    }
    Err(StatisticsError::Outside {
        name: "standard deviation",
        value: standard_deviation,
        must: "above 0 and finite",
    })
}
