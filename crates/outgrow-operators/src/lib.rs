//! Growth operators: what each tensor of a grown model is made of, and carrying it out.
//!
//! It trains nothing and decides nothing: when to grow, and by what, is outgrow-schedules'.
#![doc = include_str!("../README.md")]
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod growth;
pub mod recipe;

pub mod plan;
mod execute;

pub mod folder;

mod error;

pub use error::GrowthError;
pub use execute::{grow_moments, grow_tensors, matrix_gradients::MatrixGradients};
pub use folder::{
    FolderGrowth, FolderPlan, Source,
    grow_folder::{GrowOptions, GrownFolder, grow_folder},
    progress::GrowProgress,
};
pub use growth::{Axis, Depth, Growth, Mix, Operator, Parameters, Placement, Width};
pub use plan::{
    ChannelCopies, GrowthPlan, LayerMap, LayerOrigin, Lineage, Moments, MomentsPlan, NewPart, Origin,
    PlannedTensor, Preservation, TensorLineage,
};
pub use recipe::{GrowthRecipe, RecipeFile};
