//! Models as folders on disk: what is known of one that is to be grown, what is decided of its growth, and the folder
//! that is then made.

pub(crate) mod source;
pub(crate) mod outline;
pub(crate) mod plannable;
mod head;

pub(crate) mod plan;
pub(crate) mod passthrough_plan;
mod config_json;
mod silence;
pub(crate) mod mask;
pub(crate) mod learning;
pub(crate) mod masked;

pub(crate) mod growth;
pub(crate) mod progress;
mod shards;
pub(crate) mod side_files;
pub(crate) mod write;
pub(crate) mod grow_folder;
pub mod card;
pub(crate) mod digest;
mod fingerprint;

pub(crate) mod account;
mod peak_memory;
mod thousands;

pub use self::{
    account::Account,
    digest::model_sha256,
    growth::FolderGrowth,
    learning::{LearningRecord, MATRICES_FILE},
    mask::{MASK_FILE, Mask},
    masked::MaskedFolder,
    outline::Outline,
    plan::FolderPlan,
    plannable::{Plannable, PlannableRef},
    source::{OtherDecoder, Source},
    write::Grown,
};
