//! The studentized bootstrap of a mean (Efron 1982; Hall 1988): values are drawn anew, and each draw's distance from
//! the mean is measured in its own standard error. README.md says why it is this one.

use crate::{
    error::StatisticsError,
    interval::{Interval, IntervalMethod, MeanInterval},
    sample::{Sample, check_level},
    splitmix::SplitMix64,
};

/// How often values are drawn anew.
pub const DRAWS: usize = 10_000;

/// A draw whose spread is less than this share of that of the values is one value again and again, but for rounding: it
/// has no standard error and is left out.
const NO_SPREAD: f64 = 1e-6;

/// The interval of the mean of values. It follows from them and the seed, and not from their order.
///
/// # Errors
/// Fewer than two values, one that isn't finite, no spread, a level that isn't between 0 and 1, or too few draws.
pub fn bootstrap_interval(
    values: &[f64],
    level: f64,
    draws: usize,
    seed: u64,
) -> Result<MeanInterval, StatisticsError> {
    check_level(level)?;
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let sample = Sample::of(&values)?;
    let mut random = SplitMix64::new(seed);
    let mut distances: Vec<f64> =
        (0..draws).filter_map(|_| distance_of_a_draw(&values, &sample, &mut random)).collect();
    if distances.len() < 2 {
        return Err(StatisticsError::TooFew { found: distances.len(), needed: 2 });
    }
    distances.sort_by(f64::total_cmp);
    // A draw far above the mean says that the mean may be as far above the truth: so the ends change places.
    let end = |probability: f64| sample.mean - quantile(&distances, probability) * sample.standard_error();
    let tail = 0.5 - 0.5 * level;
    Ok(MeanInterval {
        count: sample.count,
        mean: sample.mean,
        standard_deviation: sample.standard_deviation,
        level,
        interval: Interval::new(end(1.0 - tail), end(tail))?,
        method: IntervalMethod::Bootstrap { draws },
    })
}

/// How far the mean of values drawn anew is from that of the values, in its own standard errors.
fn distance_of_a_draw(values: &[f64], sample: &Sample, random: &mut SplitMix64) -> Option<f64> {
    let (mut sum, mut squares) = (0.0, 0.0);
    for _ in values {
        let value = values[random.below(values.len())] - sample.mean;
        sum += value;
        squares += value * value;
    }
    let count = sample.count as f64;
    let mean = sum / count;
    let variance = (squares - count * mean * mean).max(0.0) / (count - 1.0);
    let deviation = variance.sqrt();
    (deviation > NO_SPREAD * sample.standard_deviation).then(|| mean / (deviation / count.sqrt()))
}

/// The quantile of sorted values, linear between them.
fn quantile(sorted: &[f64], probability: f64) -> f64 {
    let place = probability.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (first, part) = (place.floor() as usize, place.fract());
    let second = (first + 1).min(sorted.len() - 1);
    sorted[first] + part * (sorted[second] - sorted[first])
}
