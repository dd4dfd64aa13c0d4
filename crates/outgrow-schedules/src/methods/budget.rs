//! Equal FLOPs: how long the last stage may be so that growing spends what training from scratch spends (arXiv 2405.15319:
//! `C = FLOPs(N/g, d) + FLOPs(N, D)`). Counts exactly, never by 6·N·T, which would hide what freezing saves.

use outgrow_checkpoint::LlamaConfig;
use serde::{Deserialize, Serialize};

use crate::{
    error::ScheduleError,
    flops::{FlopConvention, flops_per_token},
    stage::{Stage, Trainable},
};

/// How long the last stage of a schedule is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Length {
    /// So many tokens.
    Tokens(u64),
    /// As many tokens as the whole schedule can pay for, the earlier stages included.
    Budget {
        /// Exact FLOPs of the whole schedule.
        flops: f64,
        /// Tokens a sequence, which the cost of attention depends on.
        sequence_length: usize,
    },
}

impl Length {
    /// The tokens of a last stage that trains `model` after the `earlier` stages.
    pub(crate) fn tokens(
        self,
        earlier: &[Stage],
        model: &LlamaConfig,
        trainable: &Trainable,
    ) -> Result<u64, ScheduleError> {
        match self {
            Self::Tokens(tokens) => Ok(tokens),
            Self::Budget { flops, sequence_length } => {
                tokens_within_budget(earlier, model, trainable, flops, sequence_length)
            }
        }
    }
}

/// The most tokens that a last stage can train `model` on so that it and the `earlier` stages cost at most `budget` exact FLOPs,
/// in sequences of `sequence_length` tokens. What is left of the budget is less than one token.
///
/// # Errors
/// A budget that leaves less than one token.
pub fn tokens_within_budget(
    earlier: &[Stage],
    model: &LlamaConfig,
    trainable: &Trainable,
    budget: f64,
    sequence_length: usize,
) -> Result<u64, ScheduleError> {
    let spent: f64 = earlier.iter().map(|stage| stage_flops(stage, sequence_length)).sum();
    let flops_per_token = flops_per_token(FlopConvention::Exact, model, sequence_length, trainable);
    let tokens = ((budget - spent) / flops_per_token).floor();
    // Written so that a budget of NaN is refused; infinity is no budget either.
    if !(tokens >= 1.0 && tokens.is_finite()) {
        return Err(ScheduleError::Budget { budget, spent, flops_per_token });
    }
    Ok(tokens as u64)
}

fn stage_flops(stage: &Stage, sequence_length: usize) -> f64 {
    stage.tokens as f64
        * flops_per_token(FlopConvention::Exact, &stage.model, sequence_length, &stage.trainable)
}
