//! Growth operators: what each tensor of a grown model is made of, and carrying it out.
//!
//! It trains nothing and decides nothing: when to grow, and by what, is outgrow-schedules'.
#![doc = include_str!("../README.md")]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod growth;
mod recipe;

mod plan;
mod execute;

mod folder;

mod error;

pub use error::GrowthError;
pub use execute::{grow_moments, grow_tensors};
pub use folder::{
    account::Account,
    card::{
        front_matter::base_models,
        text::{CardFacts, CardRecipe, ModelSize, model_card},
    },
    digest::{FileDigest, sha256_of_files},
    growth::FolderGrowth,
    mask::Mask,
    masked::MaskedFolder,
    outline::{Outline, Plannable},
    plan::FolderPlan,
    source::{OtherDecoder, Source},
    write::Grown,
};
pub use growth::{
    Axis, Depth, Growth, LearnedMatrices, MatricesFile, Mix, Operator, ParameterError, Parameters, Placement,
    UnknownWord, Width,
};
pub use plan::{
    GrowthPlan,
    depth::LayerOrigin,
    layer_map::LayerMap,
    moments::Moments,
    origin::{Channel, Channels, Fill, Origin, PlannedTensor, Widening},
    preservation::Preservation,
    units::MaskedUnits,
};
pub use recipe::{
    GrowthRecipe, RecipeFile, RecipeFileError,
    mergekit::{Passthrough, PassthroughDtypes, Scale, Slice},
};
