//! Growth in depth: what each layer of the grown model is made of. It speaks of layers only, so it holds for any
//! decoder whose tensors carry the number of their layer.

use std::collections::BTreeSet;

use outgrow_checkpoint::{
    TensorShape,
    config::LARGEST_NUM_HIDDEN_LAYERS,
    tensor_names::{layer_index, with_layer_index},
};

use crate::{
    error::GrowthError,
    growth::{Depth, Placement},
    plan::{
        origin::{Origin, PlannedTensor},
        pattern,
    },
};

/// What a layer of the grown model is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerOrigin {
    /// A layer of the source.
    Copy(usize),
    /// A layer of the source whose output projections are zero: it adds nothing to the residual stream.
    Identity(usize),
    /// Fresh weights.
    Fresh,
}

impl LayerOrigin {
    /// The layer of the source, where there is one.
    pub fn source(self) -> Option<usize> {
        match self {
            Self::Copy(source) | Self::Identity(source) => Some(source),
            Self::Fresh => None,
        }
    }

    /// What this layer of a model is made of, whose own layers are made of `earlier`.
    pub(crate) fn over(self, earlier: &[Self]) -> Self {
        match self {
            Self::Copy(below) => earlier[below],
            Self::Identity(below) => earlier[below].source().map_or(Self::Fresh, Self::Identity),
            Self::Fresh => Self::Fresh,
        }
    }
}

/// A tensor of a deeper model: its layer's, or, outside the layers, the source's own.
pub(crate) fn deepened_tensor(
    tensor: TensorShape,
    layers: &[LayerOrigin],
    fresh: &dyn Fn(&str) -> Origin,
) -> PlannedTensor {
    let TensorShape { name, shape } = tensor;
    let origin = match layer_index(&name).map(|layer| layers[layer]) {
        None => Origin::copy(name.clone()),
        Some(LayerOrigin::Copy(source)) => Origin::copy(with_layer_index(&name, source)),
        Some(LayerOrigin::Identity(source)) => identity_tensor(with_layer_index(&name, source)),
        Some(LayerOrigin::Fresh) => fresh(&name),
    };
    PlannedTensor { name, shape, origin }
}

/// What a tensor of an identity layer is made of, by the name that it has in the source.
pub(crate) fn identity_tensor(name: String) -> Origin {
    if writes_residual(&name) { Origin::zeros() } else { Origin::copy(name) }
}

/// Whether a layer adds this tensor, or its product, to the residual stream.
pub(crate) fn writes_residual(name: &str) -> bool {
    [".o_proj.weight", ".o_proj.bias", ".down_proj.weight"].iter().any(|end| name.ends_with(end))
}

/// How many layers a depth is, over a source of so many.
pub(crate) fn layers(source_layers: usize, depth: Depth) -> Result<usize, GrowthError> {
    match depth {
        Depth::Layers(layers) => Ok(layers),
        Depth::Factor(factor) => multiplied(source_layers, factor),
    }
}

/// The whole source again and again.
pub(crate) fn stacked(source_layers: usize, factor: usize) -> Result<Vec<LayerOrigin>, GrowthError> {
    let count = multiplied(source_layers, factor)?;
    Ok(copies((0..count).map(|layer| layer % source_layers)))
}

/// Each layer again and again.
pub(crate) fn interleaved(source_layers: usize, factor: usize) -> Result<Vec<LayerOrigin>, GrowthError> {
    let count = multiplied(source_layers, factor)?;
    Ok(copies((0..count).map(|layer| layer / factor)))
}

/// These layers, if the source has them all.
pub(crate) fn listed(source_layers: usize, layers: &[usize]) -> Result<Vec<LayerOrigin>, GrowthError> {
    if layers.is_empty() {
        return Err(GrowthError::NoLayers);
    }
    let outside: BTreeSet<usize> = layers.iter().copied().filter(|layer| *layer >= source_layers).collect();
    let outside = Vec::from_iter(outside);
    if outside.is_empty() {
        Ok(copies(layers.iter().copied()))
    } else {
        Err(GrowthError::LayersOutside { outside, source_layers })
    }
}

/// The layers of a pattern.
pub(crate) fn by_pattern(source_layers: usize, pattern: &str) -> Result<Vec<LayerOrigin>, GrowthError> {
    let layers = pattern::parse(pattern, source_layers)
        .map_err(|problem| GrowthError::Pattern { pattern: pattern.to_owned(), problem })?;
    listed(source_layers, &layers)
}

fn copies(layers: impl IntoIterator<Item = usize>) -> Vec<LayerOrigin> {
    layers.into_iter().map(LayerOrigin::Copy).collect()
}

fn multiplied(source_layers: usize, factor: usize) -> Result<usize, GrowthError> {
    match source_layers.checked_mul(factor).filter(|layers| *layers <= LARGEST_NUM_HIDDEN_LAYERS) {
        Some(0) => Err(GrowthError::FactorZero),
        Some(layers) => Ok(layers),
        None => Err(GrowthError::TooDeep { factor, source_layers, largest: LARGEST_NUM_HIDDEN_LAYERS }),
    }
}

