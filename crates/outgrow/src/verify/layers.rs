//! What the layers of the target are made of, told from bytes alone, and names of tensors by their place.

use std::collections::BTreeMap;

use outgrow_checkpoint::tensor_names::{layer_index, name_in_layer, with_layer_index};
use outgrow_operators::LayerMap;
use serde::Serialize;

use super::bytes::ComparedTensor;

/// A layer of the target.
#[derive(Debug, Serialize)]
pub(super) struct ComparedLayer {
    pub layer: usize,
    /// The source's layer that it shares most tensors with, if any.
    pub source_layer: Option<usize>,
    /// Its tensors, named within the layer, that are not that layer's.
    pub other_tensors: Vec<String>,
    /// Root mean square of the residual stream behind it; `None` where the models weren't run.
    pub output_rms: Option<f64>,
    /// The 2-norm of the gradients of its tensors.
    pub gradient_norm: Option<f64>,
}

/// The layers of the target from the bottom.
pub(super) fn compare(tensors: &[ComparedTensor]) -> Vec<ComparedLayer> {
    let mut layers: BTreeMap<usize, Vec<&ComparedTensor>> = BTreeMap::new();
    for tensor in tensors {
        if let Some(layer) = layer_index(&tensor.name) {
            layers.entry(layer).or_default().push(tensor);
        }
    }
    let made_of = |(layer, tensors): (usize, Vec<&ComparedTensor>)| {
        let source_layer = closest(layer, &tensors);
        let is_other = |tensor: &&&ComparedTensor| {
            source_layer.is_none_or(|source| !same_place(tensor).any(|place| place == source))
        };
        let other_tensors =
            tensors.iter().filter(is_other).map(|tensor| name_in_layer(&tensor.name).to_owned()).collect();
        ComparedLayer { layer, source_layer, other_tensors, output_rms: None, gradient_norm: None }
    };
    layers.into_iter().map(made_of).collect()
}

/// The source's layer with most of these tensors; of several the one of the same number, else the lowest.
fn closest(layer: usize, tensors: &[&ComparedTensor]) -> Option<usize> {
    let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
    for place in tensors.iter().filter(|tensor| !tensor.is_constant).flat_map(|tensor| same_place(tensor)) {
        *shared.entry(place).or_default() += 1;
    }
    let most = shared.values().max()?;
    let candidates: Vec<usize> =
        shared.iter().filter(|(_, count)| *count == most).map(|(place, _)| *place).collect();
    candidates.iter().find(|place| **place == layer).or(candidates.first()).copied()
}

/// The source's layers that have the same bytes in the same place.
fn same_place(tensor: &ComparedTensor) -> impl Iterator<Item = usize> {
    let places = tensor.identical_to.iter().filter_map(|name| layer_index(name).map(|layer| (name, layer)));
    places.filter(|(name, layer)| with_layer_index(&tensor.name, *layer) == **name).map(|(_, layer)| layer)
}

/// Names by their place, with the layers that they are of: `mlp.up_proj.weight of layers 0-3`.
pub(super) fn by_kind<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut kinds: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for name in names {
        kinds.entry(name_in_layer(name)).or_default().extend(layer_index(name));
    }
    let mut places: BTreeMap<Vec<usize>, Vec<&str>> = BTreeMap::new();
    for (kind, layers) in kinds {
        places.entry(layers).or_default().push(kind);
    }
    let words = |(layers, kinds): (Vec<usize>, Vec<&str>)| match layers.len() {
        0 => kinds.join(", "),
        1 => format!("{} of layer {}", kinds.join(", "), layers[0]),
        _ => format!("{} of layers {}", kinds.join(", "), LayerMap(&layers)),
    };
    places.into_iter().map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_gathered_by_their_place() {
        let names = ["a.layers.0.x", "a.layers.1.x", "a.layers.1.y", "a.layers.0.y", "norm", "a.layers.7.z"];
        assert_eq!(
            by_kind(names.into_iter()),
            ["norm", "x of layers 0-1", "y of layers 1, 0", "z of layer 7"]
        );
    }
}
