//! A run as stages that fit each other: the model of each stage is what its growth makes of the one before. Checked
//! once, here, by planning each growth and its moments; the plans are kept for whoever trains.

pub(crate) mod beginning;
pub(crate) mod builder;
pub(crate) mod growth;
mod table;

use std::{path::PathBuf, sync::Arc};

use outgrow_checkpoint::{LlamaConfig, with_causes};
use outgrow_operators::{
    Growth, GrowthError, GrowthPlan,
    growth::{LearnedMatrices, MatricesFile},
};
use serde::{Deserialize, Serialize};

use crate::{
    error::ScheduleError,
    flops::FlopConvention,
    learning_rate::{LearningRate, at_growth::RateAtGrowth, error::RateError},
    schedule::{beginning::Beginning, growth::PlannedGrowth},
    stage::Stage,
};

/// Stages that fit each other, at least one, with the plans of the growths between them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "UncheckedSchedule")]
pub struct Schedule {
    #[serde(skip_serializing_if = "Beginning::is_fresh")]
    beginning: Beginning,
    stages: Vec<Stage>,
    /// For each stage the plan of the growth that it begins with.
    #[serde(skip)]
    growths: Vec<Option<Arc<PlannedGrowth>>>,
}

/// What is read before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UncheckedSchedule {
    #[serde(default)]
    beginning: Beginning,
    stages: Vec<Stage>,
}

impl TryFrom<UncheckedSchedule> for Schedule {
    /// The whole line: whoever reads a file shows no more than the error's own words.
    type Error = String;

    fn try_from(unchecked: UncheckedSchedule) -> Result<Self, String> {
        // Of a learned growth's matrices, only the path is written.
        let read = |stage: Stage| -> Result<Stage, ScheduleError> {
            let enter = stage.enter.map(Growth::read_matrices).transpose().map_err(ScheduleError::Growth)?;
            Ok(Stage { enter, ..stage })
        };
        let stages = unchecked.stages.into_iter().map(read).collect::<Result<_, _>>();
        let checked = stages.and_then(|stages| Self::beginning_with(unchecked.beginning, stages));
        checked.map_err(|error| with_causes(&error))
    }
}

/// The growths' plans follow from the stages.
impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        (self.beginning, &self.stages) == (other.beginning, &other.stages)
    }
}

impl Schedule {
    /// Checks every stage, and every pair of neighbours by planning the growth between them. Where only the first model
    /// is known, a [`ScheduleBuilder`](crate::ScheduleBuilder) gives the others.
    ///
    /// # Errors
    /// No stages, or everything that is wrong with them: an empty name or one that is used twice; no tokens; a learning
    /// rate that isn't one; more trainable layers than there are; a growth that can't be planned; a model that isn't
    /// what comes out of the stage before.
    pub fn new(stages: Vec<Stage>) -> Result<Self, ScheduleError> {
        Self::beginning_with(Beginning::Fresh, stages)
    }

    /// The same stages, where the first one's model has weights already. Then the first stage may have no tokens, if
    /// another one follows: the base grows at once.
    ///
    /// # Errors
    /// As [`Schedule::new`].
    pub fn from_base(stages: Vec<Stage>) -> Result<Self, ScheduleError> {
        Self::beginning_with(Beginning::Base, stages)
    }

    fn beginning_with(beginning: Beginning, stages: Vec<Stage>) -> Result<Self, ScheduleError> {
        let later = stages.iter().skip(1).zip(&stages);
        let planned = later.map(|(stage, before)| stage.planned_growth(&before.model));
        let planned = std::iter::once(Ok(None)).chain(planned).collect();
        Self::checked(beginning, stages, planned)
    }

    /// Checks stages whose growths have been planned, each from the model before.
    fn checked(
        beginning: Beginning,
        mut stages: Vec<Stage>,
        planned: Vec<Result<Option<GrowthPlan>, GrowthError>>,
    ) -> Result<Self, ScheduleError> {
        if stages.is_empty() {
            return Err(ScheduleError::NoStages);
        }
        let grows_at_once = beginning == Beginning::Base && stages.len() > 1 && stages[0].tokens == 0;
        if grows_at_once {
            // One way to say it, so that two schedules that train alike are equal.
            stages[0].learning_rate = LearningRate::NONE;
        }
        let (mut problems, mut growths) = (Vec::new(), Vec::with_capacity(stages.len()));
        for ((index, stage), planned) in stages.iter().enumerate().zip(planned) {
            problems.extend(stage.problems(grows_at_once && index == 0));
            if let Some(first) = stages[..index].iter().position(|other| other.name == stage.name) {
                let problem = ScheduleError::SameName { first: first + 1, second: index + 1 };
                problems.push(problem.in_stage(&stage.name));
            }
            let previous = index.checked_sub(1).map(|index| &stages[index]);
            if index + 1 == stages.len() && stage.ends_at.is_some() {
                problems.push(ScheduleError::LastStageEnds.in_stage(&stage.name));
            }
            if let Some(previous) = previous {
                if previous.ends_at.is_some() && stage.at_growth.learning_rate != RateAtGrowth::Restart {
                    problems.push(RateError::UnknownRate.in_stage(&stage.name));
                }
                let (rate, choice) = (&stage.learning_rate, stage.at_growth.learning_rate);
                let problem = choice.check(previous.rate_before_next(), rate).err();
                problems.extend(problem.map(|problem| problem.in_stage(&stage.name)));
            }
            match checked_entry(previous, stage, planned) {
                Ok(growth) => growths.push(growth.map(Arc::new)),
                Err(problem) => problems.push(problem.in_stage(&stage.name)),
            }
        }
        ScheduleError::from_problems(problems)?;
        Ok(Self { beginning, stages, growths })
    }

