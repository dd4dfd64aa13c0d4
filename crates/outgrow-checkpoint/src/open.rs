//! A LLaMA-style checkpoint folder, opened. An opened checkpoint is sound: every tensor of its model is there, in the
//! right shape and in a type that can be read. Other architectures are [`WeightFolder`]'s. Nothing here writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::Value;

use crate::{
    config::LlamaConfig,
    error::{CheckpointError, Problems},
    tensors::HEAD,
    weights::{CONFIG_FILE, StoredTensor, WeightFolder, read_raw_config},
};

/// An opened checkpoint folder, memory-mapped: opening costs the headers, not the weights.
///
/// Files must not be changed in place while this lives.
#[derive(Debug)]
pub struct Checkpoint {
    weights: WeightFolder,
    config: LlamaConfig,
    /// The model's tensors among the folder's, in the order of [`LlamaConfig::tensors`].
    order: Vec<usize>,
    /// Tensors of the folder that are no parameters of the model.
    passed_over: BTreeSet<String>,
}

impl Checkpoint {
    /// Opens a folder with config.json and model.safetensors, or shards and their index.
    ///
    /// Two kinds of tensors may be there and are passed over, as transformers does: a head beside a tied embedding,
    /// and the `rotary_emb.inv_freq` of old conversions.
    ///
    /// # Errors
    /// Everything in [`CheckpointError`] but what concerns writing.
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        // The configuration is looked at first: what it says is the better reason for tensors that can't be read.
        let raw_config = read_raw_config(folder)?;
        let config = LlamaConfig::from_raw(&folder.join(CONFIG_FILE), &raw_config)?;
        Self::check(WeightFolder::open_with(folder, raw_config)?, config)
    }

    /// A folder that is open already, if a LLaMA-style model is in it.
    ///
    /// # Errors
    /// `Config` or `Tensors` where there is none.
    pub fn from_weights(weights: WeightFolder) -> Result<Self, CheckpointError> {
        let config = LlamaConfig::from_raw(&weights.folder().join(CONFIG_FILE), weights.raw_config())?;
        Self::check(weights, config)
    }

    fn check(weights: WeightFolder, config: LlamaConfig) -> Result<Self, CheckpointError> {
        let stored = weights.tensors().iter().enumerate();
        let mut left: BTreeMap<&str, usize> = stored.map(|(index, one)| (one.name.as_str(), index)).collect();
        let mut problems = Vec::new();
        let mut order = Vec::new();
        for expected in config.tensors() {
            let (name, shape) = (&expected.name, &expected.shape);
            match left.remove(name.as_str()).map(|index| (index, &weights.tensors()[index].shape)) {
                None => problems.push(format!("`{name}` is missing, expected shape {shape:?}")),
                Some((_, found)) if found != shape => {
                    problems.push(format!("`{name}` has shape {found:?}, expected {shape:?}"));
                }
                Some((index, _)) => order.push(index),
            }
        }
        let is_tied_head = |name: &str| name == HEAD && config.tie_word_embeddings;
        let unexpected = left.keys().filter(|name| !is_tied_head(name));
        problems.extend(
            unexpected.map(|name| format!("`{name}` is no tensor of the model that config.json describes")),
        );
        let passed_over = left.into_keys().map(str::to_owned).collect();
        let path = weights.folder();
        Problems(problems)
            .into_result(|problems| CheckpointError::Tensors { path: path.to_owned(), problems })?;
        Ok(Self { weights, config, order, passed_over })
    }

    /// The folder, whatever is in it.
    pub fn weights(&self) -> &WeightFolder {
        &self.weights
    }

    /// The model's shape.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// config.json as it is in the folder, with all the keys that [`LlamaConfig`] doesn't know.
    pub fn raw_config(&self) -> &Value {
        self.weights.raw_config()
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.weights.folder()
    }

    /// All tensors of the model, in the order of [`LlamaConfig::tensors`].
    pub fn tensors(&self) -> impl Iterator<Item = &StoredTensor> {
        self.order.iter().map(|index| &self.weights.tensors()[*index])
    }

    /// A tensor of the model by its name.
    pub fn tensor(&self, name: &str) -> Option<&StoredTensor> {
        self.weights.tensor(name).filter(|tensor| !self.passed_over.contains(&tensor.name))
    }

    /// The stored bytes of a tensor: little-endian, row-major, of its own type.
    ///
    /// # Errors
    /// [`CheckpointError::Tensors`] for a name that the model doesn't have.
    pub fn bytes(&self, name: &str) -> Result<&[u8], CheckpointError> {
        if self.passed_over.contains(name) {
            let problems = Problems(vec![format!("`{name}` is no tensor of the model")]);
            return Err(CheckpointError::Tensors { path: self.folder().to_owned(), problems });
        }
        self.weights.bytes(name)
    }
}
