//! The plan of a folder's growth: as [`GrowthPlan`], with the grown config.json, and for decoders of any architecture.

use std::collections::{BTreeMap, BTreeSet};

use outgrow_checkpoint::{Dtype, LlamaConfig, Note, TensorShape, layer_index, with_layer_index};
use serde_json::Value;

use crate::{
    biases::Biases,
    depth::{LayerOrigin, grown_layers},
    error::GrowthError,
    growth::Growth,
    layer_lists::grown_config,
    mask::Mask,
    mergekit::Passthrough,
    model_card::CardRecipe,
    origin::Origin,
    outline::Plannable,
    plan::{GrowthPlan, PlannedTensor, deepened_tensor, plan_all, plan_all_with, writes_residual},
    preservation::Preservation,
    recipe_file::GrowthRecipe,
    source::{OtherDecoder, Source, size},
};

/// The types of a passthrough's numbers, as mergekit has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassthroughDtypes {
    /// What they are converted to before they are scaled, and what products are rounded to; the source's own without it.
    pub loaded: Option<Dtype>,
    /// What they are stored in.
    pub stored: Option<Dtype>,
}

/// What a grown folder is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderPlan {
    /// The grown config.json.
    pub config: Value,
    /// Layers of the source.
    pub source_layers: usize,
    /// For each layer of the grown model, what it is made of.
    pub layers: Vec<LayerOrigin>,
    /// Whether the grown model computes what the source does.
    pub preservation: Preservation,
    /// All tensors of the grown model, in its order.
    pub tensors: Vec<PlannedTensor>,
    /// The types of numbers on their way into the grown folder; without it, each tensor is stored as what it is made of, and computed
    /// ones are rounded once.
    pub dtypes: Option<PassthroughDtypes>,
    /// Tensors that are no parameters: of other types than numbers, or the embedding once more.
    pub uncounted: BTreeSet<String>,
    /// What of the source the grown folder will not have.
    pub notes: Vec<Note>,
    /// What was planned, as text for the grown folder's card.
    pub recipe: CardRecipe,
    /// The mask over what a random growth has made, which the grown folder says in a file of its own; closed, until
    /// [`Self::with_mask`] says otherwise.
    pub mask: Option<Mask>,
}

impl FolderPlan {
    /// Plans growths of a folder, one after the other, as one.
    ///
    /// # Errors
    /// What doesn't fit the source; growths that a decoder of another architecture can't have; keys of config.json that can't be
    /// grown, by name.
    pub fn new<'a>(source: impl Into<Plannable<'a>>, growths: &[Growth]) -> Result<Self, GrowthError> {
        let source = source.into();
        let (config, recipe) = (source.config(), toml_recipe(growths)?);
        match source {
            Plannable::Opened(Source::Llama(checkpoint)) => {
                Self::of_llama(&config, plan_all(checkpoint.config(), growths)?, recipe)
            }
            Plannable::Opened(Source::Other(other)) => match other.biased_llama() {
                // Whatever only copies layers takes the model as it is.
                Some(shape) if !growths.iter().all(only_copies) => {
                    let (shape, biases) = (shape?, Biases::QueryKeyValue);
                    let plan = plan_all_with(&shape, biases, growths)?;
                    let notes = other.unused_by(&shape, biases).into_iter().collect();
                    Ok(Self { notes, ..Self::of_llama(&config, plan, recipe)? })
                }
                _ => Self::of_other(other, &config, growths, recipe),
            },
            Plannable::Outline(outline) => {
                Self::of_llama(&config, plan_all_with(outline.config(), outline.biases(), growths)?, recipe)
            }
        }
    }

    /// Plans what a mergekit passthrough recipe makes of a folder; `text` is the recipe as it was written.
    ///
    /// # Errors
    /// Slices beyond the source; keys of config.json that can't be grown, by name.
    pub fn of_passthrough<'a>(
        source: impl Into<Plannable<'a>>,
        passthrough: &Passthrough,
        text: String,
    ) -> Result<Self, GrowthError> {
        let source = source.into();
        let of_llama =
            |config: &LlamaConfig, biases: Biases| (config.num_hidden_layers, biases.tensors(config));
        let (source_layers, shapes) = match source {
            Plannable::Opened(Source::Llama(checkpoint)) => of_llama(checkpoint.config(), Biases::None),
            Plannable::Opened(Source::Other(other)) => (other.num_hidden_layers(), other.tensors().collect()),
            Plannable::Outline(outline) => of_llama(outline.config(), outline.biases()),
        };
        let layers = passthrough
            .layers(source_layers)
            .map_err(|problems| GrowthError::Passthrough { problems: problems.to_string() })?;
        let layers: Vec<LayerOrigin> = layers.into_iter().map(LayerOrigin::Copy).collect();
        let mut config = deeper_config(&source.config(), source_layers, &layers)?;
        let dtypes = passthrough.dtypes();
        if let Some(dtype) = dtypes.stored {
            set_dtype(&mut config, dtype);
        }
        let uncounted = uncounted(source, &layers);
        let (tensors, layers, is_altered) = scaled(tensors(shapes, &layers), layers, passthrough, source);
        let preservation = match Preservation::of_layers(source_layers, &layers) {
            Preservation::Exact if is_altered => Preservation::None,
            preservation => preservation,
        };
        let (dtypes, recipe) = (Some(dtypes), CardRecipe::Mergekit(text));
        let (notes, mask) = (Vec::new(), None);
        Ok(Self {
            config,
            source_layers,
            layers,
            preservation,
            tensors,
            dtypes,
            uncounted,
            notes,
            recipe,
            mask,
        })
    }

    /// The plan of a LLaMA-style model whose config.json is `raw`.
    pub(crate) fn of_llama(raw: &Value, plan: GrowthPlan, recipe: CardRecipe) -> Result<Self, GrowthError> {
        let (source, target) = (&plan.source, &plan.target);
        let mut config = deeper_config(raw, source.num_hidden_layers, &plan.layers)?;
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
        let source_layers = source.num_hidden_layers;
        let masked = Some(plan.masked_units()).filter(|masked| !masked.is_empty());
        let mask = masked.map(|masked| Mask { mask: 0.0, ramp_tokens: None, masked });
        let GrowthPlan { layers, preservation, tensors, .. } = plan;
        let (dtypes, uncounted, notes) = (None, BTreeSet::new(), Vec::new());
        Ok(Self {
            config,
            source_layers,
            layers,
            preservation,
            tensors,
            dtypes,
            uncounted,
            notes,
            recipe,
            mask,
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
            let next = grown_layers(layers.len(), growth)?.filter(|next| !next.contains(&LayerOrigin::Fresh));
            let Some(next) = next else {
                return Err(GrowthError::OnlyLlama { operator: growth.name(), reason: other.reason() });
            };
            layers = next.into_iter().map(|layer| layer.over(&layers)).collect();
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
            preservation,
            tensors,
            dtypes,
            uncounted,
            notes,
            recipe,
            mask,
        })
    }
}

