//! LLaMA Pro (arXiv 2401.02415): identity layers between those of a finished model, and only these trained.

use outgrow_checkpoint::LlamaConfig;
use outgrow_operators::{Depth, Growth, GrowthPlan, LayerOrigin, Placement};
use serde::{Deserialize, Serialize};

use crate::{
    at_growth::AtGrowth,
    error::ScheduleError,
    learning_rate::curve::LearningRateCurve,
    methods::{
        base_sizes::with_layers,
        length::Length,
        outline::{Lengths, Outline, Start, Step},
    },
    schedule::Schedule,
    trainable::Trainable,
};

/// The settings of [`Schedule::llama_pro`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LlamaPro {
    /// Layers that are added, evenly spread: 8 to the paper's 32, one after every fourth.
    pub added_layers: usize,
    /// Tokens of the base; with [`Schedule::llama_pro_from`], those that it is trained on before it grows.
    pub base_tokens: u64,
    /// Learning rate of the base; without a meaning where it has no tokens.
    pub base_learning_rate: LearningRateCurve,
    /// Length of the training of the new layers.
    pub grown: Length,
    /// Its learning rate. None where that of the base goes on.
    pub grown_learning_rate: Option<LearningRateCurve>,
    /// What is chosen at the growth.
    #[serde(default)]
    pub at_growth: AtGrowth,
}

impl Schedule {
    /// LLaMA Pro (arXiv 2401.02415, section 3): each new layer is a copy of the one below it whose output projections
    /// are zero, so that growth leaves the model's function as it is. Only the new layers are trained.
    ///
    /// The layers below the lowest new one run forward only. Frozen layers above it hand the gradient on; they have no
    /// gradients of weights and no optimizer state.
    ///
    /// # Errors
    /// As many new layers as there are layers, or more; new layers that can't be evenly spread; a budget that the base
    /// uses up; and as [`Schedule::new`].
    pub fn llama_pro(target: &LlamaConfig, settings: &LlamaPro) -> Result<Self, ScheduleError> {
        let (added_layers, num_hidden_layers) = (settings.added_layers, target.num_hidden_layers);
        if added_layers == 0 || added_layers >= num_hidden_layers {
            return Err(ScheduleError::AddedLayers { added_layers, num_hidden_layers });
        }
        let base = with_layers(target, num_hidden_layers - added_layers)?;
        schedule(Start::Target(target), &base, settings)
    }

    /// The same of a base that there is already, as in the paper. It is trained on for `base_tokens`, which may be 0;
    /// the target follows from it.
    ///
    /// # Errors
    /// As [`Schedule::llama_pro`].
    pub fn llama_pro_from(base: &LlamaConfig, settings: &LlamaPro) -> Result<Self, ScheduleError> {
        schedule(Start::Base(base), base, settings)
    }
}

fn schedule(start: Start<'_>, base: &LlamaConfig, settings: &LlamaPro) -> Result<Schedule, ScheduleError> {
    let depth = Depth::Layers(base.num_hidden_layers.saturating_add(settings.added_layers));
    let growth = Growth::ZeroDepth { depth, placement: Placement::Interleaved };
    let in_stage = |problem| ScheduleError::Growth(problem).in_stage("grown");
    let plan = GrowthPlan::new(base, [&growth]).map_err(in_stage)?;
    let is_new = |layer: &LayerOrigin| matches!(layer, LayerOrigin::Identity(_));
    let layers = plan.layers().iter().enumerate().filter(|(_, layer)| is_new(layer));
    let trainable = Trainable::Layers(layers.map(|(index, _)| index).collect());
    let mut outline = Outline::new(start, base.clone(), "base", settings.base_learning_rate);
    outline.then_grow(Step {
        name: "grown".to_owned(),
        enter: Some(growth),
        trainable,
        at_growth: settings.at_growth,
        learning_rate: settings.grown_learning_rate,
    })?;
    outline.build(Lengths::Earlier(vec![settings.base_tokens], settings.grown))
}
