//! One stage of a run: the model, how it came to be, what of it is trained, for how long and at which learning rate.

mod model_json;

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::{Growth, GrowthError, GrowthPlan, Moments};
use serde::{Deserialize, Serialize};

use crate::{
    at_growth::AtGrowth,
    error::ScheduleError,
    flops::FlopConvention,
    learning_rate::{LearningRate, at_growth::RateBefore, error::RateError},
    loss_slope::LossSlope,
    trainable::Trainable,
};

/// One stage. [`Stage::new`] gives one that trains everything and grows nothing, for all fields that aren't said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredStage")]
pub struct Stage {
    /// Unique in its schedule: metrics and reports tell stages apart by it.
    pub name: String,
    /// The model that is trained, after the growth. Written as a Hugging Face `config.json`.
    #[serde(with = "model_json")]
    pub model: LlamaConfig,
    /// Tokens trained on in this stage, at most where `ends_at` is set. None only in the first stage of a schedule that
    /// begins with a base: then the base grows at once.
    pub tokens: u64,
    /// Where it ends before its tokens are used up; never the last stage. Losses count from where its mask is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<LossSlope>,
    /// What is trained.
    pub trainable: Trainable,
    /// The growth that makes `model` of the model of the stage before. Without it the model goes on as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enter: Option<Growth>,
    /// What is chosen at the moment of that growth.
    #[serde(skip_serializing_if = "AtGrowth::is_default")]
    pub at_growth: AtGrowth,
    /// The learning rate, by tokens of this stage.
    pub learning_rate: LearningRate,
}

/// A stage as files have it. In those of earlier versions, the moments stand alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredStage {
    name: String,
    #[serde(with = "model_json")]
    model: LlamaConfig,
    tokens: u64,
    ends_at: Option<LossSlope>,
    #[serde(default)]
    trainable: Trainable,
    enter: Option<Growth>,
    moments: Option<Moments>,
    #[serde(default)]
    at_growth: AtGrowth,
    learning_rate: LearningRate,
}

impl From<StoredStage> for Stage {
    fn from(stored: StoredStage) -> Self {
        let StoredStage { name, model, tokens, ends_at, trainable, enter, moments, at_growth, learning_rate } =
            stored;
        let moments = moments.unwrap_or(at_growth.moments);
        let at_growth = AtGrowth { moments, ..at_growth };
        Self { name, model, tokens, ends_at, trainable, enter, at_growth, learning_rate }
    }
}

impl Stage {
    /// A stage that trains all of a model that goes on as it is.
    pub fn new(
        name: impl Into<String>,
        model: LlamaConfig,
        tokens: u64,
        learning_rate: LearningRate,
    ) -> Self {
        let (trainable, at_growth) = (Trainable::All, AtGrowth::default());
        Self {
            name: name.into(),
            model,
            tokens,
            ends_at: None,
            trainable,
            enter: None,
            at_growth,
            learning_rate,
        }
    }

    /// The learning rate of an update of new parameters, where they have one of their own; tokens as in
    /// [`LearningRate::at`].
    pub fn new_learning_rate(&self, stage_tokens: u64) -> Option<f64> {
        Some(self.at_growth.new_parameters?.learning_rate(&self.learning_rate, stage_tokens))
    }

    /// What the learning rate of the stage after it goes on from.
    pub fn rate_before_next(&self) -> RateBefore {
        RateBefore { learning_rate: self.learning_rate, tokens: self.tokens }
    }

    /// The plan of the growth, with all that is put on it, of the model before.
    pub(crate) fn planned_growth(&self, before: &LlamaConfig) -> Result<Option<GrowthPlan>, GrowthError> {
        let growths = self.enter.as_ref().map(|growth| self.at_growth.growths(growth));
        growths.map(|growths| GrowthPlan::new(before, &growths)).transpose()
    }

    /// FLOPs of one token of this stage by a convention, in sequences of `sequence_length` tokens.
    pub fn flops_per_token(&self, convention: FlopConvention, sequence_length: usize) -> f64 {
        convention.flops_per_token(&self.model, sequence_length, &self.trainable)
    }

    /// FLOPs of all its tokens by a convention, in sequences of `sequence_length` tokens. Matrices that are learned
    /// before it cost what training all of the grown model on their tokens does; their own products, which go by steps,
    /// aren't known here.
    pub fn flops(&self, convention: FlopConvention, sequence_length: usize) -> f64 {
        self.tokens as f64 * self.flops_per_token(convention, sequence_length)
            + self.learning_flops(convention, sequence_length)
    }

    /// What the learning of matrices before it costs of that.
    pub(crate) fn learning_flops(&self, convention: FlopConvention, sequence_length: usize) -> f64 {
        let flops_per_token = convention.flops_per_token(&self.model, sequence_length, &Trainable::All);
        self.learning_tokens() as f64 * flops_per_token
    }

    /// Tokens that the matrices of its growth are learned on, before its own.
    pub fn learning_tokens(&self) -> u64 {
        self.at_growth.learning.map_or(0, |learning| learning.tokens)
    }

    /// What is wrong with the stage by itself: an empty name, no tokens, a learning rate that isn't one, or
    /// trainable layers that aren't there. What lies between two stages is the schedule's to check.
    ///
    /// Where `may_be_empty`, no tokens are no problem: the stage takes no step, and its learning rate is never asked.
    pub(crate) fn problems(&self, may_be_empty: bool) -> Vec<ScheduleError> {
        let mut problems = Vec::new();
        let is_left_out = may_be_empty && self.tokens == 0;
        if self.name.trim().is_empty() {
            problems.push(ScheduleError::NoName);
        }
        if self.tokens == 0 && !is_left_out {
            problems.push(ScheduleError::NoTokens);
        }
        problems.extend(self.ends_at.and_then(|slope| slope.problem()));
        let rate_only = AtGrowth { learning_rate: self.at_growth.learning_rate, ..AtGrowth::default() };
        if self.enter.is_none() && self.at_growth != rate_only {
            problems.push(ScheduleError::NothingGrows);
        }
        if let (Some(growth), Some(learning)) = (&self.enter, self.at_growth.learning) {
            problems.extend(learning.problems(growth, self.at_growth.moments));
        }
        problems.extend(self.trainable.problem(&self.model));
        if !is_left_out {
            problems.extend(self.learning_rate.problems().into_iter().map(|problem| match problem {
                // Where no horizon was given it is the stage's length, and nobody knows it by another name.
                RateError::WarmUp { warmup_tokens, horizon_tokens } if horizon_tokens == self.tokens => {
                    RateError::WarmUpOfStage { warmup_tokens, tokens: self.tokens }.into()
                }
                problem => ScheduleError::from(problem),
            }));
        }
        problems.into_iter().map(|problem| problem.in_stage(&self.name)).collect()
    }
}
