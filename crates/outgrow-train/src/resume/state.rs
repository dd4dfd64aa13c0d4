//! `training/state.json`: what a checkpoint remembers of its run, and where the run had come to. What may differ from
//! it is decided by the rules.

use std::{collections::BTreeMap, fs, path::Path};

use outgrow_checkpoint::TrainingCost;
use outgrow_schedules::{LossPoint, Schedule};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    base::BaseRecord, error::TrainError, position::Position, resume::layout::STATE_FILE,
    settings::TrainSettings, training::Training,
};

const FORMAT: u32 = 1;
/// `training/state.json`. What is optional was not recorded by earlier versions: there it is unknown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    pub format: u32,
    pub position: Position,
    pub seed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initialization: Option<String>,
    /// `None` where the first weights were drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    pub schedule: Schedule,
    pub settings: TrainSettings,
    /// What `samples` of the position count: all that decides which tokens a sample holds.
    pub data: Value,
    /// Of the training shards, and so of the validation shards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer_sha256: Option<String>,
    /// Over the sums of the validation shards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_sha256: Option<String>,
    pub optimizer_steps: BTreeMap<String, u64>,
    /// Those of the current stage, where its end depends on them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validations: Vec<LossPoint>,
}

/// The part that tells whether the rest can be read.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl State {
    /// The state of a run at a position.
    pub(crate) fn of(
        training: &Training<'_>,
        position: Position,
        optimizer_steps: BTreeMap<String, u64>,
    ) -> Self {
        let (batches, manifest) = (&training.training, training.training.shards().manifest());
        let sums: Vec<_> = manifest.shards.iter().map(|shard| &shard.sha256).collect();
        Self {
            format: FORMAT,
            position,
            seed: training.seed,
            initialization: Some(training.initialization.to_string()),
            base: training.base.map(|base| base.record.clone()),
            device: Some(training.device.to_string()),
            schedule: training.schedule.clone(),
            settings: training.settings.clone(),
            data: json!({
                "sequence_length": batches.sequence_length(), "order": batches.order(), "shards": sums,
            }),
            tokenizer_sha256: Some(manifest.tokenizer.sha256.clone()),
            validation_sha256: Some(training.validation.shards().manifest().shards_sha256()),
            optimizer_steps,
            validations: Vec::new(),
        }
    }

    /// Reads that of a checkpoint.
    pub(crate) fn read(checkpoint: &Path) -> Result<Self, TrainError> {
        let file = checkpoint.join(STATE_FILE);
        let text =
            fs::read_to_string(&file).map_err(|source| TrainError::Io { path: file.clone(), source })?;
        let unreadable = |problem: serde_json::Error| state_error(&file, problem.to_string());
        let FormatOnly { format } = serde_json::from_str(&text).map_err(unreadable)?;
        if format != FORMAT {
            return Err(state_error(&file, format!("format is {format}, this build reads format {FORMAT}")));
        }
        serde_json::from_str(&text).map_err(unreadable)
    }

    /// What was spent on its model, that of a base included.
    pub(crate) fn cost(&self) -> TrainingCost {
        let Position { tokens, flops, flops_6nt, .. } = self.position;
        let of_run = TrainingCost { tokens: Some(tokens), flops: Some(flops), flops_6nt: Some(flops_6nt) };
        of_run.plus(self.base.as_ref().map_or(TrainingCost::NOTHING, |base| base.cost))
    }

    pub(crate) fn to_text(&self) -> Result<String, TrainError> {
        serde_json::to_string_pretty(self)
            .map_err(|problem| state_error(Path::new(STATE_FILE), problem.to_string()))
    }
}

fn state_error(file: &Path, problem: String) -> TrainError {
    TrainError::State { file: file.to_owned(), problem }
}
