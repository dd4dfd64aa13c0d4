//! The plan of a folder's growth: as [`GrowthPlan`], with the grown config.json, and for decoders of any architecture.

use std::collections::{BTreeMap, BTreeSet};

use outgrow_checkpoint::{
    LlamaConfig, Note, TensorShape,
    tensor_names::{layer_index, with_layer_index},
};
use serde_json::Value;

use crate::{
    error::GrowthError,
    folder::{
        card::text::CardRecipe,
        config_json::grown_config,
        learning::LearningRecord,
        mask::Mask,
        plannable::PlannableRef,
        silence::check_identities,
        source::{OtherDecoder, Source, size},
    },
    growth::Growth,
    plan::{
        GrowthPlan,
        depth::{LayerOrigin, identity_tensor},
        kind::Kind,
        mask::MaskValues,
        masked_units::MaskedUnits,
        origin::{Origin, PlannedTensor},
        preservation::Preservation,
        units::Unmaskable,
    },
    recipe::{GrowthRecipe, mergekit::PassthroughDtypes},
};

/// What a grown folder is made of, beside the source that it was planned of: a plan of another can't be given to
/// [`FolderGrowth`]. `S` lends a [`Source`], whose growth can be carried out, or a [`Plannable`], of which there may be
/// the outline alone.
///
/// [`FolderGrowth`]: crate::FolderGrowth
/// [`Plannable`]: crate::folder::Plannable
#[derive(Clone, Debug)]
pub struct FolderPlan<S> {
    pub(crate) source: S,
    pub(crate) planned: Planned,
}

/// What is planned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned {
    /// The grown config.json.
    pub(crate) config: Value,
    /// Layers of the source.
    pub(crate) source_layers: usize,
    /// For each layer of the grown model, what it is made of.
    pub(crate) layers: Vec<LayerOrigin>,
    /// The sizes that grow in width, and the heads; empty where none does.
    pub(crate) width: String,
    /// Whether the grown model computes what the source does.
    pub(crate) preservation: Preservation,
    /// All tensors of the grown model, in its order.
    pub(crate) tensors: Vec<PlannedTensor>,
    /// The types of numbers on their way into the grown folder; without it, each tensor is stored as what it is made
    /// of, and computed ones are rounded once.
    pub(crate) dtypes: Option<PassthroughDtypes>,
    /// Tensors that are no parameters: of other types than numbers, or the embedding once more.
    pub(crate) uncounted: BTreeSet<String>,
    /// What of the source the grown folder will not have.
    pub(crate) notes: Vec<Note>,
    /// Why transformers will not open the grown folder, where it opens the source.
    pub(crate) refused_by_transformers: Vec<String>,
    /// What was planned, as text for the grown folder's card.
    pub(crate) recipe: CardRecipe,
    /// The mask over what a random growth has made, which the grown folder says in a file of its own; closed, until
    /// [`FolderPlan::with_mask`] says otherwise.
    pub(crate) mask: Option<Mask>,
    /// What a mask can be over, copies included.
    pub(crate) maskable: Result<MaskedUnits, Unmaskable>,
    /// How the growth's matrices were learned, where they were learned for it.
    pub(crate) learning: Option<LearningRecord>,
}

impl<S> FolderPlan<S> {
    /// Plans growths of a folder, one after the other, as one.
    ///
    /// # Errors
    /// What doesn't fit the source; growths that a decoder of another architecture can't have; keys of config.json that
    /// can't be grown, by name.
    pub fn new<'a>(source: S, growths: &[Growth]) -> Result<Self, GrowthError>
    where
        S: Copy + Into<PlannableRef<'a>>,
    {
        Ok(Self { source, planned: Planned::new(source.into(), growths)? })
    }
}

impl Planned {
    fn new(source: PlannableRef<'_>, growths: &[Growth]) -> Result<Self, GrowthError> {
        let (config, recipe) = (source.config(), toml_recipe(growths)?);
        match source {
            PlannableRef::Opened(Source::Llama(checkpoint)) => {
                Self::of_llama(&config, GrowthPlan::new(checkpoint.config(), growths)?, recipe)
            }
            PlannableRef::Opened(Source::Other(other)) => Self::of_other(other, &config, growths, recipe),
            PlannableRef::Outline(outline) => {
                Self::of_llama(&config, GrowthPlan::new(outline.config(), growths)?, recipe)
            }
        }
    }

