//! Tensors spread over several safetensors files and an index: laid out, written, listed and read. What the tensors
//! mean is not known here.

pub(crate) mod set;
pub(crate) mod layout;
pub(crate) mod writer;
pub(crate) mod wrappers;
pub(crate) mod index;
pub(crate) mod reading;

pub use index::IndexListing;
pub use layout::{DEFAULT_SHARD_SIZE_BYTES, Shard, ShardLayout};
pub use set::ShardSet;
pub use writer::{ShardWriter, TensorWriter, WrittenShards};
