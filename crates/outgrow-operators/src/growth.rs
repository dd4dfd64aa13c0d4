//! The growth operators by name: values that recipes and the command line hold. What each means for a tensor is not
//! said here, but in the plan.
//!
//! Equations and names of operators: arXiv 2405.15319 (G_direct, G_zero, G_random, G_learn, appendix A) and where a
//! variant says so.

mod operator;
mod named;
pub(crate) mod spelled;
mod values;
mod words;

mod matrices;
pub(crate) mod closed_set;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::{
    closed_set::UnknownWord,
    matrices::{LearnedMatrices, MatricesFile},
    named::{ParameterError, ParameterErrors, Parameters},
    operator::{Axis, Operator},
};
use self::{closed_set::closed_set, values::count};
use crate::error::GrowthError;

/// A way to make a model larger. Layers, heads and channels are counted from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "operator", rename_all = "kebab-case", try_from = "spelled::Spelled")]
pub enum Growth {
    /// G_stack, the depth form of G_direct (A.3): the whole model again on top of itself; layer `i` of the grown model
    /// is layer `i mod l` of a source of `l` layers.
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
        /// One entry for each layer of the grown model.
        layers: Vec<usize>,
    },
    /// Partial stacking in the paper's notation (Table 5), layers counted from 1: `12-3456*5-56`.
    Pattern {
        /// The notation.
        pattern: String,
    },
    /// MIDAS (arXiv 2409.19044): the middle block of layers again, right after itself.
    Middle {
        /// Layers of a block; divides the source's.
        block_layers: usize,
    },
    /// LIDAS (arXiv 2512.08819): between the middle block and the next, the upper half of the one and the lower half of
    /// the other.
    Lidas {
        /// Layers of a block, even; divides the source's.
        block_layers: usize,
    },
    /// SOLAR's depth up-scaling (arXiv 2312.15166): two copies, the first without its last layers, the second without
    /// its first.
    Solar {
        /// Layers that each copy leaves out.
        drop_layers: usize,
    },
    /// Gradual stacking: the top layers again, on top.
    Last {
        /// Layers of the grown model; at most twice the source's.
        #[serde(flatten)]
        depth: Depth,
    },
    /// G_zero in depth (A.4, LLaMA Pro arXiv 2401.02415): copies whose `o_proj` and `down_proj` are zero, so that they
    /// pass the residual stream on unchanged.
    ZeroDepth {
        /// Layers of the grown model.
        #[serde(flatten)]
        depth: Depth,
        /// Where the new layers stand.
        placement: Placement,
    },
    /// G_random in depth (A.5): fresh layers on top, whose outputs a mask lets in little by little.
    RandomDepth {
        /// Layers of the grown model.
        #[serde(flatten)]
        depth: Depth,
        /// Seeds the fresh weights.
        seed: u64,
    },
    /// G_direct in width (A.3): channels, heads and neurons again, in the source's order, and what reads them is
    /// divided among the copies.
    Split {
        /// Sizes of the grown model.
        width: Width,
        /// The part of a weight that the first copy of a channel gets; the others share the rest equally. All equal
        /// without it.
        share: Option<f64>,
    },
    /// HyperCloning (arXiv 2409.12903): [`Growth::Split`] of every size by one factor, evenly.
    Hyperclone {
        /// How many times as wide.
        factor: usize,
    },
    /// bert2BERT's advanced knowledge initialisation (arXiv 2110.07143): as an even [`Growth::Split`], but what is new
    /// in the output of a layer comes from the layer above.
    Aki {
        /// Sizes of the grown model.
        width: Width,
    },
    /// G_zero in width (A.4): new channels hold zero, and everything that reads them is fresh.
    ZeroWidth {
        /// Sizes of the grown model.
        width: Width,
        /// Seeds the fresh weights.
        seed: u64,
    },
    /// G_random in width (A.5): fresh weights all around the old ones, behind a mask.
    RandomWidth {
        /// Sizes of the grown model.
        width: Width,
        /// Seeds the fresh weights.
        seed: u64,
    },
    /// G_learn (A.6, LiGO arXiv 2303.00980): every tensor a linear map of the source's.
    Learned {
        /// Layers of the grown model; by default the source's.
        #[serde(flatten, serialize_with = "spelled::optional_depth")]
        depth: Option<Depth>,
        /// Sizes of the grown model.
        width: Width,
        /// Trained matrices (safetensors); without them the initial ones, which stack in depth and pad with noise in
        /// width.
        matrices: Option<MatricesFile>,
        /// Seeds the noise of initial matrices.
        seed: u64,
    },
    /// Noise on all matrices (arXiv 2405.15319, I.2, equations 53 and 54). The shape stays.
    Noise {
        /// The part of noise, 0 to 1; the paper's best is 0.2.
        amount: f64,
        /// How weights and noise are mixed.
        mix: Mix,
        /// Seeds the noise.
        seed: u64,
    },
}

