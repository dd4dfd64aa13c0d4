//! A recipe: one TOML file that says what a run is. Here are its fields; run/resolve.rs turns it into what is run.
//!
//! Unknown keys are refused: a misspelt key that is silently a default has spoilt many a run.

mod model;
mod schedule;
mod setting;
mod reading;
mod key_path;
mod words;
pub(crate) mod commented;
pub(crate) mod keys;

use std::path::PathBuf;

use outgrow_train::OptimizerSettings;
use serde::{Deserialize, Serialize};

use crate::machine::compute::MatrixDtype;

pub use model::{BaseRecipe, ModelRecipe, ModelSizes};
pub(crate) use reading::draws_its_base;
pub use schedule::{
    BlocksRecipe, GStackRecipe, GradualRecipe, LateRecipe, LearnedRecipe, LlamaProRecipe, RandomMaskRecipe,
    RecycleRecipe, ScheduleRecipe, StackbertRecipe, Stacking2Recipe, StageRecipe, StagedRecipe,
    StagedTrainingRecipe,
};
pub(crate) use setting::Setting;

/// A whole recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The run's name, in reports.
    pub name: String,
    /// Seeds the first weights and, unless `data.order_seed` is given, the data order.
    pub seed: u64,
    /// `cpu` (the default), `wgpu`, `cuda` or `cuda:1`.
    pub device: Option<String>,
    /// `f32` (the default), `bf16` or `bf16-emulated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dtype: Option<MatrixDtype>,
    /// The final model, or the folder that the run begins with.
    pub model: ModelRecipe,
    /// What it reads.
    pub data: DataRecipe,
    /// How it is trained, in stages.
    pub schedule: ScheduleRecipe,
    /// Steps, optimizer, intervals.
    pub training: TrainingRecipe,
    /// Benchmarks at intervals; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<EvaluationRecipe>,
}

/// `[data]`: folders made by `outgrow data prepare`, relative to the recipe's folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRecipe {
    /// Training shards.
    pub training: PathBuf,
    /// Held-out shards.
    pub validation: PathBuf,
    /// Tokens in a sequence.
    pub sequence_length: usize,
    /// Seed of the data order; by default the recipe's seed.
    pub order_seed: Option<u64>,
}

/// `[training]`: steps, optimizer, intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecipe {
    /// Sequences in a step.
    pub batch_sequences: usize,
    /// Sequences in one pass; by default `batch_sequences`.
    pub micro_batch_sequences: Option<usize>,
    /// `[training.optimizer]`, with `[training.optimizer.muon]` or without.
    #[serde(default)]
    pub optimizer: OptimizerSettings,
    /// Tokens between validations.
    pub validation_interval_tokens: u64,
    /// Sequences that a validation reads.
    pub validation_sequences: usize,
    /// Tokens between checkpoints; by default only at the end of stages and on stopping.
    pub checkpoint_interval_tokens: Option<u64>,
    /// Checkpoints that stay; by default 2.
    pub checkpoints_kept: Option<usize>,
}

/// `[evaluation]`: benchmarks while training, as `outgrow eval` scores them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationRecipe {
    /// Tasks and groups of tasks.
    pub tasks: Vec<String>,
    /// The folder with their documents, relative to the recipe's folder.
    pub data: PathBuf,
    /// Tokens between evaluations; each is at the next validation, and one is at the end of the last stage.
    pub interval_tokens: u64,
    /// Only the first documents of each task: so many, or below 1 such a part; by default all.
    pub limit: Option<f64>,
    /// Examples in each prompt; by default none.
    pub num_fewshot: Option<usize>,
}
