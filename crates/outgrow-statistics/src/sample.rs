//! Values that something can be said of: enough, finite, and not all the same. Their mean and their spread.

use crate::error::StatisticsError;

/// A spread below this share of the values is rounding: they count as equal.
const ROUNDING: f64 = 1e-13;

/// The mean of values and how far they spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub count: usize,
    pub mean: f64,
    /// With `count − 1` in the denominator.
    pub standard_deviation: f64,
}

impl Sample {
    /// # Errors
    /// Fewer than two values, one that isn't finite, or no spread.
    pub(crate) fn of(values: &[f64]) -> Result<Self, StatisticsError> {
        all_finite(values)?;
        if values.len() < 2 {
            return Err(StatisticsError::TooFew { found: values.len(), needed: 2 });
        }
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let standard_deviation = (squares / (count - 1) as f64).sqrt();
        let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        if standard_deviation <= ROUNDING * largest {
            return Err(StatisticsError::NoSpread { count, value: values[0] });
        }
        Ok(Self { count, mean, standard_deviation })
    }

    /// The standard error of the mean.
    pub(crate) fn standard_error(&self) -> f64 {
        self.standard_deviation / (self.count as f64).sqrt()
    }

    pub(crate) fn degrees_of_freedom(&self) -> usize {
        self.count - 1
    }
}

/// # Errors
/// A value that isn't finite.
pub(crate) fn all_finite(values: &[f64]) -> Result<(), StatisticsError> {
    match values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        Some((index, &value)) => Err(StatisticsError::NotFinite { index, value }),
        None => Ok(()),
    }
}

/// # Errors
/// A level that isn't between 0 and 1.
pub(crate) fn check_level(level: f64) -> Result<(), StatisticsError> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    Err(StatisticsError::Outside { name: "level", value: level, must: "between 0 and 1" })
}
