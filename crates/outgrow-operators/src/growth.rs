//! The growth operators by name: values that recipes and the command line hold. What they mean is plan.rs's.

use serde::{Deserialize, Serialize};

/// A way to make a model deeper. Layers are counted from 0, next to the embedding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operator", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Growth {
    /// G_stack, the depth form of G_direct (arXiv 2405.15319, A.3): the whole model again on top of itself; layer `i` of the
    /// grown model is layer `i mod l` of a source of `l` layers.
    Stack {
        /// How many times as many layers.
        factor: usize,
    },
    /// Each layer again, next to itself: layer `i` is layer `i / factor` of the source.
    Interleave {
        /// How many times as many layers.
        factor: usize,
    },
    /// The source layer of each layer of the grown model, from the bottom.
    Layers {
        /// One entry a layer of the grown model.
        layers: Vec<usize>,
    },
}

impl Growth {
    /// For each layer of the grown model, the layer of the source that it is made of.
    ///
    /// Unchecked: an entry may lie outside the source. [`crate::plan`] checks.
    pub(crate) fn layers(&self, source_layers: usize) -> Vec<usize> {
        match self {
            Self::Stack { factor } => {
                (0..source_layers * factor).map(|layer| layer % source_layers).collect()
            }
            Self::Interleave { factor } => (0..source_layers * factor).map(|layer| layer / factor).collect(),
            Self::Layers { layers } => layers.clone(),
        }
    }
}
