//! What can be wrong with a learning rate, in one line each.

/// Why a learning rate isn't one, or doesn't fit the stage before.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RateError {
    /// The peak isn't a rate.
    #[error("learning rate: peak is {peak}, it must be finite and above 0")]
    Peak {
        /// The peak.
        peak: f64,
    },
    /// The minimum isn't a rate below the peak.
    #[error("learning rate: minimum is {minimum}, it must be between 0 and the peak of {peak}")]
    Minimum {
        /// The minimum.
        minimum: f64,
        /// The peak.
        peak: f64,
    },
    /// The warm-up doesn't begin at a rate.
    #[error("learning rate: initial is {initial}, it must be finite and at least 0")]
    Initial {
        /// The rate that it begins with.
        initial: f64,
    },
    /// A decay of no tokens.
    #[error("learning rate: decay_tokens is 0: `constant` is a rate that doesn't come down")]
    NoDecay,
    /// The decay begins before the warm-up ends.
    #[error(
        "learning rate: decay_tokens is {decay_tokens}, there are {} between warmup_tokens, {warmup_tokens}, and horizon_tokens, {horizon_tokens}",
        .horizon_tokens.saturating_sub(*.warmup_tokens)
    )]
    Decay {
        /// Tokens of the decay.
        decay_tokens: u64,
        /// Tokens of the warm-up.
        warmup_tokens: u64,
        /// Tokens to the horizon.
        horizon_tokens: u64,
    },
    /// An inverse square root begins where the warm-up ends.
    #[error("learning rate: warmup_tokens is 0: an inverse square root counts from the end of a warm-up")]
    NoWarmUp,
    /// The rate begins anew, and isn't given.
    #[error(
        "learning_rate is missing: only at_growth.learning_rate = \"keep\" goes on with that of the stage before"
    )]
    NoCurve,
    /// The rate goes on, and another one is given.
    #[error(
        "learning_rate is given, and at_growth.learning_rate = \"keep\" goes on with that of the stage before: leave one out"
    )]
    CurveOfKeptRate,
    /// There is no rate to go on from.
    #[error("at_growth.learning_rate goes on from the stage before, which takes no step: use \"restart\"")]
    NoRateBefore,
    /// The rate is to go on, and doesn't.
    #[error(
        "learning rate: begins at {begins:e}, that of the stage before ends at {ends:e}: at_growth.learning_rate says that it goes on"
    )]
    RateJumps {
        /// Where that of the stage before ends.
        ends: f64,
        /// Where this one begins.
        begins: f64,
    },
    /// The warm-up doesn't end before the horizon.
    #[error(
        "learning rate: warmup_tokens is {warmup_tokens}, it must be below horizon_tokens, {horizon_tokens}"
    )]
    WarmUp {
        /// Tokens of the warm-up.
        warmup_tokens: u64,
        /// Tokens to the minimum.
        horizon_tokens: u64,
    },
    /// The warm-up doesn't end before its stage, which is as long as the horizon.
    #[error("learning rate: warmup_tokens is {warmup_tokens}, it must be below the stage's tokens, {tokens}")]
    WarmUpOfStage {
        /// Tokens of the warm-up.
        warmup_tokens: u64,
        /// Tokens of the stage.
        tokens: u64,
    },
    /// The rate is to go on from a stage of which nobody knows where it ends.
    #[error(
        "at_growth.learning_rate goes on from a stage that ends_at may end early, at a rate that isn't known: use \"restart\""
    )]
    UnknownRate,
}
