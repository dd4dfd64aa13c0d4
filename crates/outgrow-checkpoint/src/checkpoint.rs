//! A LLaMA-style checkpoint folder, opened. An opened checkpoint is sound: every tensor of its model is there, in the
//! right shape and in a type that can be read. What else is in the folder is passed over and noted. Other architectures
//! are [`WeightFolder`]'s. Nothing here writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::Value;

use crate::{
    config::{
        LlamaConfig,
        file::ConfigFile,
        json::ReadConfig,
        tensors::{EMBEDDING, HEAD, TensorShape},
    },
    error::{CheckpointError, Problems},
    notes::Note,
    safetensors::StoredTensor,
    weights::WeightFolder,
};

/// Old conversions store the rotary frequencies, which follow from the configuration.
const FREQUENCIES: &str = ".rotary_emb.inv_freq";

/// An opened checkpoint folder, memory-mapped: opening costs the headers, not the weights; but for a head beside a tied
/// embedding, which is compared with it.
///
/// Files must not be changed in place while this lives.
///
/// ```
/// use outgrow_checkpoint::Checkpoint;
/// # use outgrow_checkpoint::{HostTensor, LlamaConfig, write_checkpoint};
/// # let scratch = tempfile::tempdir()?;
/// # let folder = scratch.path().join("model");
/// # let config = LlamaConfig::from_json(r#"{ "model_type": "llama", "vocab_size": 32, "hidden_size": 8,
/// #     "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4 }"#)?;
/// # let zeros = |shape: Vec<usize>| HostTensor { values: vec![0.0; shape.iter().product()], shape };
/// # let tensors = config.tensors().into_iter().map(|one| (one.name, zeros(one.shape))).collect();
/// # write_checkpoint(&folder, &config, &tensors, 1 << 30)?;
///
/// let checkpoint = Checkpoint::open(&folder)?;
/// for note in checkpoint.notes() {
///     eprintln!("{note}"); // what is odd about the folder, and no reason to refuse it
/// }
/// assert_eq!(checkpoint.config().num_hidden_layers, 2);
/// let embedding = checkpoint.tensor("model.embed_tokens.weight").ok_or("no embedding")?;
/// assert_eq!(embedding.shape, [32, 8]);
/// assert_eq!(checkpoint.bytes(&embedding.name)?.len(), 32 * 8 * 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Checkpoint {
    weights: WeightFolder,
    config: LlamaConfig,
    notes: Vec<Note>,
    /// The model's tensors among the folder's, in the order of [`LlamaConfig::tensors`].
    order: Vec<usize>,
    /// Tensors of the folder that are no parameters of the model.
    passed_over: BTreeSet<String>,
}

impl Checkpoint {
    /// Opens a folder with config.json and model.safetensors, or shards.
    ///
    /// Tensors that are none of the model's are passed over, as transformers does. A head beside a tied embedding is
    /// the embedding if it has its values; one with others is used, and the model is not tied.
    ///
    /// # Errors
    /// Everything in [`CheckpointError`] but what concerns writing.
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        let config = ConfigFile::read(folder)?;
        // What it says is the better reason for tensors that can't be read.
        config.read_config()?;
        Self::from_weights(WeightFolder::of(config)?)
    }

    /// A folder that is open already, if a LLaMA-style model is in it.
    ///
    /// # Errors
    /// `Config` or `Tensors` where there is none.
    pub fn from_weights(weights: WeightFolder) -> Result<Self, CheckpointError> {
        let ReadConfig { mut config, mut notes, unknown_dtype } = weights.read_config()?.clone();
        let names = config.tensors().into_iter().map(|one| one.name).collect();
        let weights = weights.with_own_names(&names, config.tie_word_embeddings);
        if config.tie_word_embeddings && weights.has_own_head()? {
            config = config.with(|fields| fields.tie_word_embeddings = false)?;
            notes.push(Note::HeadKept { head: HEAD.to_owned() });
        }
        let expected = config.tensors();
        let names: BTreeSet<&str> = expected.iter().map(|one| one.name.as_str()).collect();
        notes.extend(weights.unneeded(|name| names.contains(name))?);
        let (order, unexpected) = placed(&weights, &config, &expected)?;
        notes.extend(of_unexpected(&unexpected, &weights, &config));
        if let Some(problem) = unknown_dtype {
            let stored = weights.tensor(EMBEDDING).and_then(|tensor| tensor.dtype.float());
            let dtype = stored.unwrap_or(config.dtype);
            config = config.with_dtype(dtype);
            let key = if weights.raw_config()["dtype"].is_null() { "torch_dtype" } else { "dtype" };
            let said = problem.split_once(" is ").map_or(problem.as_str(), |(_, said)| said);
            notes.push(Note::Config {
                key: key.to_owned(),
                said: format!("is {said}; the weights are {}", config.dtype.config_name()),
            });
        }
        let notes = [weights.notes(), &notes].concat();
        Ok(Self { weights, config, notes, order, passed_over: unexpected.into_iter().collect() })
    }

    /// What isn't as it should be about the folder, and what of it is passed over.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The folder, whatever is in it.
    pub fn weights(&self) -> &WeightFolder {
        &self.weights
    }

    /// The model's shape; not tied if a head of its own is stored, whatever config.json says.
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

