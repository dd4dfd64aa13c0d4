//! Growth operators: what each tensor of a grown model is made of, and carrying it out.
//!
//! It trains nothing and decides nothing: when to grow, and by what, is outgrow-schedules'.
#![doc = include_str!("../README.md")]

mod account;
mod biases;
mod card;
mod depth;
mod digest;
mod error;
mod execute;
mod folder;
mod folder_plan;
mod fresh;
mod growth;
mod growth_words;
mod head;
mod identity;
mod layer_lists;
mod layer_map;
mod learned;
mod mask;
mod masked_folder;
mod memory;
mod mergekit;
mod model_card;
mod moments;
mod origin;
mod outline;
mod part;
mod pattern;
mod plan;
mod preservation;
mod products;
mod recipe_file;
mod rounding;
mod source;
mod units;
mod values;
mod widen;
mod width;
mod yaml;

pub use account::Account;
pub use depth::LayerOrigin;
pub use digest::{FileDigest, sha256_of_files};
pub use error::GrowthError;
pub use execute::{Medium, execute, grow_tensors};
pub use folder::{Grown, grow_folder};
pub use folder_plan::{FolderPlan, PassthroughDtypes};
pub use growth::{Growth, Mix, Placement, Width};
pub use layer_map::LayerMap;
pub use learned::LearnedMatrices;
pub use mask::Mask;
pub use masked_folder::MaskedFolder;
pub use mergekit::{Passthrough, Scale, Slice};
pub use model_card::{CardFacts, CardRecipe, ModelSize, base_models, model_card};
pub use moments::{Moments, grow_moments, plan_moments};
pub use origin::{Channel, Channels, Fill, Origin, Widening};
pub use outline::{Outline, Plannable};
pub use plan::{GrowthPlan, PlannedTensor, plan, plan_all};
pub use preservation::Preservation;
pub use recipe_file::{GrowthRecipe, RecipeFile, RecipeFileError};
pub use source::{OtherDecoder, Source};
pub use units::MaskedUnits;
