//! LLaMA configurations and Hugging Face checkpoint folders, in and out.
//!
//! It knows names, shapes and bytes. It does no arithmetic on tensors and has no opinion on how models grow or train.
#![doc = include_str!("../README.md")]

mod comparison;
mod config;
mod config_json;
mod dtype;
mod error;
mod file;
mod folder;
mod header;
mod honoured;
mod host;
mod index;
pub mod io_error;
mod json;
mod layout;
mod left_behind;
mod misplaced;
mod names;
mod naming;
mod notes;
mod open;
mod own_names;
mod rope_json;
mod shards;
mod stored_dtype;
mod tensors;
mod values;
mod weights;
mod wrappers;
mod write;

pub use config::{LARGEST_NUM_HIDDEN_LAYERS, LlamaConfig, LlamaFields, Rope, RopeScaling};
pub use dtype::Dtype;
pub use error::{CheckpointError, Problems};
pub use folder::{PendingFolder, refuse_target_within, write_file_atomically};
pub use honoured::is_base_model;
pub use host::{HostTensor, NamedTensors, read_tensors, write_checkpoint, write_model_files, write_tensors};
pub use index::IndexListing;
pub use json::{PythonJson, json_text, shown};
pub use layout::{Shard, ShardLayout, TensorSpec};
pub use names::{layer_index, layer_prefix, name_in_layer, with_layer_index};
pub use notes::Note;
pub use open::Checkpoint;
pub use stored_dtype::{OtherDtype, StoredDtype};
pub use tensors::TensorShape;
pub use values::{ValueTooLarge, decode_into, encode_into};
pub use weights::{
    CONFIG_FILE, INDEX_FILE, SINGLE_FILE, ShardSet, StoredTensor, WeightFolder, read_raw_config,
};
pub use write::{ShardWriter, TensorWriter, WrittenShards};
