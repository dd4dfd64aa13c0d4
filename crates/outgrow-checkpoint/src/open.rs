//! A Hugging Face folder, opened: its configuration, and its tensors mapped into memory from one file or several.

use std::{
    collections::BTreeMap,
    fs::File,
    ops::Range,
    path::{Path, PathBuf},
};

use memmap2::Mmap;
use safetensors::SafeTensors;
use serde_json::Value;

use crate::{
    config::{Dtype, LlamaConfig},
    error::{CheckpointError, Problems},
    host::{HostTensor, NamedTensors, decode},
    tensors::HEAD,
};

/// The configuration's file name.
pub const CONFIG_FILE: &str = "config.json";
/// The only shard of a small model.
pub const SINGLE_FILE: &str = "model.safetensors";
/// Which tensor is in which shard.
pub const INDEX_FILE: &str = "model.safetensors.index.json";

/// A tensor in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTensor {
    /// Its name.
    pub name: String,
    /// How its values are stored.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The file that it is in.
    pub shard: PathBuf,
    /// Its bytes in the file.
    pub range: Range<u64>,
}

/// One safetensors file, mapped.
#[derive(Debug)]
pub(crate) struct SafetensorsFile {
    map: Mmap,
    pub(crate) tensors: Vec<StoredTensor>,
}

impl SafetensorsFile {
    pub(crate) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let failed = |source| CheckpointError::io("read", path, source);
        let file = File::open(path).map_err(failed)?;
        // SAFETY: the map is only read. Another process that shortens the file while it is mapped could end this one with SIGBUS;
        // checkpoints are written once and renamed into place, so nothing of ours does that.
        let map = unsafe { Mmap::map(&file) }.map_err(failed)?;
        let damaged = |problem: String| CheckpointError::Damaged { file: path.to_owned(), problem };
        let (header, metadata) = SafeTensors::read_metadata(&map)
            .map_err(|error| damaged(format!("not a whole safetensors file: {error}")))?;
        let data_start = header + 8;
        let mut tensors = Vec::new();
        for (name, info) in metadata.tensors() {
            let dtype = match info.dtype {
                safetensors::Dtype::F32 => Dtype::F32,
                safetensors::Dtype::F16 => Dtype::F16,
                safetensors::Dtype::BF16 => Dtype::BF16,
                other => return Err(damaged(format!("tensor `{name}` is {other:?}; expected F32, F16 or BF16"))),
            };
            let (start, end) = ((data_start + info.data_offsets.0) as u64, (data_start + info.data_offsets.1) as u64);
            if end > map.len() as u64 {
                let problem = format!("ends at byte {}, tensor `{name}` should end at byte {end}: truncated?", map.len());
                return Err(damaged(problem));
            }
            let (shape, shard) = (info.shape.clone(), path.to_owned());
            tensors.push(StoredTensor { name, dtype, shape, shard, range: start..end });
        }
        Ok(Self { map, tensors })
    }

    pub(crate) fn bytes(&self, tensor: &StoredTensor) -> &[u8] {
        &self.map[tensor.range.start as usize..tensor.range.end as usize]
    }
}

/// An opened folder. Nothing is read until it is asked for.
#[derive(Debug)]
pub struct Checkpoint {
    folder: PathBuf,
    config: LlamaConfig,
    raw_config: Value,
    files: BTreeMap<PathBuf, SafetensorsFile>,
    tensors: BTreeMap<String, StoredTensor>,
}