    /// The plan of a LLaMA-style model whose config.json is `raw`.
    pub(crate) fn of_llama(raw: &Value, plan: GrowthPlan, recipe: CardRecipe) -> Result<Self, GrowthError> {
        let (source, target) = (plan.source(), plan.target());
        let mut config = deeper_config(raw, source.num_hidden_layers, plan.layers())?;
        let sizes = [
            ("hidden_size", source.hidden_size, target.hidden_size),
            ("intermediate_size", source.intermediate_size, target.intermediate_size),
            ("num_attention_heads", source.num_attention_heads, target.num_attention_heads),
        ];
        for (key, _, grown) in sizes.into_iter().filter(|(_, source, grown)| source != grown) {
            config[key] = grown.into();
            // What follows from these sizes by default must not follow from the new ones.
            config["head_dim"] = target.head_dim.into();
            config["num_key_value_heads"] = target.num_key_value_heads.into();
        }
        if source.num_key_value_heads != target.num_key_value_heads {
            config["num_key_value_heads"] = target.num_key_value_heads.into();
        }
        if source.rms_norm_eps.to_bits() != target.rms_norm_eps.to_bits() {
            config["rms_norm_eps"] = target.rms_norm_eps.into();
        }
        let is_opened = raw["model_type"] == "llama" && source.refused_by_transformers().is_empty();
        let refused_by_transformers = if is_opened { refused(source, target) } else { Vec::new() };
        let (source_layers, width) = (source.num_hidden_layers, width_in_words(source, target));
        let maskable = plan.maskable();
        let masked = Some(plan.masked_units()).filter(|masked| !masked.is_empty());
        let mask = masked.map(|masked| Mask { mask: MaskValues::all(0.0), ramp_tokens: None, masked });
        let (layers, preservation) = (plan.layers().to_vec(), plan.preservation());
        let tensors = plan.into_tensors();
        let (dtypes, uncounted, notes) = (None, BTreeSet::new(), Vec::new());
        Ok(Self {
            config,
            source_layers,
            layers,
            width,
            preservation,
            tensors,
            dtypes,
            uncounted,
            notes,
            refused_by_transformers,
            recipe,
            mask,
            maskable,
            learning: None,
        })
    }

    fn of_other(
        other: &OtherDecoder,
        raw: &Value,
        growths: &[Growth],
        recipe: CardRecipe,
    ) -> Result<Self, GrowthError> {
        let source_layers = other.num_hidden_layers();
        let mut layers: Vec<LayerOrigin> = (0..source_layers).map(LayerOrigin::Copy).collect();
        if growths.is_empty() {
            return Err(GrowthError::NoGrowth);
        }
        for growth in growths {
            layers = match Kind::of(layers.len(), growth)? {
                Kind::Depth { layers: next, .. } if !next.contains(&LayerOrigin::Fresh) => {
                    next.into_iter().map(|layer| layer.over(&layers)).collect()
                }
                _ => return Err(GrowthError::OnlyLlama { operator: growth.name(), reason: other.reason() }),
            };
        }
        check_identities(other, &layers)?;
        let config = deeper_config(raw, source_layers, &layers)?;
        let preservation = Preservation::of_layers(source_layers, &layers);
        let tensors = tensors(other.tensors().collect(), &layers);
        let uncounted = uncounted_of(other, &layers);
        let (dtypes, notes, mask) = (None, Vec::new(), None);
        Ok(Self {
            config,
            source_layers,
            layers,
            width: String::new(),
            preservation,
            tensors,
            dtypes,
            uncounted,
            notes,
            refused_by_transformers: Vec::new(),
            recipe,
            mask,
            maskable: Err(Unmaskable::Nothing),
            learning: None,
        })
    }
}

impl<S> FolderPlan<S> {
    /// The grown config.json.
    pub fn config(&self) -> &Value {
        &self.planned.config
    }

    /// For each layer of the grown model, what it is made of.
    pub fn layers(&self) -> &[LayerOrigin] {
        &self.planned.layers
    }

    /// Whether the grown model computes what the source does.
    pub fn preservation(&self) -> Preservation {
        self.planned.preservation
    }

    /// All tensors of the grown model, in its order.
    pub fn tensors(&self) -> &[PlannedTensor] {
        &self.planned.tensors
    }

    /// What of the source the grown folder will not have.
    pub fn notes(&self) -> &[Note] {
        &self.planned.notes
    }

    /// Why transformers will not open the grown folder, where it opens the source; nothing where it opens that.
    pub fn refused_by_transformers(&self) -> &[String] {
        &self.planned.refused_by_transformers
    }

    /// Refuses a grown model that transformers will not open.
    ///
    /// # Errors
    /// [`GrowthError::NotOpened`].
    pub fn refuse_unopened(&self) -> Result<(), GrowthError> {
        match self.refused_by_transformers() {
            [] => Ok(()),
            reasons => Err(GrowthError::NotOpened { reasons: reasons.to_vec() }),
        }
    }

    /// Whether the grown model is the source once more: every tensor in its place, as it is.
    pub fn is_the_source(&self) -> bool {
        let is_same = |tensor: &PlannedTensor| matches!(&tensor.origin, Origin::Copy { source } if *source == tensor.name);
        let Planned { tensors, layers, source_layers, dtypes, .. } = &self.planned;
        layers.len() == *source_layers && dtypes.is_none() && tensors.iter().all(is_same)
    }

    /// The same, of matrices that were learned for it: the grown folder has them, and says so.
    #[must_use]
    pub fn with_learning(self, learning: LearningRecord) -> Self {
        Self { planned: Planned { learning: Some(learning), ..self.planned }, ..self }
    }

