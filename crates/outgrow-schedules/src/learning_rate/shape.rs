//! How a learning rate comes down after its warm-up. Only parts of the way: rates are the curve's.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::learning_rate::error::RateError;

/// How a rate comes down from its peak to its minimum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Shape {
    /// Half a cosine (arXiv 1608.03983).
    #[default]
    Cosine,
    /// A line.
    Linear,
    /// It stays at the peak.
    Constant,
    /// Warm-up, stable, decay (arXiv 2404.06395): it stays at the peak, and comes down in the last tokens before the
    /// horizon.
    Wsd {
        /// Tokens of the decay.
        decay_tokens: u64,
        /// The way down.
        #[serde(default)]
        decay: WsdDecay,
    },
    /// `peak · √(warmup_tokens / tokens)` (arXiv 1706.03762), which needs a warm-up and knows no horizon; with a
    /// minimum, what is above that comes down so.
    InverseSquareRoot,
}

/// The way down at the end of [`Shape::Wsd`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WsdDecay {
    /// A line.
    #[default]
    Linear,
    /// `1 − √part`: steep at first (arXiv 2405.18392).
    OneMinusSqrt,
}

impl Shape {
    pub(super) fn is_cosine(&self) -> bool {
        *self == Self::Cosine
    }

    /// How much of the way from the peak to the minimum is behind it after `tokens`, 0 to 1; the warm-up is over.
    pub(super) fn part_down(self, tokens: u64, warmup_tokens: u64, horizon_tokens: u64) -> f64 {
        let part_of = |first: u64| {
            if tokens >= horizon_tokens {
                return 1.0;
            }
            tokens.saturating_sub(first) as f64 / (horizon_tokens - first) as f64
        };
        match self {
            Self::Cosine if tokens >= horizon_tokens => 1.0,
            Self::Cosine => 0.5 * (1.0 - (PI * part_of(warmup_tokens)).cos()),
            Self::Linear => part_of(warmup_tokens),
            Self::Constant => 0.0,
            Self::Wsd { decay_tokens, decay } => {
                let part = part_of(horizon_tokens.saturating_sub(decay_tokens));
                match decay {
                    WsdDecay::Linear => part,
                    WsdDecay::OneMinusSqrt => part.sqrt(),
                }
            }
            Self::InverseSquareRoot => 1.0 - (warmup_tokens as f64 / tokens.max(1) as f64).sqrt(),
        }
    }

    /// What it can't do.
    pub(super) fn problem(self, warmup_tokens: u64, horizon_tokens: u64) -> Option<RateError> {
        match self {
            Self::Wsd { decay_tokens: 0, .. } => Some(RateError::NoDecay),
            Self::Wsd { decay_tokens, .. } if decay_tokens > horizon_tokens.saturating_sub(warmup_tokens) => {
                Some(RateError::Decay { decay_tokens, warmup_tokens, horizon_tokens })
            }
            Self::InverseSquareRoot if warmup_tokens == 0 => Some(RateError::NoWarmUp),
            _ => None,
        }
    }

    /// In a few words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Linear => "linear",
            Self::Constant => "constant",
            Self::Wsd { decay: WsdDecay::Linear, .. } => "warm-up, stable, linear decay",
            Self::Wsd { decay: WsdDecay::OneMinusSqrt, .. } => "warm-up, stable, 1 − √ decay",
            Self::InverseSquareRoot => "inverse square root",
        }
    }
}
