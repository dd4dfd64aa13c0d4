//! An estimate that needs all seeds together (a fit, a minimum), and its interval: the jackknife over seeds. A plain
//! bootstrap over five seeds holds the truth too rarely; README.md has the numbers.

use crate::{
    error::StatisticsError,
    interval::{IntervalMethod, MeanInterval},
    paired::t_interval,
};

/// An estimate from all seeds, with its interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Jackknife {
    /// From all of them.
    pub estimate: f64,
    /// What each contributes: `n` times the estimate less `n − 1` times that without it. Where an estimate is linear in
    /// the seeds, these are the estimates from each alone.
    pub pseudo_values: Vec<f64>,
    /// Student's t interval of the mean of the pseudo-values (Tukey 1958).
    pub interval: MeanInterval,
}

/// Estimates from all seeds and from all but one. `estimate` takes places of seeds, from 0 to `count`, and is `None`
/// where they give none.
///
/// # Errors
/// Fewer than two seeds, one without which there is no estimate, or no spread.
pub fn jackknife(
    count: usize,
    level: f64,
    estimate: impl Fn(&[usize]) -> Option<f64>,
) -> Result<Jackknife, StatisticsError> {
    if count < 2 {
        return Err(StatisticsError::TooFew { found: count, needed: 2 });
    }
    let from = |places: Vec<usize>| {
        let none = || StatisticsError::NoFit {
            law: "what is estimated",
            problem: format!("{} of {count} seeds give no value", places.len()),
        };
        estimate(&places).filter(|value| value.is_finite()).ok_or_else(none)
    };
    let of_all = from((0..count).collect())?;
    let seeds = count as f64;
    let pseudo_values = (0..count)
        .map(|left_out| {
            let without = from((0..count).filter(|place| *place != left_out).collect())?;
            Ok(seeds * of_all - (seeds - 1.0) * without)
        })
        .collect::<Result<Vec<f64>, StatisticsError>>()?;
    let interval = MeanInterval {
        method: IntervalMethod::Jackknife { degrees_of_freedom: count - 1 },
        ..t_interval(&pseudo_values, level)?
    };
    Ok(Jackknife { estimate: of_all, pseudo_values, interval })
}
