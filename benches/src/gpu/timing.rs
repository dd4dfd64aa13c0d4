//! How long a device takes for something, where work is queued and a queue may leave out what nobody reads.
//!
//! Results are therefore kept until the device is done. It measures by the host's clock around whole batches.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use burn::tensor::Device;
use serde_json::{Map, Value, json};

/// A batch between two waits lasts at least so long, so that the wait is small beside it.
const BATCH_SECONDS: f64 = 0.01;
/// Results of a batch are all kept, so that a batch can't be longer.
const LONGEST_BATCH: usize = 16;
/// Batches that are timed.
const BATCHES: std::ops::RangeInclusive<usize> = 3..=20;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Timed {
    /// The first time, in which kernels are compiled and tuned.
    pub(crate) first_seconds: f64,
    /// The median of the batches, for one time.
    pub(crate) milliseconds: f64,
}

impl Timed {
    /// Both numbers, under the names that results have.
    pub(crate) fn json(self) -> Map<String, Value> {
        let numbers = json!({ "milliseconds": self.milliseconds, "first_seconds": self.first_seconds });
        numbers.as_object().cloned().unwrap_or_default()
    }
}

/// Waits until the device has done all that it was asked for.
pub(crate) fn wait(device: &Device) -> anyhow::Result<()> {
    device.sync().map_err(|error| anyhow!("the device failed: {error:?}"))
}

/// Times `run` for about `patience`, after the first time and a batch to warm up.
pub(crate) fn time<T>(
    device: &Device,
    patience: Duration,
    mut run: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<Timed> {
    let first_seconds = batch(device, 1, &mut run)?;
    let second = batch(device, 1, &mut run)?;
    let times = (BATCH_SECONDS / second.max(1e-9)).ceil().clamp(1.0, LONGEST_BATCH as f64) as usize;
    batch(device, times, &mut run)?;
    let start = Instant::now();
    let mut seconds = Vec::new();
    while seconds.len() < *BATCHES.start() || (start.elapsed() < patience && seconds.len() < *BATCHES.end()) {
        seconds.push(batch(device, times, &mut run)? / times as f64);
    }
    Ok(Timed { first_seconds, milliseconds: 1e3 * median(seconds) })
}

/// The seconds of several times together.
fn batch<T>(
    device: &Device,
    times: usize,
    run: &mut impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<f64> {
    let mut results = Vec::with_capacity(times);
    wait(device)?;
    let start = Instant::now();
    for _ in 0..times {
        results.push(run()?);
    }
    wait(device)?;
    let seconds = start.elapsed().as_secs_f64();
    drop(results);
    Ok(seconds)
}

/// The middle one, or the upper of the two in the middle.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
    }
}
