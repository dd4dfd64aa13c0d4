//! A run as stages that fit each other: the model of each stage is what its growth makes of the one before. Checked once, here.

mod table;

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::{Preservation, plan, plan_moments};
use serde::{Deserialize, Serialize};

use crate::{
    error::ScheduleError,
    flops::{FlopConvention, flops_per_token},
    learning_rate::LearningRate,
    stage::Stage,
};

/// Stages that fit each other, at least one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedSchedule")]
pub struct Schedule {
    stages: Vec<Stage>,
}

/// What is read before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedSchedule {
    stages: Vec<Stage>,
}

impl TryFrom<UncheckedSchedule> for Schedule {
    type Error = ScheduleError;

    fn try_from(unchecked: UncheckedSchedule) -> Result<Self, ScheduleError> {
        Self::new(unchecked.stages)
    }
}

impl Schedule {
    /// Checks every stage, and every pair of neighbours by planning the growth between them.
    ///
    /// # Errors
    /// No stages, or everything that is wrong with them: see [`Stage::validate`]; a name that is used twice; a growth that can't
    /// be planned; a model that isn't what comes out of the stage before.
    pub fn new(stages: Vec<Stage>) -> Result<Self, ScheduleError> {
        if stages.is_empty() {
            return Err(ScheduleError::NoStages);
        }
        let mut problems = Vec::new();
        for (index, stage) in stages.iter().enumerate() {
            match stage.validate() {
                Ok(()) => {}
                Err(ScheduleError::Several(several)) => problems.extend(several),
                Err(problem) => problems.push(problem),
            }
            if let Some(first) = stages[..index].iter().position(|other| other.name == stage.name) {
                let problem = ScheduleError::SameName { first: first + 1, second: index + 1 };
                problems.push(problem.in_stage(&stage.name));
            }
            let previous = index.checked_sub(1).map(|index| &stages[index]);
            if let Err(problem) = check_entry(previous, stage) {
                problems.push(problem.in_stage(&stage.name));
            }
        }
        ScheduleError::from_problems(problems)?;
        Ok(Self { stages })
    }

    /// The stages in order.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The model at the end.
    pub fn model(&self) -> &LlamaConfig {
        &self.stages[self.stages.len() - 1].model
    }

    /// Tokens of all stages.
    pub fn tokens(&self) -> u64 {
        self.stages.iter().map(|stage| stage.tokens).sum()
    }

    /// Tokens of the stages before the stage with this index.
    pub fn tokens_before(&self, stage: usize) -> u64 {
        self.stages.iter().take(stage).map(|stage| stage.tokens).sum()
    }

    /// FLOPs of all stages by a convention, in sequences of `sequence_length` tokens.
    pub fn flops(&self, convention: FlopConvention, sequence_length: usize) -> f64 {
        self.stages
            .iter()
            .map(|stage| {
                stage.tokens as f64
                    * flops_per_token(convention, &stage.model, sequence_length, &stage.trainable)
            })
            .sum()
    }

    /// The same stages with one learning rate over the whole run, that doesn't restart at a growth.
    ///
    /// # Errors
    /// A learning rate that isn't one.
    pub fn with_continued_learning_rate(
        mut self,
        learning_rate: LearningRate,
    ) -> Result<Self, ScheduleError> {
        learning_rate.validate()?;
        let mut earlier = 0;
        for stage in &mut self.stages {
            stage.learning_rate = learning_rate.continued_after(earlier);
            earlier += stage.tokens;
        }
        Ok(self)
    }
}

/// Whether the stage's model is what its growth makes of the stage before.
fn check_entry(previous: Option<&Stage>, stage: &Stage) -> Result<(), ScheduleError> {
    let (previous, growth) = match (previous, &stage.enter) {
        (None, None) => return Ok(()),
        (None, Some(_)) => return Err(ScheduleError::GrowthOfNothing),
        (Some(previous), growth) => (previous, growth),
    };
    let (how, expected) = match growth {
        Some(growth) => {
            let plan = plan(&previous.model, growth).map_err(ScheduleError::Growth)?;
            if plan.preservation == Preservation::AtMaskZero {
                return Err(ScheduleError::Masked { operator: growth.name() });
            }
            plan_moments(&plan.tensors, stage.moments).map_err(ScheduleError::Growth)?;
            ("grows into", plan.target)
        }
        None => ("ends with", previous.model.clone()),
    };
    if stage.model == expected {
        return Ok(());
    }
    let differences = differences(&stage.model, &expected);
    Err(ScheduleError::ModelMismatch { previous: previous.name.clone(), how, differences })
}

/// `num_hidden_layers 6, not 8`, for each field that differs.
fn differences(found: &LlamaConfig, expected: &LlamaConfig) -> String {
    let (found, expected) = (found.to_json(), expected.to_json());
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default()
    };
    let mut all = keys(&found);
    all.extend(keys(&expected).into_iter().filter(|key| found.get(key).is_none()));
    let shown = |value: Option<&serde_json::Value>| value.map_or("absent".to_owned(), ToString::to_string);
    all.iter()
        .filter(|key| found.get(key.as_str()) != expected.get(key.as_str()))
        .map(|key| format!("{key} {}, not {}", shown(found.get(key)), shown(expected.get(key))))
        .collect::<Vec<_>>()
        .join(", ")
}
