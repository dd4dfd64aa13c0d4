//! The settings of each method as `[schedule]` has them: those of outgrow-schedules' constructors, where a length may
//! be a budget in tokens of scratch, and what isn't said has the paper's value.

mod defaults;

use outgrow_operators::{Growth, Operator};
use outgrow_schedules::{AtGrowth, BaseSizes, LearningRateCurve, LossSlope, MaskRamp, MatrixLearning};
use serde::{Deserialize, Serialize};

/// The settings of `g-stack`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GStackRecipe {
    /// How many times the base is stacked; or give `growth`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<usize>,
    /// Any growth, as behind `enter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// Sizes of the base that the growth doesn't say; not with `model.from`.
    #[serde(default, skip_serializing_if = "BaseSizes::is_empty")]
    pub base: BaseSizes,
    /// Length of the base's training; with `model.from` that of its further training, which may be 0.
    pub base_tokens: u64,
    /// Its learning rate; without a meaning where `base_tokens` is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_learning_rate: Option<LearningRateCurve>,
    /// Length of the training after growth; or give `scratch_tokens`.
    pub grown_tokens: Option<u64>,
    /// Spend what training from scratch would spend on so many tokens, the base included.
    pub scratch_tokens: Option<u64>,
    /// The learning rate after growth; left out where `at_growth.learning_rate = "keep"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grown_learning_rate: Option<LearningRateCurve>,
    /// What is chosen at the growth, as in a stage.
    #[serde(default, skip_serializing_if = "AtGrowth::is_default")]
    pub at_growth: AtGrowth,
}

/// The settings of `random-mask`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomMaskRecipe {
    /// The sizes in which the base is smaller: its depth, or its width.
    pub base: BaseSizes,
    /// Length of the base's training.
    pub base_tokens: u64,
    /// Its learning rate.
    pub base_learning_rate: LearningRateCurve,
    /// The tokens over which the mask opens, and in which order.
    pub mask: MaskRamp,
    /// Seeds the fresh weights; 0 by default.
    #[serde(default)]
    pub seed: u64,
    /// Length of the training after growth; or give `scratch_tokens`.
    pub grown_tokens: Option<u64>,
    /// Spend what training from scratch would spend on so many tokens, the base included.
    pub scratch_tokens: Option<u64>,
    /// The learning rate after growth; left out where `at_growth.learning_rate = "keep"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grown_learning_rate: Option<LearningRateCurve>,
    /// What else is chosen at the growth.
    #[serde(default, skip_serializing_if = "AtGrowth::is_default")]
    pub at_growth: AtGrowth,
}

/// The settings of `learned`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedRecipe {
    /// How many times as many layers; or give `growth`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<usize>,
    /// A growth by `learned`, as behind `enter`: in width, or by given matrices that are learned further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// Sizes of the base that the growth doesn't say; not with `model.from`.
    #[serde(default, skip_serializing_if = "BaseSizes::is_empty")]
    pub base: BaseSizes,
    /// Length of the base's training; with `model.from` that of its further training, which may be 0.
    pub base_tokens: u64,
    /// Its learning rate; without a meaning where `base_tokens` is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_learning_rate: Option<LearningRateCurve>,
    /// How the matrices are learned; by default in 100 steps as large as the run's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning: Option<MatrixLearning>,
    /// Length of the training after growth; or give `scratch_tokens`.
    pub grown_tokens: Option<u64>,
    /// Spend what training from scratch would spend on so many tokens, the base and the learning included.
    pub scratch_tokens: Option<u64>,
    /// The learning rate after growth.
    pub grown_learning_rate: LearningRateCurve,
}

