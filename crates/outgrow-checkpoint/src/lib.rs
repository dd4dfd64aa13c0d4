//! LLaMA configurations and Hugging Face checkpoint folders, in and out.
//!
//! It knows names, shapes and bytes. It does no arithmetic on tensors and has no opinion on how models grow or train.
#![doc = include_str!("../README.md")]

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
mod weights;

pub use checkpoint::Checkpoint;
pub use config::{LARGEST_NUM_HIDDEN_LAYERS, LlamaConfig, LlamaFields, Rope, RopeScaling};
pub use config::{honoured::is_base_model, raw::read_raw_config, tensors::TensorShape};
pub use dtype::{
    Dtype,
    stored::{OtherDtype, StoredDtype},
    values::{ValueTooLarge, decode_into, encode_into},
};
pub use error::{CheckpointError, Problems, io_error, with_causes};
pub use folder::{
    PendingFolder,
    file_names::{CONFIG_FILE, INDEX_FILE, SINGLE_FILE},
    refuse_target_within, write_file_atomically,
};
pub use host_tensors::{
    HostTensor, NamedTensors, read_tensors, write_checkpoint, write_model_files, write_tensors,
};
pub use json::{PythonJson, json_text, shown};
pub use notes::Note;
pub use safetensors::{StoredTensor, spec::TensorSpec};
pub use shards::{
    index::IndexListing,
    layout::{Shard, ShardLayout},
    set::ShardSet,
    writer::{ShardWriter, TensorWriter, WrittenShards},
};
pub use tensor_names::{layer_index, layer_prefix, name_in_layer, with_layer_index};
pub use weights::WeightFolder;
