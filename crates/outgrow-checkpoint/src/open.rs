//! A Hugging Face checkpoint folder, opened: configuration, which tensors are where, and their bytes. An opened
//! checkpoint is sound: every tensor of its model is there, in the right shape and in a type that can be read.
//! Nothing here writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    config::{Dtype, LlamaConfig},
    error::{CheckpointError, Problems},
    file::{Entry, SafetensorsFile},
    tensors::HEAD,
};

/// The configuration's file name.
pub const CONFIG_FILE: &str = "config.json";
/// The weights' file name where there is only one.
pub const SINGLE_FILE: &str = "model.safetensors";
/// The file that says which shard holds which tensor.
pub const INDEX_FILE: &str = "model.safetensors.index.json";

/// A tensor and where its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTensor {
    /// The Hugging Face name.
    pub name: String,
    /// How it is stored.
    pub dtype: Dtype,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The file that holds it.
    pub shard: PathBuf,
    /// Bytes in that file.
    pub range: Range<u64>,
}

/// An opened checkpoint folder, memory-mapped: opening costs the headers, not the weights.
///
/// Files must not be changed in place while this lives.
#[derive(Debug)]
pub struct Checkpoint {
    folder: PathBuf,
    config: LlamaConfig,
    raw_config: Value,
    files: BTreeMap<PathBuf, SafetensorsFile>,
    /// In the order of [`LlamaConfig::tensors`].
    tensors: Vec<StoredTensor>,
    positions: BTreeMap<String, usize>,
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
        let (config, raw_config) = LlamaConfig::read_with_json(folder)?;
        let (files, mut entries) = open_files(folder)?;
        let mut problems = Vec::new();
        let mut tensors = Vec::new();
        for expected in config.tensors() {
            let (name, shape) = (expected.name, expected.shape);
            match entries.remove(&name) {
                None => problems.push(format!("`{name}` is missing, expected shape {shape:?}")),
                Some((_, entry)) if entry.shape != shape => {
                    problems.push(format!("`{name}` has shape {:?}, expected {shape:?}", entry.shape));
                }
                Some((shard, entry)) => match entry.dtype {
                    Ok(dtype) => tensors.push(StoredTensor { name, dtype, shape, shard, range: entry.range }),
                    Err(other) => problems.push(format!("`{name}` is {other}, expected F32, F16 or BF16")),
                },
            }
        }
        let is_tied_head = |name: &str| name == HEAD && config.tie_word_embeddings;
        let unexpected = entries.keys().filter(|name| !is_tied_head(name));
        problems.extend(
            unexpected.map(|name| format!("`{name}` is no tensor of the model that config.json describes")),
        );
        Problems(problems)
            .into_result(|problems| CheckpointError::Tensors { path: folder.to_owned(), problems })?;
        let positions = tensors.iter().enumerate().map(|(index, one)| (one.name.clone(), index)).collect();
        Ok(Self { folder: folder.to_owned(), config, raw_config, files, tensors, positions })
    }

    /// The model's shape.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// config.json as it is in the folder, with all the keys that [`LlamaConfig`] doesn't know.
    pub fn raw_config(&self) -> &Value {
        &self.raw_config
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All tensors of the model, in the order of [`LlamaConfig::tensors`].
    pub fn tensors(&self) -> impl Iterator<Item = &StoredTensor> {
        self.tensors.iter()
    }

    /// A tensor by its name.
    pub fn tensor(&self, name: &str) -> Option<&StoredTensor> {
        self.positions.get(name).map(|index| &self.tensors[*index])
    }

    /// The stored bytes of a tensor: little-endian, row-major, of its own type.
    ///
    /// # Errors
    /// [`CheckpointError::Tensors`] for a name that the model doesn't have.
    pub fn bytes(&self, name: &str) -> Result<&[u8], CheckpointError> {
        let tensor = self.tensor(name).ok_or_else(|| CheckpointError::Tensors {
            path: self.folder.clone(),
            problems: Problems(vec![format!("`{name}` is no tensor of the model")]),
        })?;
        Ok(self.files[&tensor.shard].bytes(&tensor.range))
    }
}

