//! A recipe: one TOML file that says what a run is. Here are its fields; run/resolve.rs turns it into what is run.
//!
//! Unknown keys are refused: a misspelt key that is silently a default has spoilt many a run.

mod model;
mod reading;
mod key_path;

use std::path::PathBuf;

use outgrow_operators::{Growth, Width};
use outgrow_schedules::{AtGrowth, LearningRateCurve, LossSlope, Trainable};
use outgrow_train::OptimizerSettings;
use serde::{Deserialize, Serialize};

use crate::machine::compute::MatrixDtype;

pub use model::{BaseRecipe, ModelRecipe, ModelSizes};

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

/// `[schedule]`: the stages, by the name of a method or one by one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ScheduleRecipe {
    /// The final model from the start, or a base trained on as it is.
    Scratch {
        /// Length.
        tokens: u64,
        /// Learning rate.
        learning_rate: LearningRateCurve,
    },
    /// Train a `factor`-th of the layers, stack, train on (arXiv 2405.15319).
    GStack {
        /// How many times the base is stacked.
        factor: usize,
        /// Length of the base's training; with `model.from` that of its further training, which may be 0.
        base_tokens: u64,
        /// Its learning rate; without a meaning where `base_tokens` is 0.
        #[serde(skip_serializing_if = "Option::is_none")]
        base_learning_rate: Option<LearningRateCurve>,
        /// Length of the training after growth; or give `scratch_tokens`.
        grown_tokens: Option<u64>,
        /// Spend what training from scratch would spend on so many tokens, the base included.
        scratch_tokens: Option<u64>,
        /// The learning rate after growth.
        grown_learning_rate: LearningRateCurve,
    },
    /// Add layers on top, train only those, at last all (arXiv 2011.13635).
    Stacking2 {
        /// Layers of the growing stages, rising to the final model's; with `model.from` they begin with the base's.
        layer_counts: Vec<usize>,
        /// Length of the first stage; by default `stage_tokens`. With `model.from` it has to be given, and may be 0.
        #[serde(skip_serializing_if = "Option::is_none")]
        base_tokens: Option<u64>,
        /// Length of each growing stage.
        stage_tokens: u64,
        /// Learning rate of each growing stage.
        stage_learning_rate: LearningRateCurve,
        /// Length of the last, joint stage; or give `scratch_tokens`.
        joint_tokens: Option<u64>,
        /// Spend what training from scratch would spend on so many tokens, the growing stages included.
        scratch_tokens: Option<u64>,
        /// Learning rate of the joint stage.
        joint_learning_rate: LearningRateCurve,
    },
    /// Any stages, one by one.
    Stages {
        /// In order; the last one's model must be `[model]`. With `model.from` the first one begins with the base.
        stages: Vec<StageRecipe>,
    },
}

/// One of `[[schedule.stages]]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRecipe {
    /// Unique among the stages.
    pub name: String,
    /// Layers of the first stage's model; later stages have what growth makes of them. Not with `model.from`.
    pub num_hidden_layers: Option<usize>,
    /// Sizes of the first stage's model, where it is narrower than the final one: `{ hidden_size = 64, … }`.
    #[serde(default)]
    pub width: Width,
    /// The growth that begins the stage.
    pub enter: Option<Growth>,
    /// What is chosen at the moment of that growth: `moments` (`reset`, the default, `copy`, `keep-old` or `scaled`),
    /// `noise` (`{ amount = 0.2 }`; none by default), `mask` (`{ tokens = N }`, over which what is new is let in, with
    /// `order`: `together`, the default, or `one-after-another`; none by default, and fresh parts need one), `data`
    /// (`continue`, the default, or `replay`) and `learning_rate` (`restart`, the default, `keep` or `rewarm`).
    #[serde(default, skip_serializing_if = "AtGrowth::is_default")]
    pub at_growth: AtGrowth,
    /// What is trained: `"all"` (the default) or `{ top = { layers = N } }`.
    #[serde(default)]
    pub trainable: Trainable,
    /// Length; where `ends_at` is given, at most.
    pub tokens: u64,
    /// Ends the stage earlier, where the slope of its validation loss over FLOPs has come up to this:
    /// `{ slope = -0.0575, validations = 5 }` (arXiv 2203.06211).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<LossSlope>,
    /// Learning rate; left out where `at_growth.learning_rate = "keep"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<LearningRateCurve>,
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

impl ScheduleRecipe {
    /// The method's name as in `method = "…"`.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Scratch { .. } => "scratch",
            Self::GStack { .. } => "g-stack",
            Self::Stacking2 { .. } => "stacking2",
            Self::Stages { .. } => "stages",
        }
    }
}