impl Checkpoint {
    /// Opens a folder and checks its tensors against its configuration: all are there, with their shapes, and no others.
    ///
    /// # Errors
    /// When a file is missing or damaged, the configuration is one that the decoder can't honour, or tensors don't fit it.
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        if !folder.is_dir() {
            return Err(CheckpointError::NoFolder { path: folder.to_owned() });
        }
        let config = LlamaConfig::read(folder)?;
        let raw_config = read_json(&folder.join(CONFIG_FILE))?;
        let mut files = BTreeMap::new();
        let mut tensors = BTreeMap::new();
        for name in shard_names(folder)? {
            let path = folder.join(&name);
            let file = SafetensorsFile::open(&path)?;
            for tensor in &file.tensors {
                if let Some(other) = tensors.insert(tensor.name.clone(), tensor.clone()) {
                    let problem = format!("tensor `{}` is also in {}", tensor.name, other.shard.display());
                    return Err(CheckpointError::Damaged { file: path, problem });
                }
            }
            files.insert(path, file);
        }
        let checkpoint = Self { folder: folder.to_owned(), config, raw_config, files, tensors };
        checkpoint.check_tensors()?;
        Ok(checkpoint)
    }

    /// The model's configuration.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// config.json as it stands in the folder.
    pub fn raw_config(&self) -> &Value {
        &self.raw_config
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All stored tensors, by name.
    pub fn tensors(&self) -> impl Iterator<Item = &StoredTensor> {
        self.tensors.values()
    }

    /// A stored tensor.
    pub fn tensor(&self, name: &str) -> Option<&StoredTensor> {
        self.tensors.get(name)
    }

    /// A tensor's bytes, as stored: little-endian.
    ///
    /// # Errors
    /// When there is no such tensor.
    pub fn bytes(&self, name: &str) -> Result<&[u8], CheckpointError> {
        let tensor = self.tensors.get(name).ok_or_else(|| CheckpointError::Tensors {
            path: self.folder.clone(),
            problems: Problems(vec![format!("tensor `{name}` is missing")]),
        })?;
        Ok(self.files[&tensor.shard].bytes(tensor))
    }

    /// All of the model's tensors in f32.
    ///
    /// # Errors
    /// When one is missing, which opening has ruled out.
    pub fn to_named_tensors(&self) -> Result<NamedTensors, CheckpointError> {
        let read = |tensor: crate::tensors::TensorShape| {
            let bytes = self.bytes(&tensor.name)?;
            let values = decode(bytes, self.tensors[&tensor.name].dtype);
            Ok((tensor.name, HostTensor { shape: tensor.shape, values }))
        };
        self.config.tensors().into_iter().map(read).collect()
    }

    fn check_tensors(&self) -> Result<(), CheckpointError> {
        let mut problems = Vec::new();
        let expected: BTreeMap<_, _> =
            self.config.tensors().into_iter().map(|tensor| (tensor.name, tensor.shape)).collect();
        for (name, shape) in &expected {
            match self.tensors.get(name) {
                None => problems.push(format!("tensor `{name}` is missing; expected shape {shape:?}")),
                Some(stored) if stored.shape != *shape => {
                    problems.push(format!("tensor `{name}` has shape {:?}; config.json calls for {shape:?}", stored.shape));
                }
                Some(_) => {}
            }
        }
        // A tied model may store its head a second time; older files store the rotary frequencies.
        let spare = |name: &str| (self.config.tie_word_embeddings && name == HEAD) || name.ends_with("rotary_emb.inv_freq");
        let unexpected = self.tensors.keys().filter(|name| !expected.contains_key(*name) && !spare(name));
        problems.extend(unexpected.map(|name| format!("tensor `{name}` has no place in the model of config.json")));
        Problems(problems).into_result(|problems| CheckpointError::Tensors { path: self.folder.clone(), problems })
    }
}

pub(crate) fn read_json(path: &Path) -> Result<Value, CheckpointError> {
    let text = std::fs::read(path).map_err(|source| CheckpointError::io("read", path, source))?;
    serde_json::from_slice(&text)
        .map_err(|error| CheckpointError::Json { file: path.to_owned(), problem: error.to_string() })
}

/// The files named by the index, or the single file.
fn shard_names(folder: &Path) -> Result<Vec<String>, CheckpointError> {
    let index = folder.join(INDEX_FILE);
    if !index.is_file() {
        if folder.join(SINGLE_FILE).is_file() {
            return Ok(vec![SINGLE_FILE.to_owned()]);
        }
        let other_format = ["pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.00.pth"];
        let other_format = other_format.iter().any(|file| folder.join(file).exists());
        return Err(CheckpointError::NoWeights { folder: folder.to_owned(), other_format });
    }
    let json = read_json(&index)?;
    let names = json["weight_map"].as_object().map(|map| map.values().map(|name| name.as_str().map(str::to_owned)));
    let names: Option<Vec<String>> = names.and_then(Iterator::collect);
    let mut names = names.ok_or_else(|| CheckpointError::Json {
        file: index.clone(),
        problem: "no `weight_map` from tensor names to file names".to_owned(),
    })?;
    names.sort();
    names.dedup();
    let is_plain = |name: &String| Path::new(name).components().count() == 1 && !name.starts_with('.');
    match names.iter().find(|name| !is_plain(name)) {
        Some(name) => {
            let problem = format!("`{name}` in `weight_map` is not a file name");
            Err(CheckpointError::Json { file: index, problem })
        }
        None => Ok(names),
    }
}
