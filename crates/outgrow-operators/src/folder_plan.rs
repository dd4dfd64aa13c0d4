//! The plan of a folder's growth: as [`GrowthPlan`], with the grown config.json, and for decoders of any architecture.

use std::collections::BTreeMap;

use outgrow_checkpoint::{TensorShape, layer_index, with_layer_index};
use serde_json::Value;

use crate::{
    depth::{LayerOrigin, grown_layers},
    error::GrowthError,
    growth::Growth,
    layer_lists::grown_config,
    plan::{GrowthPlan, PlannedTensor, deepened_tensor, plan_all, writes_residual},
    preservation::Preservation,
    source::{OtherDecoder, Source},
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
}

impl FolderPlan {
    /// Plans growths of a folder, one after the other, as one.
    ///
    /// # Errors
    /// What doesn't fit the source; growths that a decoder of another architecture can't have; keys of config.json that can't be
    /// grown, by name.
    pub fn new(source: &Source, growths: &[Growth]) -> Result<Self, GrowthError> {
        match source {
            Source::Llama(checkpoint) => {
                Self::of_llama(checkpoint.raw_config(), plan_all(checkpoint.config(), growths)?)
            }
            Source::Other(other) => Self::of_other(other, source.weights().raw_config(), growths),
        }
    }

    /// The plan of a LLaMA-style model whose config.json is `raw`.
    pub(crate) fn of_llama(raw: &Value, plan: GrowthPlan) -> Result<Self, GrowthError> {
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
        Ok(Self { config, source_layers, layers, preservation, tensors })
    }

    fn of_other(other: &OtherDecoder, raw: &Value, growths: &[Growth]) -> Result<Self, GrowthError> {
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
        Ok(Self { config, source_layers, tensors: tensors(other, &layers), layers, preservation })
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
fn tensors(other: &OtherDecoder, layers: &[LayerOrigin]) -> Vec<PlannedTensor> {
    let mut by_layer: BTreeMap<usize, Vec<TensorShape>> = BTreeMap::new();
    let [mut before, mut after] = [Vec::new(), Vec::new()];
    for tensor in other.tensors() {
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
