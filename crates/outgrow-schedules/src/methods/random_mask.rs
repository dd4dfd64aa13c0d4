//! G_random (arXiv 2405.15319, A.5) and MSG: fresh parts around a trained model, let in by a mask.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::{Depth, Growth};
use serde::{Deserialize, Serialize};

use crate::{
    at_growth::{AtGrowth, mask::MaskRamp},
    error::ScheduleError,
    learning_rate::curve::LearningRateCurve,
    methods::{base_sizes::BaseSizes, g_stack::GStack, length::Length},
    schedule::Schedule,
};

/// The settings of [`Schedule::random_mask`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomMask {
    /// The sizes in which the base is smaller: its depth, or its width.
    pub base: BaseSizes,
    /// Tokens of the base.
    pub base_tokens: u64,
    /// Learning rate of the base.
    pub base_learning_rate: LearningRateCurve,
    /// How the mask opens: everything in one hop, or, as MSG has it, neurons, channels and heads one after the other.
    /// The released code takes 5000 steps for each.
    pub mask: MaskRamp,
    /// Seeds the fresh weights.
    pub seed: u64,
    /// Length of the training after the growth, the mask's opening included.
    pub grown: Length,
    /// Learning rate after the growth. None where that of the base goes on.
    pub grown_learning_rate: Option<LearningRateCurve>,
    /// What else is chosen at the growth.
    #[serde(default)]
    pub at_growth: AtGrowth,
}

impl Schedule {
    /// Masked random growth (G_random, arXiv 2405.15319, A.5; MSG, arXiv 2305.02869): all that is new is drawn, and a
    /// mask lets it in over some tokens, so that the growth leaves the model's function as it is.
    ///
    /// # Errors
    /// A base that is smaller in depth and in width, or in nothing; a mask that isn't open at the end; and as
    /// [`Schedule::g_stack`].
    pub fn random_mask(target: &LlamaConfig, settings: &RandomMask) -> Result<Self, ScheduleError> {
        let RandomMask { base, seed, .. } = *settings;
        let base = base.with_key_value_heads(target);
        let growth = match (base.num_hidden_layers, base.is_as_wide()) {
            (Some(_), false) => return Err(ScheduleError::BothAxes),
            (Some(_), true) => Growth::RandomDepth { depth: Depth::Layers(target.num_hidden_layers), seed },
            (None, _) => Growth::RandomWidth { width: base.width_to(target), seed },
        };
        let settings = GStack {
            growth,
            base,
            base_tokens: settings.base_tokens,
            base_learning_rate: settings.base_learning_rate,
            grown: settings.grown,
            grown_learning_rate: settings.grown_learning_rate,
            at_growth: AtGrowth { mask: Some(settings.mask), ..settings.at_growth },
        };
        Self::g_stack(target, &settings)
    }
}
