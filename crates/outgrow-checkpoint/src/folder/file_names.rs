//! What the files of a model's folder are called, whoever reads or writes them. The names of shards are not among them:
//! they follow from how many there are.

/// The configuration's file name.
pub const CONFIG_FILE: &str = "config.json";
/// The weights' file name where there is only one.
pub const SINGLE_FILE: &str = "model.safetensors";
/// The file that says which shard holds which tensor.
pub const INDEX_FILE: &str = "model.safetensors.index.json";
/// What PEFT calls the configuration of an adapter.
pub(crate) const ADAPTER_CONFIG_FILE: &str = "adapter_config.json";