impl FolderPlan {
    /// The same with its mask at another place, 0 to 1, and the tokens over which it is to open. One that is open is none.
    ///
    /// # Errors
    /// A plan without masked parts; a mask that is none.
    pub fn with_mask(self, mask: f64, ramp_tokens: Option<u64>) -> Result<Self, GrowthError> {
        let Some(closed) = self.mask else { return Err(GrowthError::NothingMasked) };
        if !(0.0..=1.0).contains(&mask) {
            return Err(GrowthError::MaskValue { mask });
        }
        let mask = (mask < 1.0).then_some(Mask { mask, ramp_tokens, ..closed });
        Ok(Self { mask, ..self })
    }

    /// Parameters of the grown model; a tied head counts once.
    pub fn num_parameters(&self) -> u64 {
        let counted = self.tensors.iter().filter(|tensor| !self.uncounted.contains(&tensor.name));
        counted.map(|tensor| size(&tensor.shape)).sum()
    }
}

/// Whether a growth takes layers as they are, of whatever decoder.
fn only_copies(growth: &Growth) -> bool {
    match growth {
        Growth::Stack { .. }
        | Growth::Interleave { .. }
        | Growth::Layers { .. }
        | Growth::Pattern { .. }
        | Growth::Middle { .. }
        | Growth::Lidas { .. }
        | Growth::Solar { .. }
        | Growth::Last { .. }
        | Growth::ZeroDepth { .. } => true,
        Growth::RandomDepth { .. }
        | Growth::Split { .. }
        | Growth::Hyperclone { .. }
        | Growth::Aki { .. }
        | Growth::ZeroWidth { .. }
        | Growth::RandomWidth { .. }
        | Growth::Learned { .. }
        | Growth::Noise { .. } => false,
    }
}

fn toml_recipe(growths: &[Growth]) -> Result<CardRecipe, GrowthError> {
    let text = GrowthRecipe { steps: growths.to_vec() }.to_toml();
    text.map(CardRecipe::Toml).map_err(|problem| GrowthError::Recipe { problem: problem.to_string() })
}

/// config.json with the new depth. A fresh layer has the settings of the top one.
fn deeper_config(raw: &Value, source_layers: usize, layers: &[LayerOrigin]) -> Result<Value, GrowthError> {
    let sources: Vec<usize> =
        layers.iter().map(|layer| layer.source().unwrap_or(source_layers.saturating_sub(1))).collect();
    grown_config(raw, source_layers, &sources)
        .map_err(|(key, problem)| GrowthError::ConfigKey { key, problem })
}

/// All tensors of the grown decoder: each layer has those of the layer it is made of, which need not be those of its neighbours.
fn tensors(shapes: Vec<TensorShape>, layers: &[LayerOrigin]) -> Vec<PlannedTensor> {
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
        let of_layer = layer.source().and_then(|source| by_layer.get(&source)).into_iter().flatten();
        of_layer
            .map(move |tensor| TensorShape { name: with_layer_index(&tensor.name, index), ..tensor.clone() })
    });
    let no_fresh = |_: &str| unreachable!("other decoders have no fresh layers");
    let all = before.into_iter().chain(grown).chain(after);
    all.map(|tensor| deepened_tensor(tensor, layers, &no_fresh)).collect()
}

