//! One stage of a planned run.

use outgrow_checkpoint::TrainingCost;
use outgrow_operators::Moments;
use outgrow_schedules::{
    DataAtGrowth, FlopConvention, FlopParts, GrowthMask, LossSlope, MaskOrder, NewParameters, Noise,
    PlannedGrowth, Stage,
};
use outgrow_train::StageLearning;
use serde::Serialize;

use super::{
    facts::{Facts, PlannedStart},
    learning_rate::LearningRatePlan,
    memory::trained_parameters,
};
use crate::terminal::progress::training::StageCost;

/// One stage. Tokens and what follows from them are those of whole steps: the last step of a stage is as large as the
/// others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct StagePlan {
    /// Its name.
    pub name: String,
    /// Layers of its model.
    pub num_hidden_layers: usize,
    /// Width of its model.
    pub hidden_size: usize,
    /// Parameters of its model.
    pub parameters: u64,
    /// Those of them that are trained.
    pub trained_parameters: u64,
    /// What is trained, in words.
    pub trainable: String,
    /// The growth that it begins with.
    pub growth: Option<String>,
    /// Noise on what is grown.
    pub noise: Option<Noise>,
    /// What becomes of the optimizer's moments, where it grows.
    pub moments: Option<Moments>,
    /// Where the data goes on, where it grows.
    pub data: Option<DataAtGrowth>,
    /// The slope of its loss at which it ends before its tokens are used up.
    pub ends_at: Option<LossSlope>,
    /// The mask that lets in what is new.
    pub mask: Option<MaskPlan>,
    /// The learning rate of what is new, where it has one of its own.
    pub new_parameters: Option<NewParameters>,
    /// The learning of that growth's matrices, where they are learned.
    pub learning: Option<LearningPlan>,
    /// Optimizer steps, those of the learning included, as in all that follows.
    pub steps: u64,
    /// Tokens trained on.
    pub tokens: u64,
    /// Without the learning.
    #[serde(skip)]
    pub own_cost: StageCost,
    /// Tokens trained on when it ends, those of the stages before included.
    #[serde(skip)]
    end_tokens: u64,
    /// Where in the data it begins and ends, in epochs since the order last began.
    pub epochs: [f64; 2],
    /// `null` where there is no step.
    pub learning_rate: Option<LearningRatePlan>,
    /// Of training, by the exact convention.
    pub flops: f64,
    /// Of which Muon's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orthogonalization_flops: Option<f64>,
    /// Of training, by the paper's convention.
    pub flops_6nt: f64,
    /// How often it validates.
    pub validations: u64,
    /// How many checkpoints it writes.
    pub checkpoints: u64,
    /// Steps that are still to be taken.
    pub steps_left: u64,
    /// For all of it, steps and validations; `null` where no speed was measured.
    pub seconds: Option<f64>,
    /// For what is left of it.
    pub seconds_left: Option<f64>,
}

/// A mask that opens in a stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct MaskPlan {
    /// Tokens of the stage after which all is let in.
    pub tokens: u64,
    /// Which kinds of units are let in when.
    pub order: MaskOrder,
}

impl MaskPlan {
    fn new(mask: &GrowthMask) -> Self {
        Self { tokens: mask.tokens(), order: mask.ramp().order }
    }
}

/// The learning of the matrices of a growth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct LearningPlan {
    /// Its steps.
    pub steps: u64,
    /// Its tokens.
    pub tokens: u64,
    /// By the exact convention, the products of the matrices included.
    pub flops: f64,
    /// By the paper's convention.
    pub flops_6nt: f64,
    /// What weights and gradients take meanwhile.
    pub memory_bytes: u64,
}

impl LearningPlan {
    fn of(facts: &Facts<'_>, index: usize) -> Option<Self> {
        let length = facts.data.sequence_length;
        let StageLearning { steps, cost, bytes } =
            StageLearning::of(facts.schedule, index, facts.settings, length)?;
        let TrainingCost { tokens, flops, flops_6nt } = cost;
        let (flops, flops_6nt) = (flops.unwrap_or_default(), flops_6nt.unwrap_or_default());
        Some(Self { steps, tokens: tokens.unwrap_or_default(), flops, flops_6nt, memory_bytes: bytes })
    }
}

