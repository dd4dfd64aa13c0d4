//! What can be wrong with a growth, one line each. What can be wrong with folders is outgrow-checkpoint's to say.

use outgrow_checkpoint::CheckpointError;

/// Why a growth can't be planned or carried out.
#[derive(Debug, thiserror::Error)]
pub enum GrowthError {
    /// A factor of 0.
    #[error("factor = 0: at least 1 is needed")]
    FactorZero,
    /// A list without layers.
    #[error("the list of layers is empty: at least one layer is needed")]
    NoLayers,
    /// Layers that the source doesn't have.
    #[error("layers {outside:?} are not in the source, which has layers 0 to {}", source_layers.saturating_sub(1))]
    LayersOutside {
        /// The entries that are too high, each once, in order.
        outside: Vec<usize>,
        /// Layers of the source.
        source_layers: usize,
    },
    /// A factor that gives an absurd depth.
    #[error("factor = {factor} for {source_layers} layers: at most {largest} layers are possible")]
    TooDeep {
        /// The factor.
        factor: usize,
        /// Layers of the source.
        source_layers: usize,
        /// The bound.
        largest: usize,
    },
    /// The source lacks a tensor.
    #[error("tensor `{name}` is missing in the source")]
    MissingTensor {
        /// Its name.
        name: String,
    },
    /// The source has a tensor with another shape.
    #[error("tensor `{name}` has shape {found:?} in the source, the plan needs {expected:?}")]
    WrongShape {
        /// Its name.
        name: String,
        /// Its shape in the source.
        found: Vec<usize>,
        /// Its shape by the plan.
        expected: Vec<usize>,
    },
    /// config.json has a list with one entry a layer that can't be grown.
    #[error("config.json: `{key}`: {problem}")]
    ConfigKey {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// From reading or writing folders.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}
