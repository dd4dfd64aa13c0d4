//! The plan of a folder's growth: as [`GrowthPlan`], with the grown config.json, and for decoders of any architecture.

use std::collections::BTreeMap;

use outgrow_checkpoint::{Dtype, TensorShape, layer_index, with_layer_index};
use serde_json::Value;

use crate::{
    depth::{LayerOrigin, grown_layers},
    error::GrowthError,
    growth::Growth,
    layer_lists::grown_config,
    mergekit::Passthrough,
    model_card::CardRecipe,
    origin::Origin,
    plan::{GrowthPlan, PlannedTensor, deepened_tensor, plan_all, writes_residual},
    preservation::Preservation,
    recipe_file::GrowthRecipe,
    source::{OtherDecoder, Source, size},
};

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
    /// How all tensors are stored; without it, each as what it is made of.
    pub dtype: Option<Dtype>,
    /// What was planned, as text for the grown folder's card.
    pub recipe: CardRecipe,
}

impl FolderPlan {
    /// Plans growths of a folder, one after the other, as one.
    ///
    /// # Errors
    /// What doesn't fit the source; growths that a decoder of another architecture can't have; keys of config.json that can't be
    /// grown, by name.
    pub fn new(source: &Source, growths: &[Growth]) -> Result<Self, GrowthError> {
        let text = GrowthRecipe { steps: growths.to_vec() }.to_toml();
        let recipe =
            CardRecipe::Toml(text.map_err(|problem| GrowthError::Recipe { problem: problem.to_string() })?);
        match source {
            Source::Llama(checkpoint) => {
                Self::of_llama(checkpoint.raw_config(), plan_all(checkpoint.config(), growths)?, recipe)
            }
            Source::Other(other) => Self::of_other(other, source.weights().raw_config(), growths, recipe),
        }
    }

    /// Plans what a mergekit passthrough recipe makes of a folder; `text` is the recipe as it was written.
    ///
    /// # Errors
    /// Slices beyond the source; keys of config.json that can't be grown, by name.
    pub fn of_passthrough(
        source: &Source,
        passthrough: &Passthrough,
        text: String,
    ) -> Result<Self, GrowthError> {
        let raw = source.weights().raw_config();
        let (source_layers, shapes) = match source {
            Source::Llama(checkpoint) => {
                let config = checkpoint.config();
                (config.num_hidden_layers, config.tensors())
            }
            Source::Other(other) => (other.num_hidden_layers(), other.tensors().collect()),
        };
        let layers = passthrough
            .layers(source_layers)
            .map_err(|problems| GrowthError::Passthrough { problems: problems.to_string() })?;
        let layers: Vec<LayerOrigin> = layers.into_iter().map(LayerOrigin::Copy).collect();
        let mut config = deeper_config(raw, source_layers, &layers)?;
        if let Some(dtype) = passthrough.dtype {
            set_dtype(&mut config, dtype);
        }
        let (tensors, layers, is_altered) = scaled(tensors(shapes, &layers), layers, passthrough);
        let preservation = match Preservation::of_layers(source_layers, &layers) {
            Preservation::Exact if is_altered => Preservation::None,
            preservation => preservation,
        };
        let (dtype, recipe) = (passthrough.dtype, CardRecipe::Mergekit(text));
        Ok(Self { config, source_layers, layers, preservation, tensors, dtype, recipe })
    }

    /// The plan of a LLaMA-style model whose config.json is `raw`.
    pub(crate) fn of_llama(raw: &Value, plan: GrowthPlan, recipe: CardRecipe) -> Result<Self, GrowthError> {
        let (source, target) = (&plan.source, &plan.target);
        let mut config = deeper_config(raw, source.num_hidden_layers, &plan.layers)?;
        if config["num_hidden_layers"].is_null() || source.num_hidden_layers != target.num_hidden_layers {
            config["num_hidden_layers"] = target.num_hidden_layers.into();
        }
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
        let GrowthPlan { layers, preservation, tensors, .. } = plan;
        Ok(Self { config, source_layers, layers, preservation, tensors, dtype: None, recipe })
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
        if layers.iter().any(|layer| matches!(layer, LayerOrigin::Identity(_))) {
            check_identities(other)?;
        }
        let config = deeper_config(raw, source_layers, &layers)?;
        let preservation = Preservation::of_layers(source_layers, &layers);
        let tensors = tensors(other.tensors().collect(), &layers);
        Ok(Self { config, source_layers, tensors, layers, preservation, dtype: None, recipe })
    }
}

impl FolderPlan {
    /// Parameters of the grown model; a tied head counts once.
    pub fn num_parameters(&self) -> u64 {
        self.tensors.iter().map(|tensor| size(&tensor.shape)).sum()
    }
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

/// The tensors by their factors, the layers that are silent by them, and whether anything else than silencing is done.
fn scaled(
    tensors: Vec<PlannedTensor>,
    mut layers: Vec<LayerOrigin>,
    passthrough: &Passthrough,
) -> (Vec<PlannedTensor>, Vec<LayerOrigin>, bool) {
    let mut silent = vec![0; layers.len()];
    let mut altered = vec![false; layers.len()];
    let mut is_altered = false;
    let scaled = tensors.into_iter().map(|tensor| {
        let Some((source, scale)) = passthrough.origin(&tensor.name) else { return tensor };
        let is_same = scale.to_bits() == 1_f64.to_bits();
        match layer_index(&tensor.name) {
            Some(layer) if scale == 0.0 && writes_residual(&tensor.name) => silent[layer] += 1,
            Some(layer) => altered[layer] |= !is_same,
            None => is_altered |= !is_same,
        }
        PlannedTensor { origin: Origin::sum([(scale, Origin::copy(source))]), ..tensor }
    });
    let scaled = scaled.collect();
    for ((layer, silent), altered) in layers.iter_mut().zip(silent).zip(altered) {
        match *layer {
            // What a layer writes into the residual stream is attention's and the feed-forward network's.
            LayerOrigin::Copy(source) if silent >= 2 => *layer = LayerOrigin::Identity(source),
            _ => is_altered |= altered || silent > 0,
        }
    }
    (scaled, layers, is_altered)
}

/// In the spelling that the file has.
fn set_dtype(config: &mut Value, dtype: Dtype) {
    let key = if config.get("dtype").is_some() { "dtype" } else { "torch_dtype" };
    config[key] = dtype.config_name().into();
}

/// A layer is silent if its output projections are zero, provided that we know them and they have no biases.
fn check_identities(other: &OtherDecoder) -> Result<(), GrowthError> {
    let names: Vec<String> = other.tensors().map(|tensor| tensor.name).collect();
    let of_layer = |layer: usize| names.iter().filter(move |name| layer_index(name) == Some(layer));
    let is_known = |layer: usize| {
        let written = of_layer(layer).filter(|name| writes_residual(name)).count();
        let biased =
            of_layer(layer).any(|name| name.ends_with("o_proj.bias") || name.ends_with("down_proj.bias"));
        written >= 2 && !biased
    };
    match (0..other.num_hidden_layers()).find(|layer| !is_known(*layer)) {
        None => Ok(()),
        Some(layer) => Err(GrowthError::NoIdentity { layer }),
    }
}
