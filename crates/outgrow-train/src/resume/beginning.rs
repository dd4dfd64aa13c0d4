//! In what the beginning of a run differs from what another run has done: all that decided the other's numbers until
//! its checkpoint. What comes later may be anything. What a run has to make up for there is the branch point's to say.

use outgrow_schedules::Stage;
use serde_json::Value;

use crate::{
    resume::{
        comparison::{Comparison, compare_models, compare_states, json},
        rules::Field,
        state::State,
    },
    training::Training,
};

/// Compares the beginning of a run with the state of the checkpoint that it would branch off from. Stages may have
/// other names, and learning rates may be written otherwise: their values at each step count.
pub(crate) fn compare_beginnings(saved: &State, training: &Training<'_>) -> Comparison {
    let now = State::of(training, saved.position, saved.optimizer_steps.clone());
    let begun = &saved.schedule.stages()[..=saved.position.stage];
    compare_states(saved, &now, begun, |all| {
        let stages = now.schedule.stages();
        if stages.len() < begun.len() {
            let names = |stages: &[Stage]| {
                stages.iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>().join(", ")
            };
            all.add(Field::Stages, "schedule: stages", names(begun), names(stages));
        }
        // Steps of another size can't be compared, and are said to be of another size.
        let of_saved = saved.data["sequence_length"]
            .as_u64()
            .map(|length| length * saved.settings.batch_sequences as u64);
        let step_tokens = Some(step_tokens(training)).filter(|step_tokens| of_saved == Some(*step_tokens));
        for (index, (saved_stage, stage)) in begun.iter().zip(stages).enumerate() {
            let tokens = (index == saved.position.stage).then_some(saved.position.stage_tokens);
            BegunStage { saved: saved_stage, now: stage, is_only: stages.len() == 1, tokens, step_tokens }
                .compare(all);
        }
    })
}

/// Tokens of a step.
pub(super) fn step_tokens(training: &Training<'_>) -> u64 {
    (training.settings.batch_sequences * training.training.sequence_length()) as u64
}

/// What a message calls the learning rate of a step.
pub fn rate_after(stage: &str, is_only: bool, stage_tokens: u64) -> String {
    part_of(stage, is_only, &format!("learning rate after {stage_tokens} tokens"))
}

fn part_of(stage: &str, is_only: bool, what: &str) -> String {
    if is_only { format!("schedule: {what}") } else { format!("stage \"{stage}\": {what}") }
}

/// A stage that the other run has begun, and what it is here.
struct BegunStage<'a> {
    saved: &'a Stage,
    now: &'a Stage,
    is_only: bool,
    /// How far the other has come; `None` where it is behind.
    tokens: Option<u64>,
    /// Tokens of a step, where both have the same.
    step_tokens: Option<u64>,
}

impl BegunStage<'_> {
    fn compare(&self, all: &mut Comparison) {
        // Every field is named once, so that a new one has to be thought of before this compiles.
        let Stage { name: _, model, tokens, ends_at, trainable, enter, at_growth, learning_rate: _ } =
            self.saved;
        let now = self.now;
        let of_stage = |what: &str| part_of(&now.name, self.is_only, what);
        compare_models(all, &of_stage(""), model, &now.model);
        match self.tokens {
            None => all.add(Field::Stages, &of_stage("tokens"), *tokens, now.tokens),
            // A stage ends with the first step that reaches its tokens.
            Some(reached)
                if self.step_tokens.is_some_and(|step| reached >= now.tokens.saturating_add(step)) =>
            {
                all.add(Field::Stages, &of_stage("tokens"), format!("{reached} so far"), now.tokens);
            }
            Some(_) => {}
        }
        all.add(Field::Stages, &of_stage("ends_at"), json(ends_at), json(&now.ends_at));
        all.add(Field::Stages, &of_stage("trainable"), json(trainable), json(&now.trainable));
        all.add(Field::Stages, &of_stage("enter"), json(enter), json(&now.enter));
        all.add(Field::Stages, &of_stage("at_growth"), json(at_growth), json(&now.at_growth));
        self.compare_rates(all);
    }

    /// The first step that had another rate is named.
    fn compare_rates(&self, all: &mut Comparison) {
        let step_tokens = self.step_tokens.filter(|_| self.saved.learning_rate != self.now.learning_rate);
        let Some(step_tokens) = step_tokens else { return };
        let reached = self.tokens.unwrap_or(self.saved.tokens);
        let rates = |stage: &Stage, tokens: u64| {
            [Some(stage.learning_rate.at(tokens)), stage.new_learning_rate(tokens)].map(Value::from)
        };
        let steps = (1..=reached.div_ceil(step_tokens.max(1))).map(|step| step * step_tokens);
        let first = steps.map(|tokens| (tokens, rates(self.saved, tokens), rates(self.now, tokens)));
        if let Some((tokens, [saved, saved_new], [now, now_new])) =
            first.into_iter().find(|(_, saved, now)| saved != now)
        {
            let what = rate_after(&self.now.name, self.is_only, tokens);
            all.add(Field::Stages, &what, saved, now);
            all.add(Field::Stages, &format!("{what}, of new parameters"), saved_new, now_new);
        }
    }
}
