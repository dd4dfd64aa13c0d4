//! `[schedule]`: a method and its settings, or stages one by one. What comes of it is run/stages.rs's.

mod methods;

use outgrow_operators::{Growth, Width};
use outgrow_schedules::{AtGrowth, LearningRateCurve, LossSlope, Trainable};
use serde::{Deserialize, Serialize};

pub use self::methods::{
    BlocksRecipe, GStackRecipe, GradualRecipe, LateRecipe, LearnedRecipe, LlamaProRecipe, RandomMaskRecipe,
    RecycleRecipe, StackbertRecipe, Stacking2Recipe, StagedRecipe, StagedTrainingRecipe,
};

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
    /// Train a small model, grow it once, train on (arXiv 2405.15319).
    GStack(GStackRecipe),
    /// Draw all that is new, and let it in by a mask (arXiv 2405.15319, A.5; arXiv 2305.02869).
    RandomMask(RandomMaskRecipe),
    /// Grow in depth several times, train everything all the time (arXiv 2405.15319, section 5.1).
    Gradual(GradualRecipe),
    /// Stack the whole again and again under one learning rate (Gong et al. 2019).
    Stackbert(StackbertRecipe),
    /// Add layers on top, train only those, at last all (arXiv 2011.13635).
    Stacking2(Stacking2Recipe),
    /// Add a block of layers at a time in the middle, in stages that become longer (arXiv 2409.19044).
    Midas(BlocksRecipe),
    /// The same, with halves of two blocks (arXiv 2512.08819).
    Lidas(BlocksRecipe),
    /// Grow by any operators at given parts of the tokens (arXiv 2309.03852).
    Staged(StagedRecipe),
    /// Grow a base when the slope of its loss says so (arXiv 2203.06211).
    StagedTraining(StagedTrainingRecipe),
    /// Train a small model, learn the matrices of its growth, grow it by them, train on (arXiv 2405.15319, A.6).
    Learned(LearnedRecipe),
    /// Add identity layers and train only these (arXiv 2401.02415).
    LlamaPro(LlamaProRecipe),
    /// Grow one layer to all of them when most of the tokens are read (arXiv 2511.04981).
    Late(LateRecipe),
    /// Grow the finished model of `model.from` and train on (arXiv 2510.08008).
    Recycle(RecycleRecipe),
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
    /// (`continue`, the default, or `replay`), `learning_rate` (`restart`, the default, `keep` or `rewarm`) and
    /// `new_parameters` (`{ ratio = 1.3, rewarm_tokens = N }`: a rate of their own; none by default).
    #[serde(default, skip_serializing_if = "AtGrowth::is_default")]
    pub at_growth: AtGrowth,
    /// What is trained: `"all"` (the default), `{ top = { layers = N } }` or `{ layers = [4, 9] }`, counted from 0.
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

impl ScheduleRecipe {
    /// The method's name as in `method = "…"`.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Scratch { .. } => "scratch",
            Self::GStack(_) => "g-stack",
            Self::RandomMask(_) => "random-mask",
            Self::Gradual(_) => "gradual",
            Self::Stackbert(_) => "stackbert",
            Self::Stacking2(_) => "stacking2",
            Self::Midas(_) => "midas",
            Self::Lidas(_) => "lidas",
            Self::Staged(_) => "staged",
            Self::StagedTraining(_) => "staged-training",
            Self::Learned(_) => "learned",
            Self::LlamaPro(_) => "llama-pro",
            Self::Late(_) => "late",
            Self::Recycle(_) => "recycle",
            Self::Stages { .. } => "stages",
        }
    }

    /// The growths that are written out in it, which may name files.
    pub(super) fn growths_mut(&mut self) -> Vec<&mut Growth> {
        match self {
            Self::GStack(recipe) => recipe.growth.iter_mut().collect(),
            Self::Late(recipe) => recipe.growth.iter_mut().collect(),
            Self::Learned(recipe) => recipe.growth.iter_mut().collect(),
            Self::Recycle(recipe) => recipe.growth.iter_mut().collect(),
            Self::Staged(recipe) => recipe.growths.iter_mut().collect(),
            Self::StagedTraining(recipe) => vec![&mut recipe.growth],
            Self::Stages { stages } => stages.iter_mut().filter_map(|stage| stage.enter.as_mut()).collect(),
            Self::Scratch { .. }
            | Self::RandomMask(_)
            | Self::Gradual(_)
            | Self::Stackbert(_)
            | Self::Stacking2(_)
            | Self::Midas(_)
            | Self::Lidas(_)
            | Self::LlamaPro(_) => Vec::new(),
        }
    }
}
