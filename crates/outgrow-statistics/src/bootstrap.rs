//! The bias-corrected and accelerated bootstrap of a mean (Efron 1987). It undercovers where values are few: see
//! README.md for how much, and mean.rs for when it is used.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::{
    error::StatisticsError,
    interval::{Interval, IntervalMethod, MeanInterval},
    sample::{Sample, check_level},
    splitmix::SplitMix64,
};

/// How often values are drawn anew.
pub const DRAWS: usize = 10_000;

/// The interval of the mean of values. It follows from them and the seed, and not from their order.
///
/// # Errors
/// Fewer than two values, one that isn't finite, no spread, or a level that isn't between 0 and 1.
pub fn bootstrap_interval(
    values: &[f64],
    level: f64,
    draws: usize,
    seed: u64,
) -> Result<MeanInterval, StatisticsError> {
    check_level(level)?;
    let sample = Sample::of(values)?;
    if draws == 0 {
        return Err(StatisticsError::TooFew { found: 0, needed: 1 });
    }
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let mut random = SplitMix64::new(seed);
    let mut means: Vec<f64> = (0..draws)
        .map(|_| {
            let sum: f64 = values.iter().map(|_| values[random.below(values.len())]).sum();
            sum / values.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    // How far the median of the drawn means is from the mean, in standard deviations.
    let below = means.iter().filter(|mean| **mean < sample.mean).count() as f64;
    let equal = means.iter().filter(|mean| **mean == sample.mean).count() as f64;
    let half_a_draw = 0.5 / draws as f64;
    let share = ((below + 0.5 * equal) / draws as f64).clamp(half_a_draw, 1.0 - half_a_draw);
    let normal = Normal::standard();
    let bias = normal.inverse_cdf(share);
    let acceleration = acceleration(&values, sample.mean);
    let end = |probability: f64| {
        let shifted = bias + normal.inverse_cdf(probability);
        quantile(&means, normal.cdf(bias + shifted / (1.0 - acceleration * shifted)))
    };
    let interval = Interval::new(end(0.5 - 0.5 * level), end(0.5 + 0.5 * level))?;
    Ok(MeanInterval {
        count: sample.count,
        mean: sample.mean,
        standard_deviation: sample.standard_deviation,
        level,
        interval,
        method: IntervalMethod::Bootstrap { draws },
    })
}

/// How the standard error changes with the mean: a sixth of the skewness of the jackknife's means.
fn acceleration(values: &[f64], mean: f64) -> f64 {
    let sum = |power: i32| values.iter().map(|value| (value - mean).powi(power)).sum::<f64>();
    sum(3) / (6.0 * sum(2).powf(1.5))
}

/// The quantile of sorted values, linear between them.
fn quantile(sorted: &[f64], probability: f64) -> f64 {
    let place = probability.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (first, part) = (place.floor() as usize, place.fract());
    let second = (first + 1).min(sorted.len() - 1);
    sorted[first] + part * (sorted[second] - sorted[first])
}
