//! Why numbers give no answer. Each message is one line.

/// Why numbers give no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatisticsError {
    /// Too few values.
    #[error("{found} values: at least {needed} are needed")]
    TooFew {
        /// How many there are.
        found: usize,
        /// How many there must be.
        needed: usize,
    },
    /// A value that is no number.
    #[error("value {index} is {value}: it must be finite")]
    NotFinite {
        /// Which, counted from 0.
        index: usize,
        /// What it is.
        value: f64,
    },
    /// Values without any spread: nothing says how far another might lie.
    #[error("all {count} values are equal ({value}): without a spread there is no interval")]
    NoSpread {
        /// How many there are.
        count: usize,
        /// What all of them are.
        value: f64,
    },
    /// A number outside of where it must lie.
    #[error("{name} is {value}: it must be {must}")]
    Outside {
        /// What it is called.
        name: &'static str,
        /// What it is.
        value: f64,
        /// Where it must lie, in words.
        must: &'static str,
    },
    /// Two lists that belong together have different lengths.
    #[error("{first} values of x and {second} of y: they must be as many")]
    Lengths {
        /// Values of x.
        first: usize,
        /// Values of y.
        second: usize,
    },
    /// A fit that found no best parameters.
    #[error("the fit of {law} found no best parameters: {problem}")]
    NoFit {
        /// What was fitted.
        law: &'static str,
        /// What went wrong.
        problem: String,
    },
}

impl StatisticsError {
    /// Whether the numbers that were given are at fault: always, for nothing else is used.
    pub fn is_input(&self) -> bool {
        match self {
            Self::TooFew { .. }
            | Self::NotFinite { .. }
            | Self::NoSpread { .. }
            | Self::Outside { .. }
            | Self::Lengths { .. }
            | Self::NoFit { .. } => true,
        }
    }
}