impl StagePlan {
    /// The stage with an index, behind the one before.
    pub(super) fn new(facts: &Facts<'_>, index: usize, before: Option<&Self>) -> Self {
        let Facts { settings, data, .. } = facts;
        let stage = &facts.schedule.stages()[index];
        let batch_tokens = facts.batch_tokens();
        let steps = stage.tokens.div_ceil(batch_tokens);
        let tokens = steps.saturating_mul(batch_tokens);
        let learning = LearningPlan::of(facts, index);
        let of_learning = |of: fn(LearningPlan) -> f64| learning.map_or(0.0, of);
        let (learning_steps, learning_tokens) =
            learning.map_or((0, 0), |learning| (learning.steps, learning.tokens));
        let epoch = (data.training_sequences * data.sequence_length as u64) as f64;
        let begins_anew = stage.at_growth.data == DataAtGrowth::Replay;
        let first_epoch = before.filter(|_| !begins_anew).map_or(0.0, |stage| stage.epochs[1]);
        let first_token = before.map_or(0, |stage| stage.end_tokens).saturating_add(learning_tokens);
        let crossings = |interval| crossings(first_token, steps, batch_tokens, interval);
        let validations = crossings(settings.validation_interval_tokens);
        let first_validations = u64::from(index == 0 || stage.enter.is_some());
        let checkpoints = settings.checkpoint_interval_tokens.map(crossings);
        let flops = |convention| tokens as f64 * stage.flops_per_token(convention, data.sequence_length);
        let orthogonalization = settings.orthogonalization(data.sequence_length);
        let orthogonalization_flops =
            orthogonalization.map(|one| steps as f64 * one.flops_per_step(&stage.model, &stage.trainable));
        let of_muon = orthogonalization_flops.unwrap_or(0.0);
        let own_cost =
            StageCost { flops: flops(FlopConvention::Exact) + of_muon, tokens, steps, learning_steps };
        let steps_left = steps_left(&facts.start, index, [learning_steps, steps], batch_tokens);
        let mut plan = Self {
            name: stage.name.clone(),
            num_hidden_layers: stage.model.num_hidden_layers,
            hidden_size: stage.model.hidden_size,
            parameters: stage.model.num_parameters(),
            trained_parameters: trained_parameters(stage),
            trainable: stage.trainable.to_string(),
            growth: stage.enter.as_ref().map(ToString::to_string),
            noise: stage.at_growth.noise,
            moments: stage.enter.is_some().then_some(stage.at_growth.moments),
            data: stage.enter.is_some().then_some(stage.at_growth.data),
            ends_at: stage.ends_at,
            mask: facts.schedule.growth(index).and_then(PlannedGrowth::mask).map(MaskPlan::new),
            new_parameters: stage.at_growth.new_parameters,
            learning,
            steps: steps.saturating_add(learning_steps),
            tokens: tokens.saturating_add(learning_tokens),
            own_cost,
            end_tokens: first_token.saturating_add(tokens),
            epochs: [first_epoch, first_epoch + (tokens as f64 + learning_tokens as f64) / epoch],
            learning_rate: LearningRatePlan::new(&stage.learning_rate, steps, batch_tokens),
            flops: own_cost.flops + of_learning(|learning| learning.flops),
            orthogonalization_flops,
            flops_6nt: flops(FlopConvention::SixTimesParameters) + of_learning(|learning| learning.flops_6nt),
            validations: validations.with_the_last_step + first_validations,
            // The last step's is that of the stage's end.
            checkpoints: 1 + checkpoints.map_or(0, |crossings| crossings.without_the_last_step),
            steps_left,
            seconds: None,
            seconds_left: None,
        };
        if let Some(speed) = facts.speeds.get(index) {
            let validation_tokens = settings.validation_sequences * data.sequence_length;
            let validation = validation_tokens as f64 * forward_flops_per_token(stage, data.sequence_length);
            let update = plan.trained_parameters as f64 * speed.seconds_per_updated_parameter;
            let seconds = |steps: u64, validations: f64| {
                let share = steps as f64 / plan.steps.max(1) as f64;
                let computed = plan.flops * share + validation * validations;
                computed / speed.flops_per_second + update * steps as f64
            };
            let validations = plan.validations as f64;
            let left = validations * steps_left as f64 / plan.steps.max(1) as f64;
            let (whole, left) = (seconds(plan.steps, validations), seconds(steps_left, left));
            (plan.seconds, plan.seconds_left) = (Some(whole), Some(left));
        }
        plan
    }
}

fn forward_flops_per_token(stage: &Stage, sequence_length: usize) -> f64 {
    FlopParts::per_token(&stage.model, sequence_length, &stage.trainable).forward
}

/// Nothing stops between the steps of a learning and those of its stage that could be gone on from.
fn steps_left(start: &PlannedStart, index: usize, [learning, own]: [u64; 2], batch_tokens: u64) -> u64 {
    let steps = own.saturating_add(learning);
    match start.standing() {
        None => steps,
        Some((position, _)) if index < position.stage => 0,
        Some((position, _)) if index > position.stage => steps,
        Some((position, _)) => own.saturating_sub(position.stage_tokens.div_ceil(batch_tokens)),
    }
}

/// Steps of a stage that end beyond a multiple of an interval, which is counted over the whole run.
struct Crossings {
    /// The stage's last step included, whether it does or not.
    with_the_last_step: u64,
    /// The last step left out.
    without_the_last_step: u64,
}

fn crossings(first_token: u64, steps: u64, batch_tokens: u64, interval: u64) -> Crossings {
    if steps == 0 {
        return Crossings { with_the_last_step: 0, without_the_last_step: 0 };
    }
    let before_the_last = first_token.saturating_add((steps - 1).saturating_mul(batch_tokens));
    let without_the_last_step = if interval <= batch_tokens {
        steps - 1
    } else {
        before_the_last / interval - first_token / interval
    };
    Crossings { with_the_last_step: without_the_last_step + 1, without_the_last_step }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_are_those_that_a_loop_meets() {
        for (first_step, steps) in (0..20_u64).flat_map(|first| (1..25).map(move |steps| (first, steps))) {
            for (batch_tokens, interval) in
                [(1, 1), (1, 7), (3, 2), (7, 7), (7, 20), (10, 25), (32, 31), (32, 300)]
            {
                let first_token = first_step * batch_tokens;
                let crosses = |step: &u64| {
                    let before = first_token + step * batch_tokens;
                    before / interval < (before + batch_tokens) / interval
                };
                let met = (0..steps - 1).filter(crosses).count() as u64;
                let found = crossings(first_token, steps, batch_tokens, interval);
                let case = (first_step, steps, batch_tokens, interval);
                assert_eq!(found.without_the_last_step, met, "{case:?}");
                assert_eq!(found.with_the_last_step, met + 1, "{case:?}");
            }
        }
    }
}
