//! A method's stages while they are put together: first models and what is trained, then lengths, which depend on what
//! each costs, then learning rates, which depend on the lengths.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::Growth;

use crate::{
    at_growth::AtGrowth,
    error::ScheduleError,
    learning_rate::{
        LearningRate,
        at_growth::{RateAtGrowth, RateBefore},
        curve::LearningRateCurve,
    },
    loss_slope::LossSlope,
    methods::{base_sizes::BaseSizes, length::Length},
    schedule::{
        Schedule,
        builder::{NextStage, ScheduleBuilder},
    },
    stage::Stage,
    trainable::Trainable,
};

/// The model that a method is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start<'a> {
    /// The one that it ends with; the first weights are drawn.
    Target(&'a LlamaConfig),
    /// The one that it begins with, which there is already.
    Base(&'a LlamaConfig),
}

/// A stage after the first, before its length is known.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub name: String,
    pub enter: Option<Growth>,
    pub trainable: Trainable,
    pub at_growth: AtGrowth,
    /// None where the rate of the stage before goes on.
    pub learning_rate: Option<LearningRateCurve>,
}

/// How long the stages are.
#[derive(Clone, Debug)]
pub(super) enum Lengths<'a> {
    /// Tokens of all but the last, and the length of that.
    Earlier(Vec<u64>, Length),
    /// Parts of the whole, and the length of that.
    Shares(&'a [f64], Length),
}

/// Stages without lengths.
#[derive(Clone, Debug)]
pub(super) struct Outline {
    builder: ScheduleBuilder,
    curves: Vec<Option<LearningRateCurve>>,
    target: Option<LlamaConfig>,
}

impl Outline {
    /// Begins with the first stage of a road of growths.
    pub(super) fn of_growths(
        start: Start<'_>,
        sizes: &BaseSizes,
        growths: &[Growth],
        name: &str,
        curve: LearningRateCurve,
    ) -> Result<Self, ScheduleError> {
        match start {
            Start::Base(base) => Ok(Self::new(start, base.clone(), name, curve)),
            Start::Target(target) => {
                let first = sizes.base_of(target, growths)?;
                let first = with_epsilon_of(first, growths, target)?;
                Ok(Self::new(start, first, name, curve))
            }
        }
    }

    /// Begins with a first stage.
    pub(super) fn new(start: Start<'_>, first: LlamaConfig, name: &str, curve: LearningRateCurve) -> Self {
        let first = Stage::new(name, first, 0, LearningRate::NONE);
        let (builder, target) = match start {
            Start::Target(target) => (ScheduleBuilder::new(first), Some(target.clone())),
            Start::Base(_) => (ScheduleBuilder::from_base(first), None),
        };
        Self { builder, curves: vec![Some(curve)], target }
    }

    /// The model of the newest stage.
    pub(super) fn model(&self) -> &LlamaConfig {
        self.builder.model()
    }

    /// Lets the first stage end where the slope of its loss says so.
    pub(super) fn end_first_at(&mut self, slope: LossSlope) {
        if let Some(first) = self.builder.stages_mut().next() {
            first.ends_at = Some(slope);
        }
    }

    /// Adds a stage, whose growth is planned.
    pub(super) fn then(&mut self, step: Step) -> Result<(), ScheduleError> {
        let Step { name, enter, trainable, at_growth, learning_rate } = step;
        let is_growth = enter.is_some();
        // A stage that grows nothing has nothing of a growth but its rate.
        let at_growth = if is_growth {
            at_growth
        } else {
            AtGrowth { learning_rate: at_growth.learning_rate, ..AtGrowth::default() }
        };
        let stage = NextStage { enter, trainable, at_growth, ..NextStage::new(&name, 0, LearningRate::NONE) };
        self.builder.then(stage).map_err(|problem| ScheduleError::Growth(problem).in_stage(&name))?;
        self.curves.push(learning_rate);
        Ok(())
    }

    /// Adds a stage that begins with a growth, and refuses one that makes nothing larger.
    pub(super) fn then_grow(&mut self, step: Step) -> Result<(), ScheduleError> {
        let before = self.builder.model().clone();
        let operator = step.enter.as_ref().map_or("none", Growth::name);
        self.then(step)?;
        if *self.builder.model() == before {
            return Err(ScheduleError::SameSize { operator });
        }
        Ok(())
    }