    /// Parameters of the grown model; a tied head counts once.
    pub fn num_parameters(&self) -> u64 {
        self.planned.num_parameters()
    }
}

impl Planned {
    /// Parameters of the grown model; a tied head counts once.
    pub(crate) fn num_parameters(&self) -> u64 {
        let counted = self.tensors.iter().filter(|tensor| !self.uncounted.contains(&tensor.name));
        counted.map(|tensor| size(&tensor.shape)).sum()
    }
}

/// The sizes that grow in width, and what becomes of the heads: they stay unless they are told to grow. Empty where
/// none grows.
fn width_in_words(source: &LlamaConfig, target: &LlamaConfig) -> String {
    let grown = |name: &str, from: usize, to: usize| (from != to).then(|| format!("{name} {from} → {to}"));
    let sizes = [
        grown("hidden_size", source.hidden_size, target.hidden_size),
        grown("intermediate_size", source.intermediate_size, target.intermediate_size),
        grown("heads", source.num_attention_heads, target.num_attention_heads),
        grown("key-value heads", source.num_key_value_heads, target.num_key_value_heads),
    ];
    let mut words: Vec<String> = sizes.into_iter().flatten().collect();
    if words.is_empty() {
        return String::new();
    }
    if source.num_attention_heads == target.num_attention_heads {
        words.push(format!("still {} heads", target.num_attention_heads));
    }
    words.push(format!("head_dim {}", target.head_dim));
    words.join(", ")
}

fn toml_recipe(growths: &[Growth]) -> Result<CardRecipe, GrowthError> {
    let text = GrowthRecipe { steps: growths.to_vec() }.to_toml();
    text.map(CardRecipe::Toml).map_err(|problem| GrowthError::Recipe { problem: problem.to_string() })
}

/// config.json with the new depth. A fresh layer has the settings of the top one.
pub(crate) fn deeper_config(
    raw: &Value,
    source_layers: usize,
    layers: &[LayerOrigin],
) -> Result<Value, GrowthError> {
    let sources: Vec<usize> =
        layers.iter().map(|layer| layer.source().unwrap_or(source_layers.saturating_sub(1))).collect();
    grown_config(raw, source_layers, &sources)
        .map_err(|(key, problem)| GrowthError::ConfigKey { key, problem })
}

/// All tensors of the grown decoder: each layer has those of the layer it is made of, which need not be those of its
/// neighbours.
pub(crate) fn tensors(shapes: Vec<TensorShape>, layers: &[LayerOrigin]) -> Vec<PlannedTensor> {
    let mut by_layer: BTreeMap<usize, Vec<TensorShape>> = BTreeMap::new();
    let [mut before, mut after] = [Vec::new(), Vec::new()];
    for tensor in shapes {
        match layer_index(&tensor.name) {
            Some(layer) => by_layer.entry(layer).or_default().push(tensor),
            None if by_layer.is_empty() => before.push(tensor),
            None => after.push(tensor),
        }
    }
    let grown = layers.iter().enumerate().flat_map(|(index, layer)| {
        let is_identity = matches!(layer, LayerOrigin::Identity(_));
        let of_layer = layer.source().and_then(|source| by_layer.get(&source)).into_iter().flatten();
        of_layer.map(move |TensorShape { name, shape }| PlannedTensor {
            name: with_layer_index(name, index),
            shape: shape.clone(),
            origin: if is_identity { identity_tensor(name.clone()) } else { Origin::copy(name.clone()) },
        })
    });
    let outside =
        |TensorShape { name, shape }| PlannedTensor { origin: Origin::copy(name.clone()), name, shape };
    before.into_iter().map(outside).chain(grown).chain(after.into_iter().map(outside)).collect()
}

/// The grown folder's tensors that are no parameters.
pub(crate) fn uncounted_of(other: &OtherDecoder, layers: &[LayerOrigin]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for name in other.uncounted().map(|tensor| &tensor.name) {
        let Some(source) = layer_index(name) else {
            names.insert(name.clone());
            continue;
        };
        let made = layers.iter().enumerate().filter(|(_, layer)| layer.source() == Some(source));
        names.extend(made.map(|(layer, _)| with_layer_index(name, layer)));
    }
    names
}

/// Why transformers will not open the grown model, with what would do: another width, where that has grown, or other
/// heads.
fn refused(source: &LlamaConfig, target: &LlamaConfig) -> Vec<String> {
    let (hidden, heads) = (target.hidden_size, target.num_attention_heads);
    if hidden == source.hidden_size || hidden.is_multiple_of(heads) {
        return target.refused_by_transformers();
    }
    let below = hidden - hidden % heads;
    let would_do = [below, below + heads].into_iter().filter(|hidden| *hidden >= source.hidden_size);
    let would_do: Vec<String> = would_do.map(|hidden| hidden.to_string()).collect();
    vec![format!(
        "`hidden_size` is {hidden}, not a multiple of `num_attention_heads`, which is {heads}; {} would do",
        would_do.join(" or ")
    )]
}