type Files = BTreeMap<PathBuf, SafetensorsFile>;
type Entries = BTreeMap<String, (PathBuf, Entry)>;

fn open_files(folder: &Path) -> Result<(Files, Entries), CheckpointError> {
    let index_file = folder.join(INDEX_FILE);
    let index = if folder.join(SINGLE_FILE).exists() {
        None
    } else if index_file.exists() {
        Some(read_index(&index_file)?)
    } else {
        return Err(no_weights(folder));
    };
    let names: BTreeSet<&str> = match &index {
        None => BTreeSet::from([SINGLE_FILE]),
        Some(index) => index.values().map(String::as_str).collect(),
    };
    let missing: Vec<&str> = names.iter().copied().filter(|name| !folder.join(name).exists()).collect();
    if !missing.is_empty() {
        let problem = format!("names shards that are not there: {}", missing.join(", "));
        return Err(CheckpointError::Json { file: index_file, problem });
    }
    let mut files = Files::new();
    let mut entries = Entries::new();
    let mut problems = Vec::new();
    for name in names {
        let file = SafetensorsFile::open(&folder.join(name))?;
        for entry in file.entries().into_iter().filter(|entry| !is_passed_over(&entry.name)) {
            if index.as_ref().is_some_and(|index| index.get(&entry.name).is_none_or(|shard| shard != name)) {
                problems.push(format!("{name} holds `{}`, which the index does not place there", entry.name));
            }
            entries.insert(entry.name.clone(), (file.path.clone(), entry));
        }
        files.insert(file.path.clone(), file);
    }
    for (tensor, shard) in index.iter().flatten().filter(|(tensor, _)| !is_passed_over(tensor)) {
        if !entries.contains_key(tensor) {
            problems.push(format!("the index places `{tensor}` in {shard}, which does not hold it"));
        }
    }
    Problems(problems)
        .into_result(|problems| CheckpointError::Tensors { path: folder.to_owned(), problems })?;
    Ok((files, entries))
}

/// Old conversions store the rotary frequencies, which follow from the configuration.
fn is_passed_over(name: &str) -> bool {
    name.ends_with(".rotary_emb.inv_freq")
}

/// Which file, of this folder, holds each tensor.
fn read_index(file: &Path) -> Result<BTreeMap<String, String>, CheckpointError> {
    let problem = |problem: String| CheckpointError::Json { file: file.to_owned(), problem };
    let text = fs::read_to_string(file).map_err(|source| CheckpointError::io("read", file, source))?;
    let json: Value = serde_json::from_str(&text).map_err(|error| problem(format!("not JSON: {error}")))?;
    let map = json["weight_map"].as_object().filter(|map| !map.is_empty()).ok_or_else(|| {
        problem("`weight_map` is missing, expected an object of tensors and their files".to_owned())
    })?;
    let mut places = BTreeMap::new();
    for (tensor, shard) in map {
        // A shard is a file of the same folder; anything else would reach outside it.
        let name = shard.as_str().filter(|name| Path::new(name).file_name() == Some(name.as_ref()));
        let name =
            name.ok_or_else(|| problem(format!("`{tensor}` is in {shard}, expected the name of a file")))?;
        places.insert(tensor.clone(), name.to_owned());
    }
    Ok(places)
}

fn no_weights(folder: &Path) -> CheckpointError {
    let is_other = |name: &str| {
        [".bin", ".pth", ".pt", ".gguf", ".bin.index.json"].iter().any(|ending| name.ends_with(ending))
    };
    let other_format = fs::read_dir(folder)
        .is_ok_and(|entries| entries.flatten().any(|entry| is_other(&entry.file_name().to_string_lossy())));
    CheckpointError::NoWeights { folder: folder.to_owned(), other_format }
}