/// The settings of `gradual`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GradualRecipe {
    /// Layers of the stages, rising to the final model's; with `model.from` they begin with the base's.
    pub layer_counts: Vec<usize>,
    /// What leads from one to the next: `last` (the default), `stack`, or another operator in depth.
    #[serde(default = "defaults::last")]
    pub operator: Operator,
    /// Length of the first stage; by default `stage_tokens`. With `model.from` it has to be given, and may be 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_tokens: Option<u64>,
    /// Length of each stage but the last.
    pub stage_tokens: u64,
    /// Learning rate of each stage but the last.
    pub stage_learning_rate: LearningRateCurve,
    /// Length of the last stage; or give `scratch_tokens`.
    pub grown_tokens: Option<u64>,
    /// Spend what training from scratch would spend on so many tokens, the earlier stages included.
    pub scratch_tokens: Option<u64>,
    /// Learning rate of the last stage; left out where `at_growth.learning_rate = "keep"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grown_learning_rate: Option<LearningRateCurve>,
    /// What is chosen at each growth.
    #[serde(default, skip_serializing_if = "AtGrowth::is_default")]
    pub at_growth: AtGrowth,
}

/// The settings of `stackbert`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackbertRecipe {
    /// Layers of the stages, each a multiple of the one before.
    pub layer_counts: Vec<usize>,
    /// The part of the tokens of each stage; for three stages by default the paper's.
    #[serde(default = "defaults::stackbert_shares")]
    pub shares: Vec<f64>,
    /// Length of the whole; or give `scratch_tokens`.
    pub tokens: Option<u64>,
    /// Spend what training from scratch would spend on so many tokens.
    pub scratch_tokens: Option<u64>,
    /// One learning rate over the whole; where `at_growth` says so, that of each stage.
    pub learning_rate: LearningRateCurve,
    /// What is chosen at each growth; by default the rate is kept.
    #[serde(default = "defaults::kept_rate", deserialize_with = "defaults::over_kept_rate")]
    pub at_growth: AtGrowth,
}

/// The settings of `stacking2`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stacking2Recipe {
    /// Layers of the growing stages, rising to the final model's; with `model.from` they begin with the base's.
    pub layer_counts: Vec<usize>,
    /// Length of the first stage; by default `stage_tokens`. With `model.from` it has to be given, and may be 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_tokens: Option<u64>,
    /// Length of each growing stage.
    pub stage_tokens: u64,
    /// Learning rate of each growing stage.
    pub stage_learning_rate: LearningRateCurve,
    /// Length of the last, joint stage; or give `scratch_tokens`.
    pub joint_tokens: Option<u64>,
    /// Spend what training from scratch would spend on so many tokens, the growing stages included.
    pub scratch_tokens: Option<u64>,
    /// Learning rate of the joint stage; left out where `at_growth.learning_rate = "keep"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joint_learning_rate: Option<LearningRateCurve>,
    /// What is chosen at each growth.
    #[serde(default, skip_serializing_if = "AtGrowth::is_default")]
    pub at_growth: AtGrowth,
}

/// The settings of `midas` and `lidas`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlocksRecipe {
    /// Layers of a block: those of the first stage, and those that each growth adds.
    pub block_layers: usize,
    /// Stage `i` is as long as `i` to this power; by default 1.
    #[serde(default = "defaults::midas_exponent")]
    pub exponent: f64,
    /// Length of the whole; or give `scratch_tokens`.
    pub tokens: Option<u64>,
    /// Spend what training from scratch would spend on so many tokens.
    pub scratch_tokens: Option<u64>,
    /// One learning rate over the whole; where `at_growth` says so, that of each stage.
    pub learning_rate: LearningRateCurve,
    /// What is chosen at each growth; by default the rate is kept, and what moments there are.
    #[serde(default = "defaults::kept_state", deserialize_with = "defaults::over_kept_state")]
    pub at_growth: AtGrowth,
}