    /// The schedule, when lengths and with them the rates are known.
    pub(super) fn build(mut self, lengths: Lengths<'_>) -> Result<Schedule, ScheduleError> {
        if let Some(target) = &self.target {
            check_reached(self.builder.model(), target)?;
        }
        let stages: Vec<Stage> = self.builder.stages().cloned().collect();
        let tokens = lengths.tokens(&stages)?;
        let choices = stages.iter().map(|stage| stage.at_growth.learning_rate).collect::<Vec<_>>();
        let mut before = RateBefore::NOTHING;
        for (index, stage) in self.builder.stages_mut().enumerate() {
            stage.tokens = tokens[index];
            let goes_on = choices[index + 1..].iter().take_while(|choice| **choice == RateAtGrowth::Keep);
            let until = index + goes_on.count();
            // What goes on over several stages comes down where the last of them ends.
            let curve = self.curves[index].map(|curve| LearningRateCurve {
                horizon_tokens: curve.horizon_tokens.or(Some(tokens[index..=until].iter().sum())),
                ..curve
            });
            let rate = match (index, curve) {
                (0, Some(curve)) => Ok(curve.over(stage.tokens)),
                (_, curve) => choices[index].learning_rate(before, curve, stage.tokens),
            };
            stage.learning_rate = rate.map_err(|problem| problem.in_stage(&stage.name))?;
            before = stage.rate_before_next();
        }
        self.builder.build()
    }
}

impl Lengths<'_> {
    /// The tokens of all stages. Of a budget, the most that they can cost.
    fn tokens(self, stages: &[Stage]) -> Result<Vec<u64>, ScheduleError> {
        let mut stages = stages.to_vec();
        let (earlier, last) = match self {
            Self::Earlier(earlier, last) => (earlier, last),
            Self::Shares(shares, length) => {
                let total = length.total(&stages, shares)?;
                let mut ends = shares.iter().scan(0.0, |sum, share| {
                    *sum += share;
                    Some((total * *sum).round() as u64)
                });
                let mut begins = 0;
                let lengths = ends.by_ref().take(shares.len() - 1).map(|end| {
                    let tokens = end - begins;
                    begins = end;
                    tokens
                });
                let earlier: Vec<u64> = lengths.collect();
                let last = match length {
                    Length::Tokens(tokens) => Length::Tokens(tokens - earlier.iter().sum::<u64>()),
                    budget @ Length::Budget { .. } => budget,
                };
                (earlier, last)
            }
        };
        for (stage, tokens) in stages.iter_mut().zip(&earlier) {
            stage.tokens = *tokens;
        }
        // The last one is among those that are paid, without its tokens: matrices may be learned before it.
        let end = stages.last().expect("an outline has a first stage");
        let last = last.tokens(&stages, &end.model, &end.trainable)?;
        Ok(earlier.into_iter().chain([last]).collect())
    }
}

/// The first model with such an epsilon of its norms that the last one has the target's: channels of zero make the mean
/// square smaller, so their growth divides what the norms add to it.
fn with_epsilon_of(
    first: LlamaConfig,
    growths: &[Growth],
    target: &LlamaConfig,
) -> Result<LlamaConfig, ScheduleError> {
    let wanted = target.rms_norm_eps;
    let Ok(plan) = outgrow_operators::GrowthPlan::new(&first, growths) else { return Ok(first) };
    let reached = plan.target().rms_norm_eps;
    if reached.to_bits() == wanted.to_bits() {
        return Ok(first);
    }
    first.with(|fields| fields.rms_norm_eps = wanted * (wanted / reached)).map_err(ScheduleError::Model)
}

/// Whether the growths lead to the target's sizes.
fn check_reached(reached: &LlamaConfig, target: &LlamaConfig) -> Result<(), ScheduleError> {
    let sizes = [
        ("num_hidden_layers", reached.num_hidden_layers, target.num_hidden_layers),
        ("hidden_size", reached.hidden_size, target.hidden_size),
        ("intermediate_size", reached.intermediate_size, target.intermediate_size),
        ("num_attention_heads", reached.num_attention_heads, target.num_attention_heads),
        ("num_key_value_heads", reached.num_key_value_heads, target.num_key_value_heads),
    ];
    let differing = sizes.iter().filter(|(_, reached, wanted)| reached != wanted);
    let differences: Vec<String> = differing
        .map(|(key, reached, wanted)| format!("{key} {reached}, where the target has {wanted}"))
        .collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(ScheduleError::NotReached { differences: differences.join(", ") })
}
