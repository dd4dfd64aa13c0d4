//! LLaMA configurations and Hugging Face checkpoint folders, in and out.
//!
//! It knows names, shapes and bytes. It does no arithmetic on tensors and has no opinion on how models grow or train.
#![doc = include_str!("../README.md")]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod error;

pub mod dtype;
pub mod json;
mod notes;
pub mod tensor_names;

pub mod config;
pub mod folder;
mod safetensors;
pub mod shards;

mod checkpoint;
mod host_tensors;
mod training_cost;
mod weights;

pub use checkpoint::Checkpoint;
pub use config::{AttentionBias, LlamaConfig, LlamaFields, Rope, RopeScaling, TensorShape, Yarn};
pub use dtype::{Dtype, StoredDtype};
pub use error::{CheckpointError, Problems, io_error, with_causes};
pub use folder::{PendingFolder, write_file_atomically};
pub use host_tensors::{
    HostTensor, NamedTensors, read_checkpoint, read_tensors, write_checkpoint, write_model_files,
    write_tensors,
};
pub use notes::Note;
pub use safetensors::{StoredTensor, spec::TensorSpec};
pub use training_cost::{COST_FILE, TrainingCost};
pub use weights::WeightFolder;
