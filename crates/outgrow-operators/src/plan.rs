//! Growth as a plan: for every tensor of the grown model, what it is made of. Pure: no tensor is in sight, and nothing is
//! carried out here.

use std::collections::BTreeSet;

use outgrow_checkpoint::{LARGEST_NUM_HIDDEN_LAYERS, LlamaConfig, layer_index, with_layer_index};

use crate::{error::GrowthError, growth::Growth};

/// What each tensor of a grown model is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct GrowthPlan {
    /// The model that is grown.
    pub source: LlamaConfig,
    /// The grown model.
    pub target: LlamaConfig,
    /// For each layer of the grown model, the layer of the source that it is made of.
    pub layers: Vec<usize>,
    /// All tensors of the grown model, in its order.
    pub tensors: Vec<PlannedTensor>,
}

/// One tensor of a grown model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedTensor {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What it is made of.
    pub origin: Origin,
}

/// What a tensor of a grown model is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The source's tensor of this name, unchanged.
    Copy {
        /// Its name.
        source: String,
    },
}

/// Plans a growth: embedding, final norm and head are copied once and unchanged, and each layer is copied from the one
/// that the operator says (arXiv 2405.15319, A.3 and Algorithm 1). A factor of 1 gives the model itself.
///
/// # Errors
/// A factor of 0, an empty list of layers, layers that the source doesn't have (all of them are named), more layers than
/// any decoder has, or a source that is no possible decoder.
pub fn plan(source: &LlamaConfig, growth: &Growth) -> Result<GrowthPlan, GrowthError> {
    source.validate()?;
    let layers = checked_layers(source.num_hidden_layers, growth)?;
    let target = LlamaConfig { num_hidden_layers: layers.len(), ..source.clone() };
    target.validate()?;
    let tensors = target
        .tensors()
        .into_iter()
        .map(|tensor| PlannedTensor {
            origin: Origin::Copy { source: source_name(&tensor.name, &layers) },
            name: tensor.name,
            shape: tensor.shape,
        })
        .collect();
    Ok(GrowthPlan { source: source.clone(), target, layers, tensors })
}

/// The source's name of what becomes the tensor `name`.
fn source_name(name: &str, layers: &[usize]) -> String {
    layer_index(name).map_or_else(|| name.to_owned(), |layer| with_layer_index(name, layers[layer]))
}

/// The layer map, with every entry within the source.
fn checked_layers(source_layers: usize, growth: &Growth) -> Result<Vec<usize>, GrowthError> {
    if let Growth::Stack { factor } | Growth::Interleave { factor } = growth {
        let target_layers =
            source_layers.checked_mul(*factor).filter(|layers| *layers <= LARGEST_NUM_HIDDEN_LAYERS);
        match target_layers {
            Some(0) => return Err(GrowthError::FactorZero),
            None => {
                return Err(GrowthError::TooDeep {
                    factor: *factor,
                    source_layers,
                    largest: LARGEST_NUM_HIDDEN_LAYERS,
                });
            }
            Some(_) => {}
        }
    }
    let layers = growth.layers(source_layers);
    if layers.is_empty() {
        return Err(GrowthError::NoLayers);
    }
    let outside: BTreeSet<usize> = layers.iter().copied().filter(|layer| *layer >= source_layers).collect();
    let outside = Vec::from_iter(outside);
    if outside.is_empty() { Ok(layers) } else { Err(GrowthError::LayersOutside { outside, source_layers }) }
}