    /// What the first stage's model begins with.
    pub fn beginning(&self) -> Beginning {
        self.beginning
    }

    /// The stages in order.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The growth that the stage with this index begins with, planned; `None` where the model goes on as it is.
    pub fn growth(&self, stage: usize) -> Option<&PlannedGrowth> {
        self.growths.get(stage)?.as_deref()
    }

    /// The model at the end.
    pub fn model(&self) -> &LlamaConfig {
        &self.stages[self.stages.len() - 1].model
    }

    /// The same of a learned growth, by matrices that were learned.
    ///
    /// # Errors
    /// Matrices that don't fit the models.
    pub fn growth_by(
        &self,
        stage: usize,
        matrices: LearnedMatrices,
    ) -> Result<Option<PlannedGrowth>, ScheduleError> {
        let (Some(before), Some(stage)) =
            (stage.checked_sub(1).and_then(|before| self.stages.get(before)), self.stages.get(stage))
        else {
            return Ok(None);
        };
        let Some(Growth::Learned { depth, width, seed, .. }) = stage.enter.clone() else { return Ok(None) };
        let matrices = Some(MatricesFile::holding(PathBuf::new(), matrices));
        let growth = Growth::Learned { depth, width, matrices, seed };
        let plan = GrowthPlan::new(&before.model, &stage.at_growth.growths(&growth))
            .map_err(ScheduleError::Growth)?;
        PlannedGrowth::new(stage, plan).map(Some)
    }

    /// Tokens of all stages, those that matrices are learned on included.
    pub fn tokens(&self) -> u64 {
        self.stages.iter().map(|stage| stage.tokens + stage.learning_tokens()).sum()
    }

    /// FLOPs of all stages by a convention, in sequences of `sequence_length` tokens.
    pub fn flops(&self, convention: FlopConvention, sequence_length: usize) -> f64 {
        self.stages.iter().map(|stage| stage.flops(convention, sequence_length)).sum()
    }

    /// The same stages with one learning rate over the whole run, that doesn't restart at a growth.
    ///
    /// # Errors
    /// A learning rate that isn't one.
    pub fn with_continued_learning_rate(
        mut self,
        learning_rate: LearningRate,
    ) -> Result<Self, ScheduleError> {
        let problems = learning_rate.problems().into_iter().map(ScheduleError::from);
        ScheduleError::from_problems(problems.collect())?;
        let mut earlier = 0;
        for stage in &mut self.stages {
            stage.learning_rate = learning_rate.continued_after(earlier);
            earlier += stage.tokens;
        }
        Ok(self)
    }
}

/// The growth that a stage begins with, if it makes the stage's model of that of the stage before.
fn checked_entry(
    previous: Option<&Stage>,
    stage: &Stage,
    planned: Result<Option<GrowthPlan>, GrowthError>,
) -> Result<Option<PlannedGrowth>, ScheduleError> {
    let previous = match (previous, &stage.enter) {
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(ScheduleError::GrowthOfNothing),
        (Some(previous), _) => previous,
    };
    let plan = planned.map_err(ScheduleError::Growth)?;
    let growth = plan.map(|plan| PlannedGrowth::new(stage, plan)).transpose()?;
    let parameters = previous.model.num_parameters();
    if let Some(grown) = growth.as_ref().map(|growth| growth.plan().target().num_parameters())
        && grown < parameters
    {
        return Err(ScheduleError::Shrinks { parameters, grown });
    }
    let (how, expected) = match &growth {
        Some(growth) => ("grows into", growth.plan().target()),
        None => ("ends with", &previous.model),
    };
    if stage.model == *expected {
        return Ok(growth);
    }
    let differences = differences(&stage.model, expected);
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
