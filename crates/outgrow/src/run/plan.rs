//! What a run will do and cost, as one value: stages, learning rates, FLOPs, memory, disk, time. `train --plan` prints
//! it, and a run introduces itself with it.
//!
//! It is worked out from a checked recipe, the sizes of the data and a measured speed; it opens no file and measures
//! nothing itself. docs/PLANNING.md has the fields of its JSON and the formulas.

mod facts;
mod learning_rate;
mod memory;
mod stage;
mod disk;
pub(crate) mod text;
#[cfg(test)]
mod tests;

use outgrow_kernels::{Precision, num_threads};
use outgrow_train::{BaseRecord, Speed};
use serde::Serialize;

pub(crate) use self::facts::PlannedStart;
use self::{
    disk::DiskPlan,
    facts::{DataPlan, Facts},
    memory::MemoryPlan,
    stage::StagePlan,
};
use crate::{run::resolve::ResolvedRecipe, terminal::progress::training::StageCost};

/// The version of the JSON.
pub(crate) const FORMAT: u32 = 1;

/// What a run will do and cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct RunPlan {
    format: u32,
    name: String,
    method: &'static str,
    seed: u64,
    device: String,
    dtype: Precision,
    threads: Option<usize>,
    start: PlannedStart,
    /// The model that the first stage begins with, and what that has cost; `null` where weights are drawn.
    base: Option<BaseRecord>,
    batch_sequences: usize,
    micro_batch_sequences: usize,
    batch_tokens: u64,
    data: DataPlan,
    /// How often the training data is read.
    epochs: f64,
    stages: Vec<StagePlan>,
    /// Of all stages.
    steps: u64,
    tokens: u64,
    flops: f64,
    /// Of which Muon's.
    #[serde(skip_serializing_if = "Option::is_none")]
    orthogonalization_flops: Option<f64>,
    flops_6nt: f64,
    /// Of all stages, and of what is left of them; `null` where no speed was measured.
    seconds: Option<f64>,
    seconds_left: Option<f64>,
    memory: MemoryPlan,
    disk: DiskPlan,
    /// What was measured for the time, once for each width.
    speeds: Vec<Speed>,
}

impl RunPlan {
    /// The plan of a recipe that has been checked, with the speed of each stage where that was measured.
    pub(crate) fn of(resolved: &ResolvedRecipe, start: PlannedStart, speeds: Vec<Speed>) -> Self {
        let ResolvedRecipe {
            recipe, schedule, settings, training, validation, tokenizer, compute, base, ..
        } = resolved;
        let data = DataPlan {
            sequence_length: training.sequence_length(),
            training_tokens: training.shards().num_tokens(),
            training_sequences: training.num_samples(),
            validation_sequences: validation.num_samples(),
        };
        let (device, precision) = (compute.device, compute.precision);
        let threads = num_threads(device);
        let side_file_bytes = tokenizer.files.iter().map(|file| file.bytes.len() as u64).sum();
        Self::new(&Facts {
            recipe,
            schedule,
            settings,
            data,
            device,
            precision,
            threads,
            side_file_bytes,
            start,
            base: base.as_ref().map(|base| base.record.clone()),
            speeds,
        })
    }

    /// Works it out.
    fn new(facts: &Facts<'_>) -> Self {
        let Facts { recipe, settings, data, .. } = facts;
        let mut stages: Vec<StagePlan> = Vec::new();
        for index in 0..facts.schedule.stages().len() {
            let stage = StagePlan::new(facts, index, stages.last());
            stages.push(stage);
        }
        let sum = |of: fn(&StagePlan) -> f64| stages.iter().map(of).sum::<f64>();
        let seconds = |of: fn(&StagePlan) -> Option<f64>| stages.iter().map(of).sum::<Option<f64>>();
        let tokens = stages.iter().map(|stage| stage.tokens).fold(0, u64::saturating_add);
        let mut speeds = facts.speeds.clone();
        speeds.dedup();
        let epoch_tokens = data.training_sequences * data.sequence_length as u64;
        Self {
            format: FORMAT,
            name: recipe.name.clone(),
            method: recipe.schedule.method(),
            seed: recipe.seed,
            device: facts.device.to_string(),
            dtype: facts.precision,
            threads: facts.threads,
            start: facts.start.clone(),
            base: facts.base.clone(),
            batch_sequences: settings.batch_sequences,
            micro_batch_sequences: settings.micro_batch_sequences,
            batch_tokens: facts.batch_tokens(),
            data: *data,
            epochs: tokens as f64 / epoch_tokens as f64,
            steps: stages.iter().map(|stage| stage.steps).fold(0, u64::saturating_add),
            tokens,
            flops: sum(|stage| stage.flops),
            orthogonalization_flops: stages.iter().map(|stage| stage.orthogonalization_flops).sum(),
            flops_6nt: sum(|stage| stage.flops_6nt),
            seconds: seconds(|stage| stage.seconds),
            seconds_left: seconds(|stage| stage.seconds_left),
            memory: MemoryPlan::new(facts),
            disk: DiskPlan::new(facts, &stages),
            stages,
            speeds,
        }
    }

    /// Optimizer steps of the whole run.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// FLOPs of the whole run, by the exact convention.
    pub(crate) fn flops(&self) -> f64 {
        self.flops
    }

    /// Seconds of the whole run; `None` where no speed was measured.
    pub(crate) fn seconds(&self) -> Option<f64> {
        self.seconds
    }

    /// FLOPs of one of its stages.
    pub(crate) fn flops_of_stage(&self, index: usize) -> f64 {
        self.stages.get(index).map_or(0.0, |stage| stage.flops)
    }

    /// What each stage costs, without what is learned before it.
    pub(crate) fn stage_costs(&self) -> Vec<StageCost> {
        self.stages.iter().map(|stage| stage.own_cost).collect()
    }

    /// The same as JSON.
    ///
    /// # Errors
    /// Never; serde's signature.
    pub(crate) fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}