/// The grown folder's tensors that are no parameters.
fn uncounted(source: Plannable, layers: &[LayerOrigin]) -> BTreeSet<String> {
    match source {
        Plannable::Opened(Source::Other(other)) => uncounted_of(other, layers),
        Plannable::Opened(Source::Llama(_)) | Plannable::Outline(_) => BTreeSet::new(),
    }
}

fn uncounted_of(other: &OtherDecoder, layers: &[LayerOrigin]) -> BTreeSet<String> {
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

/// The tensors by their factors, the layers that are silent by them, and whether anything else than silencing is done. What is no
/// number has no factor.
fn scaled(
    tensors: Vec<PlannedTensor>,
    mut layers: Vec<LayerOrigin>,
    passthrough: &Passthrough,
    source: Plannable,
) -> (Vec<PlannedTensor>, Vec<LayerOrigin>, bool) {
    let mut names: Vec<Vec<String>> = vec![Vec::new(); layers.len()];
    let mut loud = vec![false; layers.len()];
    let [mut zeroed, mut altered] = [loud.clone(), loud.clone()];
    let mut is_altered = false;
    let scaled = tensors.into_iter().map(|tensor| {
        let layer = layer_index(&tensor.name);
        if let Some(layer) = layer {
            names[layer].push(tensor.name.clone());
        }
        let (source, scale) = match passthrough.origin(&tensor.name) {
            Some((name, scale)) => {
                let scale = if source.is_number(&name) { scale } else { 1.0 };
                (Some(name), scale)
            }
            None => (None, 1.0),
        };
        let is_same = scale.to_bits() == 1_f64.to_bits();
        match layer {
            Some(layer) if writes_residual(&tensor.name) && scale == 0.0 => zeroed[layer] = true,
            Some(layer) => {
                loud[layer] |= writes_residual(&tensor.name);
                altered[layer] |= !is_same;
            }
            None => is_altered |= !is_same,
        }
        match source {
            Some(source) => PlannedTensor { origin: Origin::scaled(scale, source), ..tensor },
            None => tensor,
        }
    });
    let scaled = scaled.collect();
    for (index, layer) in layers.iter_mut().enumerate() {
        match *layer {
            LayerOrigin::Copy(source) if !loud[index] && can_be_silent(&names[index]) => {
                *layer = LayerOrigin::Identity(source);
            }
            _ => is_altered |= altered[index] || zeroed[index],
        }
    }
    (scaled, layers, is_altered)
}

/// In the spelling that the file has.
fn set_dtype(config: &mut Value, dtype: Dtype) {
    let key = if config.get("dtype").is_some() { "dtype" } else { "torch_dtype" };
    config[key] = dtype.config_name().into();
}

/// Layers that are to be identities must be silent once their output projections are zero.
fn check_identities(other: &OtherDecoder, layers: &[LayerOrigin]) -> Result<(), GrowthError> {
    let mut names: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for TensorShape { name, .. } in other.tensors() {
        if let Some(layer) = layer_index(&name) {
            names.entry(layer).or_default().push(name);
        }
    }
    let loud = layers.iter().find_map(|layer| match layer {
        LayerOrigin::Identity(source) => {
            names.get(source).is_none_or(|names| !can_be_silent(names)).then_some(*source)
        }
        LayerOrigin::Copy(_) | LayerOrigin::Fresh => None,
    });
    loud.map_or(Ok(()), |layer| Err(GrowthError::NoIdentity { layer }))
}

/// Modules of a layer that are inside attention and the feed-forward networks, choose between experts, or are zero when the
/// layer is silent.
const INNER: [&str; 16] = [
    "down_proj",
    "gate",
    "gate_proj",
    "gate_up_proj",
    "k_proj",
    "kv_a_proj_with_mqa",
    "kv_b_proj",
    "o_proj",
    "q_a_proj",
    "q_b_proj",
    "q_proj",
    "qkv_proj",
    "router",
    "shared_expert_gate",
    "up_proj",
    "v_proj",
];

/// Whether a layer of these tensors adds nothing to the residual stream once `o_proj` and `down_proj` are zero. What isn't known,
/// such as a third branch or a factor of the whole layer, may do anything.
fn can_be_silent(names: &[String]) -> bool {
    let has = |end: &str| names.iter().any(|name| name.ends_with(end));
    has(".o_proj.weight") && has(".down_proj.weight") && names.iter().all(|name| is_inner(name))
}

fn is_inner(name: &str) -> bool {
    let (path, kind) = name.rsplit_once('.').unwrap_or_default();
    let module = path.rsplit('.').next().unwrap_or_default();
    let is_known = INNER.contains(&module) || module.contains("norm");
    match kind {
        "weight" => is_known,
        "bias" => is_known && !["o_proj", "down_proj"].contains(&module),
        "e_score_correction_bias" => true,
        _ => false,
    }
}