fn deeper(source_layers: usize, num_hidden_layers: usize) -> Result<(), GrowthError> {
    let largest = LARGEST_NUM_HIDDEN_LAYERS;
    if (source_layers..=largest).contains(&num_hidden_layers) {
        Ok(())
    } else {
        Err(GrowthError::Depth { num_hidden_layers, smallest: source_layers, largest })
    }
}

/// Blocks of the source, at least `at_least`, each of a multiple of `step` layers.
fn blocks(
    source_layers: usize,
    block_layers: usize,
    at_least: usize,
    step: usize,
) -> Result<usize, GrowthError> {
    let fits =
        block_layers > 0 && source_layers.is_multiple_of(block_layers) && block_layers.is_multiple_of(step);
    match source_layers.checked_div(block_layers) {
        Some(blocks) if fits && blocks >= at_least => Ok(blocks),
        _ => Err(GrowthError::Blocks { block_layers, source_layers, at_least, step }),
    }
}

/// The middle block's first layer: block `⌈B / 2⌉ − 1` of `B`.
fn middle_start(blocks: usize, block_layers: usize) -> usize {
    (blocks.div_ceil(2) - 1) * block_layers
}

/// The middle block of layers again, right after itself.
pub(crate) fn middle(source_layers: usize, block_layers: usize) -> Result<Vec<LayerOrigin>, GrowthError> {
    let start = middle_start(blocks(source_layers, block_layers, 1, 1)?, block_layers);
    let end = start + block_layers;
    Ok(copies((0..end).chain(start..source_layers)))
}

/// Halves of the middle blocks again, between them.
pub(crate) fn lidas(source_layers: usize, block_layers: usize) -> Result<Vec<LayerOrigin>, GrowthError> {
    let start = middle_start(blocks(source_layers, block_layers, 2, 2)?, block_layers);
    let (end, half) = (start + block_layers, block_layers / 2);
    Ok(copies((0..end).chain(end - half..end + half).chain(end..source_layers)))
}

/// Two copies, the first without its last layers, the second without its first.
pub(crate) fn solar(source_layers: usize, drop_layers: usize) -> Result<Vec<LayerOrigin>, GrowthError> {
    if drop_layers >= source_layers {
        return Err(GrowthError::Drop { drop_layers, source_layers });
    }
    Ok(copies((0..source_layers - drop_layers).chain(drop_layers..source_layers)))
}

/// The top layers again, on top.
pub(crate) fn last(source_layers: usize, num_hidden_layers: usize) -> Result<Vec<LayerOrigin>, GrowthError> {
    let largest = 2 * source_layers;
    if !(source_layers..=largest).contains(&num_hidden_layers) {
        return Err(GrowthError::Depth { num_hidden_layers, smallest: source_layers, largest });
    }
    Ok(copies((0..source_layers).chain(largest - num_hidden_layers..source_layers)))
}

/// Identity layers, each a copy of a layer of the source.
///
/// Interleaved, every layer is followed by as many, or, where there are fewer new layers than old ones, every `n`-th is
/// followed by one, as LLaMA Pro has it.
pub(crate) fn with_identities(
    source_layers: usize,
    num_hidden_layers: usize,
    placement: Placement,
) -> Result<Vec<LayerOrigin>, GrowthError> {
    deeper(source_layers, num_hidden_layers)?;
    let new = num_hidden_layers - source_layers;
    let stacked = (0..new).map(|layer| LayerOrigin::Identity(layer % source_layers));
    match placement {
        Placement::Top => Ok((0..source_layers).map(LayerOrigin::Copy).chain(stacked).collect()),
        Placement::Interleaved => {
            let (every, copies) = match new {
                0 => (1, 0),
                new if new.is_multiple_of(source_layers) => (1, new / source_layers),
                new if source_layers.is_multiple_of(new) => (source_layers / new, 1),
                _ => return Err(GrowthError::Interleaving { source_layers, num_hidden_layers }),
            };
            let followed = |layer: usize| {
                let copies = if (layer + 1).is_multiple_of(every) { copies } else { 0 };
                [LayerOrigin::Copy(layer)]
                    .into_iter()
                    .chain((0..copies).map(move |_| LayerOrigin::Identity(layer)))
            };
            Ok((0..source_layers).flat_map(followed).collect())
        }
    }
}

/// Fresh layers on top.
pub(crate) fn with_fresh(
    source_layers: usize,
    num_hidden_layers: usize,
) -> Result<Vec<LayerOrigin>, GrowthError> {
    deeper(source_layers, num_hidden_layers)?;
    let fresh = (source_layers..num_hidden_layers).map(|_| LayerOrigin::Fresh);
    Ok((0..source_layers).map(LayerOrigin::Copy).chain(fresh).collect())
}
