//! G_stack (arXiv 2405.15319): a shallow base, stacked once.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::Growth;
use serde::{Deserialize, Serialize};

use crate::{
    error::ScheduleError,
    learning_rate::curve::LearningRateCurve,
    methods::{length::Length, with_layers},
    schedule::Schedule,
    stage::Stage,
    trainable::Trainable,
};

/// The settings of [`Schedule::g_stack`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GStack {
    /// How many times the base is stacked; the paper finds 2 to 4 best.
    pub factor: usize,
    /// Tokens of the base; with [`Schedule::g_stack_from`], those that it is trained on before it grows.
    pub base_tokens: u64,
    /// Learning rate of the base; without a meaning where it has no tokens.
    pub base_learning_rate: LearningRateCurve,
    /// Length of the training after the growth.
    pub grown: Length,
    /// Learning rate after the growth: a new curve with its own warm-up and peak.
    pub grown_learning_rate: LearningRateCurve,
}

impl Schedule {
    /// G_stack (arXiv 2405.15319, Algorithm 1): train a base of a `factor`-th of the target's layers, stack it, train
    /// on.
    ///
    /// # Errors
    /// A factor that doesn't divide the target's layers, a budget that the base uses up, and as [`Schedule::new`].
    pub fn g_stack(target: &LlamaConfig, settings: &GStack) -> Result<Self, ScheduleError> {
        stages(target, settings).and_then(Self::new)
    }

    /// The same of a base that there is already. It is trained on for `base_tokens`, which may be 0, and stacked; the
    /// target follows from it.
    ///
    /// # Errors
    /// A factor of 0, or one with which there is no model; and as [`Schedule::g_stack`].
    pub fn g_stack_from(base: &LlamaConfig, settings: &GStack) -> Result<Self, ScheduleError> {
        if settings.factor == 0 {
            return Err(ScheduleError::NoFactor);
        }
        let target = with_layers(base, base.num_hidden_layers.saturating_mul(settings.factor))?;
        stages(&target, settings).and_then(Self::from_base)
    }
}

fn stages(target: &LlamaConfig, settings: &GStack) -> Result<Vec<Stage>, ScheduleError> {
    let GStack { factor, .. } = *settings;
    let num_hidden_layers = target.num_hidden_layers;
    if factor == 0 || !num_hidden_layers.is_multiple_of(factor) {
        return Err(ScheduleError::Factor { factor, num_hidden_layers });
    }
    let model = with_layers(target, num_hidden_layers / factor)?;
    let (tokens, learning_rate) =
        (settings.base_tokens, settings.base_learning_rate.over(settings.base_tokens));
    let earlier = vec![Stage::new("base", model, tokens, learning_rate)];
    let tokens = settings.grown.tokens(&earlier, target, Trainable::All)?;
    let grown = Stage {
        enter: Some(Growth::Stack { factor }),
        ..Stage::new("grown", target.clone(), tokens, settings.grown_learning_rate.over(tokens))
    };
    Ok(earlier.into_iter().chain([grown]).collect())
}
