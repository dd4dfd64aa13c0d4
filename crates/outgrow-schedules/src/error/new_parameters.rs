//! Why new parameters can't have a learning rate of their own.

/// What is wrong with the rate of new parameters.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NewParametersError {
    /// The ratio isn't one.
    #[error("at_growth.new_parameters.ratio is {ratio}, it must be finite and above 0")]
    Ratio {
        /// The ratio.
        ratio: f64,
    },
    /// The rate isn't up when the stage ends.
    #[error(
        "at_growth.new_parameters.rewarm_tokens is {rewarm_tokens}, the stage has {tokens}: fewer are needed"
    )]
    Rewarm {
        /// Tokens of the way up.
        rewarm_tokens: u64,
        /// The stage's.
        tokens: u64,
    },
    /// Learned growth mixes old values, and noise adds none.
    #[error(
        "at_growth.new_parameters: the growth makes no parameters of which one can say that they are new: leave it out"
    )]
    NothingNew,
}
