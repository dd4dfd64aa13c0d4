//! LLaMA configurations and Hugging Face checkpoint folders, in and out.
//!
//! It knows names, shapes and bytes. It does no arithmetic on tensors and has no opinion on how models grow or train.
#![doc = include_str!("../README.md")]

mod config;
mod config_json;
mod error;
mod file;
mod folder;
mod host;
mod layout;
mod open;
mod rope_json;
mod tensors;
mod write;

pub use config::{Dtype, LARGEST_NUM_HIDDEN_LAYERS, LlamaConfig, Rope, RopeScaling};
pub use error::{CheckpointError, Problems};
pub use folder::{PendingFolder, write_file_atomically};
pub use host::{HostTensor, NamedTensors, read_tensors, write_checkpoint, write_model_files, write_tensors};
pub use layout::{Shard, ShardLayout, TensorSpec};
pub use open::{CONFIG_FILE, Checkpoint, INDEX_FILE, SINGLE_FILE, StoredTensor};
pub use tensors::{TensorShape, layer_index, with_layer_index};
pub use write::ShardWriter;
