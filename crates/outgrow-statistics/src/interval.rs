//! An interval of numbers, and what is needed to read one: around what, at which level, and how it was made.

use serde::{Deserialize, Serialize};

use crate::error::StatisticsError;

/// From one finite number to another that isn't smaller.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Ends")]
pub struct Interval {
    lower: f64,
    upper: f64,
}

/// An interval as it may stand in a file.
#[derive(Deserialize)]
struct Ends {
    lower: f64,
    upper: f64,
}

impl TryFrom<Ends> for Interval {
    type Error = StatisticsError;

    fn try_from(ends: Ends) -> Result<Self, StatisticsError> {
        Self::new(ends.lower, ends.upper)
    }
}

impl Interval {
    /// # Errors
    /// An end that isn't finite, or an upper one that is smaller.
    pub fn new(lower: f64, upper: f64) -> Result<Self, StatisticsError> {
        crate::sample::all_finite(&[lower, upper])?;
        if upper < lower {
            return Err(StatisticsError::Outside {
                name: "upper end",
                value: upper,
                must: "at least the lower end",
            });
        }
        Ok(Self { lower, upper })
    }

    /// The lower end.
    pub fn lower(&self) -> f64 {
        self.lower
    }

    /// The upper end.
    pub fn upper(&self) -> f64 {
        self.upper
    }

    /// Whether a number lies in it, its ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.lower <= value && value <= self.upper
    }

    /// Whether all of it lies within another, ends included.
    pub fn lies_within(&self, other: &Self) -> bool {
        other.lower <= self.lower && self.upper <= other.upper
    }

    /// Whether all of it lies below a number.
    pub fn lies_below(&self, value: f64) -> bool {
        self.upper < value
    }

    /// Whether all of it lies above a number.
    pub fn lies_above(&self, value: f64) -> bool {
        self.lower > value
    }

    /// Both ends through a function that never falls, such as `exp`. `None` where that leaves the finite numbers.
    #[must_use]
    pub fn map(&self, rising: impl Fn(f64) -> f64) -> Option<Self> {
        Self::new(rising(self.lower), rising(self.upper)).ok()
    }
}

/// How an interval was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum IntervalMethod {
    /// By Student's t distribution.
    StudentT {
        /// One less than there are values.
        degrees_of_freedom: usize,
    },
    /// By the studentized bootstrap.
    Bootstrap {
        /// How often the values were drawn anew.
        draws: usize,
    },
    /// By Student's t distribution over the pseudo-values of a jackknife, which leaves out one seed at a time.
    Jackknife {
        /// One less than there are seeds.
        degrees_of_freedom: usize,
    },
}

/// A mean with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanInterval {
    /// How many values there are.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, with `count − 1` in the denominator.
    pub standard_deviation: f64,
    /// How often such intervals hold the truth: 0.95.
    pub level: f64,
    /// Where the truth lies, at this level.
    pub interval: Interval,
    /// How it was made.
    pub method: IntervalMethod,
}