/// How deep a grown model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Depth {
    /// So many layers.
    #[serde(rename = "num_hidden_layers")]
    Layers(usize),
    /// So many times as many as its source.
    #[serde(rename = "factor")]
    Factor(usize),
}

/// Sizes of a model that is grown in width; those that are not given stay as they are. The width of a head always
/// stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table of sizes, such as { hidden_size = 1024 }")]
pub struct Width {
    /// Width of the residual stream.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "count")]
    pub hidden_size: Option<usize>,
    /// Width inside the feed-forward network.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "count")]
    pub intermediate_size: Option<usize>,
    /// Query heads.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "count")]
    pub num_attention_heads: Option<usize>,
    /// Key and value heads.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "count")]
    pub num_key_value_heads: Option<usize>,
}

/// Where identity layers stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// Each after the layer it is a copy of, evenly spread.
    #[default]
    Interleaved,
    /// On top, as a stack.
    Top,
}

closed_set!(Placement, "placement", 2, Interleaved => "interleaved", Top => "top");

/// How noise is mixed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mix {
    /// `(1 − amount) · weight + amount · noise`, the paper's equations.
    #[default]
    Linear,
    /// `√(1 − amount) · weight + √amount · noise`, which keeps the variance: the form in the code released with the
    /// paper.
    VariancePreserving,
}

closed_set!(Mix, "way of mixing noise", 2, Linear => "linear", VariancePreserving => "variance-preserving");

impl Growth {
    /// Resolves the path of its matrices, where it has one, against the folder of the recipe.
    #[must_use]
    pub fn beside(mut self, folder: &Path) -> Self {
        if let Self::Learned { matrices: Some(file), .. } = &mut self {
            *file = file.beside(folder);
        }
        self
    }

    /// The same with its matrices read, where it has a file of them: no plan opens a file.
    ///
    /// # Errors
    /// What [`LearnedMatrices::read`] gives.
    pub fn read_matrices(self) -> Result<Self, GrowthError> {
        match self {
            Self::Learned { depth, width, matrices: Some(file), seed } => {
                Ok(Self::Learned { depth, width, matrices: Some(file.read()?), seed })
            }
            other => Ok(other),
        }
    }

    /// Its name in recipes.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stack { .. } => "stack",
            Self::Interleave { .. } => "interleave",
            Self::Layers { .. } => "layers",
            Self::Pattern { .. } => "pattern",
            Self::Middle { .. } => "middle",
            Self::Lidas { .. } => "lidas",
            Self::Solar { .. } => "solar",
            Self::Last { .. } => "last",
            Self::ZeroDepth { .. } => "zero-depth",
            Self::RandomDepth { .. } => "random-depth",
            Self::Split { .. } => "split",
            Self::Hyperclone { .. } => "hyperclone",
            Self::Aki { .. } => "aki",
            Self::ZeroWidth { .. } => "zero-width",
            Self::RandomWidth { .. } => "random-width",
            Self::Learned { .. } => "learned",
            Self::Noise { .. } => "noise",
        }
    }
}