/// Where the expected tensors are, and the names of the others.
fn placed(
    weights: &WeightFolder,
    config: &LlamaConfig,
    expected: &[TensorShape],
) -> Result<(Vec<usize>, Vec<String>), CheckpointError> {
    let stored = weights.tensors().iter().enumerate();
    let mut left: BTreeMap<&str, usize> = stored.map(|(index, one)| (one.name.as_str(), index)).collect();
    let mut problems = Vec::new();
    let mut order = Vec::new();
    for TensorShape { name, shape } in expected {
        let Some(index) = left.remove(name.as_str()) else {
            problems.push(format!(
                "`{name}` is missing, expected shape {shape:?}{}",
                hint(name, weights, config)
            ));
            continue;
        };
        let StoredTensor { dtype, shape: found, .. } = &weights.tensors()[index];
        if dtype.float().is_none() {
            problems.push(format!("`{name}` is {dtype}, expected F32, F16 or BF16"));
        } else if found != shape {
            problems.push(format!("`{name}` has shape {found:?}, expected {shape:?}"));
        }
        order.push(index);
    }
    let unexpected: Vec<String> = left.into_keys().map(str::to_owned).collect();
    if unexpected.iter().any(|name| name.contains(".lora_A.")) {
        problems.push(
            "weights of an adapter (LoRA) that isn't merged are among the tensors: merge it first, by merge_and_unload and \
             save_pretrained of PEFT"
                .to_owned(),
        );
    }
    if problems.is_empty() {
        return Ok((order, unexpected));
    }
    problems.extend(resized(weights, config));
    // They may be those that are missed, under other names.
    let strange = unexpected.iter().filter(|name| !is_known(name, weights, config));
    problems
        .extend(strange.map(|name| format!("`{name}` is no tensor of the model that config.json describes")));
    Err(CheckpointError::Tensors { path: weights.folder().to_owned(), problems: Problems(problems) })
}

/// What could be meant where a head or an embedding is missing.
fn hint(name: &str, weights: &WeightFolder, config: &LlamaConfig) -> &'static str {
    let other = match name {
        EMBEDDING => HEAD,
        HEAD => EMBEDDING,
        _ => return "",
    };
    if config.tie_word_embeddings || weights.tensor(other).is_none() {
        return "";
    }
    "; transformers would draw it at random, so find it, or, if head and embedding are one, set `tie_word_embeddings` to true"
}

/// A vocabulary that has grown without config.json.
fn resized(weights: &WeightFolder, config: &LlamaConfig) -> Option<String> {
    let rows = |name: &str| match weights.tensor(name)?.shape[..] {
        [rows, hidden] if hidden == config.hidden_size => Some(rows),
        _ => None,
    };
    let found = rows(EMBEDDING).filter(|rows| *rows != config.vocab_size)?;
    let agrees = config.tie_word_embeddings || rows(HEAD) == Some(found);
    agrees.then(|| format!("if the vocabulary was resized, set `vocab_size` to {found}"))
}

/// Tensors that are no parameters and that everybody knows.
fn is_known(name: &str, weights: &WeightFolder, config: &LlamaConfig) -> bool {
    let is_float = || weights.tensor(name).is_some_and(|tensor| tensor.dtype.float().is_some());
    // The head would be a parameter if it weren't the embedding.
    name.ends_with(FREQUENCIES) || (name == HEAD && config.tie_word_embeddings && is_float())
}

fn of_unexpected(unexpected: &[String], weights: &WeightFolder, config: &LlamaConfig) -> Vec<Note> {
    let named = |fits: &dyn Fn(&str) -> bool| -> Vec<String> {
        unexpected.iter().filter(|name| fits(name)).cloned().collect()
    };
    let groups = [
        (named(&|name| name.ends_with(FREQUENCIES)), "which follows from config.json"),
        (named(&|name| !is_known(name, weights, config)), "which config.json has no use for"),
    ];
    let groups = groups.into_iter().filter(|(names, _)| !names.is_empty());
    groups.map(|(names, why)| Note::PassedOver { names, why }).collect()
}
