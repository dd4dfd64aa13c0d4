//! The learning that a stage's growth begins with, as a part of a run: what it costs is the run's, and the run's folder
//! has the matrices. How they are learned is the learner's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use burn::tensor::Device;
use outgrow_checkpoint::{LlamaConfig, NamedTensors, TrainingCost, write_tensors};
use outgrow_operators::growth::LearnedMatrices;
use outgrow_schedules::{PlannedGrowth, Schedule};

use crate::{
    error::TrainError,
    event::Event,
    learned::{Learned, Learning, LearningStep, data::LearningData, settings::LearningSettings},
    position::Position,
    settings::TrainSettings,
    step::Control,
    training::Training,
};

/// The learning that a stage begins with: steps, and what they cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageLearning {
    /// Steps, as large as the run's.
    pub steps: u64,
    /// Of all of them.
    pub cost: TrainingCost,
    /// The most that weights and gradients take meanwhile: [`learning_bytes`](crate::learning_bytes).
    pub bytes: u64,
}

impl StageLearning {
    /// That of a stage; `None` where nothing is learned before it.
    pub fn of(
        schedule: &Schedule,
        stage: usize,
        settings: &TrainSettings,
        sequence_length: usize,
    ) -> Option<Self> {
        let (source, target) = models(schedule, stage)?;
        let learning = settings_of(schedule, stage, settings, sequence_length)?;
        let initial = initial_of(schedule, stage, source, target).ok()??;
        let cost = learning.cost(source, target, &initial, sequence_length);
        let bytes = super::learning_bytes(source, target, &initial);
        Some(Self { steps: learning.steps, cost, bytes })
    }
}

fn models(schedule: &Schedule, stage: usize) -> Option<(&LlamaConfig, &LlamaConfig)> {
    let stages = schedule.stages();
    Some((&stages.get(stage.checked_sub(1)?)?.model, &stages.get(stage)?.model))
}

fn settings_of(
    schedule: &Schedule,
    stage: usize,
    settings: &TrainSettings,
    sequence_length: usize,
) -> Option<LearningSettings> {
    let learning = schedule.stages().get(stage)?.at_growth.learning?;
    let batch_tokens = (settings.batch_sequences * sequence_length) as u64;
    let steps = learning.tokens.div_ceil(batch_tokens.max(1));
    let usual =
        LearningSettings::new(steps, settings.batch_sequences, sequence_length, learning.learning_rate);
    let TrainSettings { micro_batch_sequences, precision, .. } = *settings;
    Some(LearningSettings { micro_batch_sequences, precision, ..usual })
}

/// The matrices that the growth of a stage begins with.
fn initial_of(
    schedule: &Schedule,
    stage: usize,
    source: &LlamaConfig,
    target: &LlamaConfig,
) -> Result<Option<LearnedMatrices>, TrainError> {
    let Some(stage) = schedule.stages().get(stage) else { return Ok(None) };
    let growth = stage.enter.as_ref();
    let initial = growth.map(|growth| LearnedMatrices::of_growth(source, target, growth)).transpose()?;
    let all_widths = stage.at_growth.learning.is_some_and(|learning| learning.all_widths);
    let with_all = |initial: LearnedMatrices| {
        if all_widths { initial.with_identities(source, target) } else { initial }
    };
    Ok(initial.flatten().map(with_all))
}

/// How a learning ended.
pub(crate) enum StageEntry {
    /// The growth is as the schedule planned it: nothing was to be learned.
    AsPlanned,
    /// By matrices that were learned.
    Learned(Box<PlannedGrowth>),
    /// The observer stopped it; what was learned until then is lost.
    Stopped,
}

/// Learns the matrices of the growth that the stage of `position` begins with, from the weights of the model before.
/// Steps, tokens, samples and FLOPs go into the position.
///
/// # Errors
/// As [`Learner::learn`](super::Learner::learn); a folder that can't be written.
pub(crate) fn learn_at_growth(
    training: &Training<'_>,
    position: &mut Position,
    tensors: &NamedTensors,
    device: &Device,
    observe: &mut dyn FnMut(&Position, &Event<'_>) -> Control,
) -> Result<StageEntry, TrainError> {
    let (schedule, stage, batches) = (training.schedule, position.stage, &training.training);
    let settings = settings_of(schedule, stage, training.settings, batches.sequence_length());
    let (Some((source, target)), Some(settings)) = (models(schedule, stage), settings) else {
        return Ok(StageEntry::AsPlanned);
    };
    let initial = initial_of(schedule, stage, source, target)?.ok_or(TrainError::NothingToLearn)?;
    let data = LearningData {
        training: batches,
        first_sample: position.next_sample(),
        validation: Some(training.validation),
        validation_sequences: training.settings.validation_sequences,
    };
    let learning = Learning { source, target, data, settings: &settings };
    let cost = learning.cost(&initial);
    let part = |of: Option<f64>| of.unwrap_or_default() / settings.steps as f64;
    let (flops, flops_6nt) = (part(cost.flops), part(cost.flops_6nt));
    match observe(position, &Event::Learning { steps: settings.steps }) {
        Control::Continue => {}
        Control::Stop => return Ok(StageEntry::Stopped),
        Control::Abandon => return Err(TrainError::Abandoned),
    }
    let mut step = |LearningStep { report, .. }: &LearningStep| {
        position.step += 1;
        position.tokens += (settings.batch_sequences * batches.sequence_length()) as u64;
        position.samples += settings.batch_sequences as u64;
        position.flops += flops;
        position.flops_6nt += flops_6nt;
        observe(position, &Event::Step(*report))
    };
    let Some(learned) = learning.with(tensors, device)?.learn(&initial, &mut step)? else {
        return Ok(StageEntry::Stopped);
    };
    write_matrices(&training.folder.join(matrices_file(stage)), &learned)?;
    observe(position, &Event::Learned { learned: &learned });
    let growth = schedule.growth_by(stage, learned.matrices)?;
    Ok(growth.map_or(StageEntry::AsPlanned, |growth| StageEntry::Learned(Box::new(growth))))
}

/// The file in a run's folder with the matrices that a stage's growth was carried out by; stages are counted from 1.
pub(crate) fn matrices_file(stage: usize) -> String {
    format!("matrices-of-stage-{}.safetensors", stage + 1)
}

/// Takes over, from the run that a checkpoint is of, the matrices of growths up to a stage. A run that hasn't kept them
/// gives none: they are a record, and nothing is read from them.
pub(crate) fn copy_matrices(
    checkpoint: &Path,
    training: &Training<'_>,
    stage: usize,
) -> Result<(), TrainError> {
    let run = checkpoint.parent().unwrap_or(Path::new(""));
    for name in (0..=stage).map(matrices_file) {
        let (from, to) = (run.join(&name), training.folder.join(&name));
        if from.is_file() {
            let partial = PathBuf::from(format!("{}.partial", to.display()));
            let copied = fs::copy(&from, &partial).and_then(|_| fs::rename(&partial, &to));
            copied.map_err(|source| TrainError::Io { path: to, source })?;
        }
    }
    Ok(())
}

/// The whole file or none.
fn write_matrices(file: &Path, learned: &Learned) -> Result<(), TrainError> {
    let partial = PathBuf::from(format!("{}.partial", file.display()));
    write_tensors(&partial, &learned.matrices.to_named_tensors())?;
    fs::rename(&partial, file).map_err(|source| TrainError::Io { path: file.to_owned(), source })
}
