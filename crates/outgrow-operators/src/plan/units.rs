//! The units of a model, layers and channels and neurons and heads, and which of them a random growth has put behind a
//! mask. What a mask does to tensors is in folder/mask.rs.

use outgrow_checkpoint::LlamaConfig;
use serde::{Deserialize, Serialize};

use crate::plan::{
    depth::LayerOrigin,
    width::{ChannelMap, WidthMaps},
};

/// Where a unit of a grown model comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// From one of the source's.
    Of(usize),
    /// New, and let in whole.
    New,
    /// New, and let in by a mask.
    Masked,
}

/// All units of a grown model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Units {
    layers: Vec<Unit>,
    hidden: Vec<Unit>,
    neurons: Vec<Unit>,
    heads: Vec<Unit>,
}

impl Units {
    /// Every unit where it was.
    pub(crate) fn unchanged(model: &LlamaConfig) -> Self {
        let all = |size: usize| (0..size).map(Unit::Of).collect();
        Self {
            layers: all(model.num_hidden_layers),
            hidden: all(model.hidden_size),
            neurons: all(model.intermediate_size),
            heads: all(model.num_attention_heads),
        }
    }

    /// Of a learned growth, which mixes units: what a mask was to let in is let in.
    pub(crate) fn mixed(model: &LlamaConfig) -> Self {
        let all = |size: usize| vec![Unit::New; size];
        Self {
            layers: all(model.num_hidden_layers),
            hidden: all(model.hidden_size),
            neurons: all(model.intermediate_size),
            heads: all(model.num_attention_heads),
        }
    }

    /// Of a growth in depth. Fresh layers are behind a mask.
    pub(crate) fn of_layers(model: &LlamaConfig, layers: &[LayerOrigin]) -> Self {
        let unit = |layer: &LayerOrigin| layer.source().map_or(Unit::Masked, Unit::Of);
        Self { layers: layers.iter().map(unit).collect(), ..Self::unchanged(model) }
    }

    /// Of a growth in width whose new units are all `new`.
    pub(crate) fn of_width(model: &LlamaConfig, maps: &WidthMaps, new: Unit) -> Self {
        let units = |map: &ChannelMap, size: usize| {
            map.sources()
                .iter()
                .step_by(size)
                .map(|source| source.map_or(new, |one| Unit::Of(one / size)))
                .collect()
        };
        Self {
            hidden: units(&maps.hidden, 1),
            neurons: units(&maps.neurons, 1),
            heads: units(&maps.queries, model.head_dim),
            ..Self::unchanged(model)
        }
    }

    /// Those of this growth, on a model whose own units come from `earlier`.
    pub(crate) fn over(&self, earlier: &Self) -> Self {
        let over = |units: &[Unit], earlier: &[Unit]| {
            let unit = |unit: &Unit| match *unit {
                Unit::Of(source) => earlier[source],
                new => new,
            };
            units.iter().map(unit).collect()
        };
        Self {
            layers: over(&self.layers, &earlier.layers),
            hidden: over(&self.hidden, &earlier.hidden),
            neurons: over(&self.neurons, &earlier.neurons),
            heads: over(&self.heads, &earlier.heads),
        }
    }

    /// Those behind a mask.
    pub(crate) fn masked(&self) -> MaskedUnits {
        MaskedUnits {
            layers: ranges(&self.layers),
            hidden_size: ranges(&self.hidden),
            intermediate_size: ranges(&self.neurons),
            num_attention_heads: ranges(&self.heads),
        }
    }
}

fn ranges(units: &[Unit]) -> Vec<[usize; 2]> {
    let mut ranges: Vec<[usize; 2]> = Vec::new();
    for (index, _) in units.iter().enumerate().filter(|(_, unit)| **unit == Unit::Masked) {
        match ranges.last_mut() {
            Some([_, end]) if *end == index => *end += 1,
            _ => ranges.push([index, index + 1]),
        }
    }
    ranges
}

/// The units that a mask lets in: ranges of `[first, one after the last]`, rising.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskedUnits {
    /// Whole layers.
    pub layers: Vec<[usize; 2]>,
    /// Channels of the residual stream.
    pub hidden_size: Vec<[usize; 2]>,
    /// Neurons of the feed-forward networks.
    pub intermediate_size: Vec<[usize; 2]>,
    /// Query heads. Keys and values that are new are read by new queries only.
    pub num_attention_heads: Vec<[usize; 2]>,
}

impl MaskedUnits {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.named().iter().all(|(_, ranges)| ranges.is_empty())
    }

    /// Each kind by its name in config.json, but for the layers, which are only some of `num_hidden_layers`.
    pub(crate) fn named(&self) -> [(&'static str, &[[usize; 2]]); 4] {
        [
            ("layers", &self.layers),
            ("hidden_size", &self.hidden_size),
            ("intermediate_size", &self.intermediate_size),
            ("num_attention_heads", &self.num_attention_heads),
        ]
    }

    /// What doesn't fit the model.
    pub(crate) fn problems(&self, model: &LlamaConfig) -> Vec<String> {
        let sizes =
            [model.num_hidden_layers, model.hidden_size, model.intermediate_size, model.num_attention_heads];
        let mut problems = Vec::new();
        for ((name, ranges), size) in self.named().into_iter().zip(sizes) {
            let mut free = 0;
            for [first, end] in ranges {
                if *first < free || first >= end || *end > size {
                    problems.push(format!(
                        "`{name}` has [{first}, {end}], expected rising ranges of [first, one after the last] up to {size}"
                    ));
                }
                free = free.max(*end);
            }
        }
        if self.is_empty() {
            problems.push("nothing is masked".to_owned());
        }
        problems
    }
}