/// The settings of `staged`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StagedRecipe {
    /// The growths that the stages but the first begin with.
    pub growths: Vec<Growth>,
    /// Sizes of the first model that the growths don't say; not with `model.from`.
    #[serde(default, skip_serializing_if = "BaseSizes::is_empty")]
    pub base: BaseSizes,
    /// The part of the tokens of each stage; for three stages by default those of FLM-101B.
    #[serde(default = "defaults::staged_shares")]
    pub shares: Vec<f64>,
    /// Length of the whole; or give `scratch_tokens`.
    pub tokens: Option<u64>,
    /// Spend what training from scratch would spend on so many tokens.
    pub scratch_tokens: Option<u64>,
    /// One learning rate over the whole; where `at_growth` says so, that of each stage.
    pub learning_rate: LearningRateCurve,
    /// What is chosen at each growth; by default the rate is kept, and what moments there are.
    #[serde(default = "defaults::kept_state", deserialize_with = "defaults::over_kept_state")]
    pub at_growth: AtGrowth,
}

/// The settings of `staged-training`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StagedTrainingRecipe {
    /// The growth, as behind `enter`.
    pub growth: Growth,
    /// Sizes of the base that the growth doesn't say; not with `model.from`.
    #[serde(default, skip_serializing_if = "BaseSizes::is_empty")]
    pub base: BaseSizes,
    /// The slope of the base's loss at which it grows, as in a stage; by default the paper's for what grows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<LossSlope>,
    /// The most tokens of the base.
    pub base_tokens: u64,
    /// Its learning rate.
    pub base_learning_rate: LearningRateCurve,
    /// Length of the training after growth; or give `scratch_tokens`.
    pub grown_tokens: Option<u64>,
    /// Spend what training from scratch would spend on so many tokens, the most tokens of the base included.
    pub scratch_tokens: Option<u64>,
    /// The learning rate after growth.
    pub grown_learning_rate: LearningRateCurve,
    /// What is chosen at the growth; by default the moments grow along.
    #[serde(default = "defaults::grown_moments", deserialize_with = "defaults::over_grown_moments")]
    pub at_growth: AtGrowth,
}

/// The settings of `llama-pro`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LlamaProRecipe {
    /// Layers that are added, evenly spread.
    pub added_layers: usize,
    /// Length of the base's training; with `model.from` that of its further training, which may be 0.
    pub base_tokens: u64,
    /// Its learning rate; without a meaning where `base_tokens` is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_learning_rate: Option<LearningRateCurve>,
    /// Length of the training of the new layers; or give `scratch_tokens`.
    pub grown_tokens: Option<u64>,
    /// Spend what training from scratch would spend on so many tokens, the base included.
    pub scratch_tokens: Option<u64>,
    /// The learning rate of the new layers; left out where `at_growth.learning_rate = "keep"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grown_learning_rate: Option<LearningRateCurve>,
    /// What is chosen at the growth.
    #[serde(default, skip_serializing_if = "AtGrowth::is_default")]
    pub at_growth: AtGrowth,
}

/// The settings of `late`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LateRecipe {
    /// The growth; by default one layer is stacked to the final model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// Sizes of the base that the growth doesn't say.
    #[serde(default, skip_serializing_if = "BaseSizes::is_empty")]
    pub base: BaseSizes,
    /// The part of the tokens before the growth; by default the paper's.
    #[serde(default = "defaults::late_share")]
    pub base_share: f64,
    /// Length of the whole; or give `scratch_tokens`.
    pub tokens: Option<u64>,
    /// Spend what training from scratch would spend on so many tokens.
    pub scratch_tokens: Option<u64>,
    /// One learning rate over the whole; in the paper warm-up, stable, decay.
    pub learning_rate: LearningRateCurve,
    /// What is chosen at the growth; by default the rate is kept, and what moments there are.
    #[serde(default = "defaults::kept_state", deserialize_with = "defaults::over_kept_state")]
    pub at_growth: AtGrowth,
}

/// The settings of `recycle`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecycleRecipe {
    /// The growth; by default each layer twice, next to itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// Length of the training after it; or give `scratch_tokens`.
    pub tokens: Option<u64>,
    /// Spend what training from scratch would spend on so many tokens, the base included.
    pub scratch_tokens: Option<u64>,
    /// Its learning rate.
    pub learning_rate: LearningRateCurve,
    /// What is chosen at the growth.
    #[serde(default, skip_serializing_if = "AtGrowth::is_default")]
    pub at_growth: AtGrowth,
}
