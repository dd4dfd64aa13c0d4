//! A Hugging Face folder of any architecture, opened: config.json as it is, which tensors are where, and their bytes.
//! An opened folder is sound: its files are whole, its index and its shards agree, and every tensor can be read. What
//! the tensors mean, and whether they make up a model, is not known here. Nothing here writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Range,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    config::Dtype,
    error::{CheckpointError, Problems},
    file::SafetensorsFile,
    header::Entry,
    index::{open_order, read_index},
    names::natural_order,
};

/// The configuration's file name.
pub const CONFIG_FILE: &str = "config.json";
/// The weights' file name where there is only one.
pub const SINGLE_FILE: &str = "model.safetensors";
/// The file that says which shard holds which tensor.
pub const INDEX_FILE: &str = "model.safetensors.index.json";

/// The sets of files that a folder can hold: each is one file, or several and an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardSet {
    /// `model.safetensors`, or `model-00001-of-00002.safetensors` and so on: the parameters.
    Model,
    /// `optimizer.safetensors`, or `optimizer-00001-of-00002.safetensors` and so on: AdamW's moments, named by the path of
    /// their parameter and `.exp_avg` or `.exp_avg_sq`.
    Optimizer,
}

impl ShardSet {
    /// What the names of its files begin with.
    pub(crate) fn stem(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Optimizer => "optimizer",
        }
    }

    /// The file where there is only one.
    pub(crate) fn single_file(self) -> String {
        format!("{}.safetensors", self.stem())
    }

    /// The file that says which shard holds which tensor.
    pub(crate) fn index_file(self) -> String {
        format!("{}.safetensors.index.json", self.stem())
    }
}

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

/// An opened folder of weights, memory-mapped: opening costs the headers, not the weights.
///
/// Files must not be changed in place while this lives.
#[derive(Debug)]
pub struct WeightFolder {
    folder: PathBuf,
    raw_config: Value,
    files: BTreeMap<PathBuf, SafetensorsFile>,
    /// In natural order.
    tensors: Vec<StoredTensor>,
    positions: BTreeMap<String, usize>,
}

impl WeightFolder {
    /// Opens a folder with config.json and model.safetensors, or shards and their index.
    ///
    /// Passed over, as in transformers, is the `rotary_emb.inv_freq` of old conversions, which follows from the
    /// configuration.
    ///
    /// # Errors
    /// Everything in [`CheckpointError`] but what concerns writing.
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        Self::open_with(folder, read_raw_config(folder)?)
    }

    /// Opens the weights of a folder whose config.json has been read.
    pub(crate) fn open_with(folder: &Path, raw_config: Value) -> Result<Self, CheckpointError> {
        Self::open_files(folder, ShardSet::Model, raw_config)
    }

    /// Opens the moments of an optimizer, which lie beside the weights of a grown folder, or under `training/` in a checkpoint of
    /// a run; `None` where neither is there.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_moments(folder: &Path) -> Result<Option<Self>, CheckpointError> {
        let set = ShardSet::Optimizer;
        let places = [folder.to_owned(), folder.join("training")];
        let found = places
            .iter()
            .find(|folder| folder.join(set.single_file()).exists() || folder.join(set.index_file()).exists());
        found.map(|folder| Self::open_files(folder, set, Value::Null)).transpose()
    }

    fn open_files(folder: &Path, set: ShardSet, raw_config: Value) -> Result<Self, CheckpointError> {
        let (files, entries) = open_files(folder, set)?;
        let mut problems = Vec::new();
        let mut tensors = Vec::new();
        for (shard, entry) in entries {
            let Entry { name, dtype, shape, range } = entry;
            match dtype {
                Ok(dtype) => tensors.push(StoredTensor { name, dtype, shape, shard, range }),
                Err(other) => problems.push(format!("`{name}` is {other}, expected F32, F16 or BF16")),
            }
        }
        Problems(problems)
            .into_result(|problems| CheckpointError::Tensors { path: folder.to_owned(), problems })?;
        tensors.sort_by(|left, right| natural_order(&left.name, &right.name));
        let positions = tensors.iter().enumerate().map(|(index, one)| (one.name.clone(), index)).collect();
        Ok(Self { folder: folder.to_owned(), raw_config, files, tensors, positions })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// config.json as it is in the folder; a JSON object.
    pub fn raw_config(&self) -> &Value {
        &self.raw_config
    }

    /// All tensors: embeddings, layers by their number, the rest; within these by name, numbers in it as numbers.
    pub fn tensors(&self) -> &[StoredTensor] {
        &self.tensors
    }

    /// A tensor by its name.
    pub fn tensor(&self, name: &str) -> Option<&StoredTensor> {
        self.positions.get(name).map(|index| &self.tensors[*index])
    }

    /// The stored bytes of a tensor: little-endian, row-major, of its own type. They are mapped: pages that were
    /// touched count as memory of this process until the system needs them. See [`Self::read_into`].
    ///
    /// # Errors
    /// [`CheckpointError::Tensors`] for a name that is not in the folder.
    pub fn bytes(&self, name: &str) -> Result<&[u8], CheckpointError> {
        let tensor = self.required(name)?;
        Ok(self.files[&tensor.shard].bytes(&tensor.range))
    }

    /// Reads a piece of a tensor's bytes, from the `start`th on, into a buffer that it fills.
    ///
    /// # Errors
    /// `Tensors` for a name that is not in the folder, or a piece that reaches beyond the tensor; `Io`.
    pub fn read_into(&self, name: &str, start: u64, out: &mut [u8]) -> Result<(), CheckpointError> {
        let tensor = self.required(name)?;
        let size_bytes = tensor.range.end - tensor.range.start;
        if start.checked_add(out.len() as u64).is_none_or(|end| end > size_bytes) {
            let wanted = out.len();
            return Err(self.tensor_problem(format!(
                "`{name}` has {size_bytes} bytes; {wanted} from byte {start} on reach beyond it"
            )));
        }
        self.files[&tensor.shard].read_at(tensor.range.start + start, out)
    }

    fn required(&self, name: &str) -> Result<&StoredTensor, CheckpointError> {
        self.tensor(name).ok_or_else(|| self.tensor_problem(format!("`{name}` is no tensor of the model")))
    }

    fn tensor_problem(&self, problem: String) -> CheckpointError {
        CheckpointError::Tensors { path: self.folder.clone(), problems: Problems(vec![problem]) }
    }
}

/// The config.json of a folder, as it is; a JSON object.
///
/// # Errors
/// `NoFolder`, `Io`, or `Json` where it is no object.
pub fn read_raw_config(folder: &Path) -> Result<Value, CheckpointError> {
    if !folder.is_dir() {
        return Err(CheckpointError::NoFolder { path: folder.to_owned() });
    }
    let file = folder.join(CONFIG_FILE);
    let text = fs::read_to_string(&file).map_err(|source| CheckpointError::io("read", &file, source))?;
    parse_object(&file, &text)
}

/// A text that must be a JSON object.
pub(crate) fn parse_object(file: &Path, text: &str) -> Result<Value, CheckpointError> {
    let problem = |problem| CheckpointError::Json { file: file.to_owned(), problem };
    let json: Value = serde_json::from_str(text).map_err(|error| problem(format!("not JSON: {error}")))?;
    if json.is_object() { Ok(json) } else { Err(problem("expected a JSON object".to_owned())) }
}

/// Old conversions store the rotary frequencies, which follow from the configuration.
pub(crate) fn is_passed_over(name: &str) -> bool {
    name.ends_with(".rotary_emb.inv_freq")
}

type Files = BTreeMap<PathBuf, SafetensorsFile>;

/// The files, and every tensor with the file that holds it.
fn open_files(folder: &Path, set: ShardSet) -> Result<(Files, Vec<(PathBuf, Entry)>), CheckpointError> {
    let index_file = folder.join(set.index_file());
    let index = if folder.join(set.single_file()).exists() {
        None
    } else if index_file.exists() {
        Some(read_index(&index_file)?)
    } else {
        return Err(no_weights(folder));
    };
    let single_file = set.single_file();
    let names = match &index {
        None => BTreeSet::from([single_file.as_str()]),
        Some(index) => open_order(&index_file, index)?,
    };
    let mut files = Files::new();
    let mut entries = Vec::new();
    let mut found = BTreeSet::new();
    let mut problems = Vec::new();
    for name in names {
        let (file, held) = SafetensorsFile::open(&folder.join(name))?;
        for entry in held.into_iter().filter(|entry| !is_passed_over(&entry.name)) {
            if index.as_ref().is_some_and(|index| index.get(&entry.name).is_none_or(|shard| shard != name)) {
                problems.push(format!("{name} holds `{}`, which the index does not place there", entry.name));
            }
            found.insert(entry.name.clone());
            entries.push((file.path.clone(), entry));
        }
        files.insert(file.path.clone(), file);
    }
    for (tensor, shard) in index.iter().flatten().filter(|(tensor, _)| !is_passed_over(tensor)) {
        if !found.contains(tensor) {
            problems.push(format!("the index places `{tensor}` in {shard}, which does not hold it"));
        }
    }
    Problems(problems)
        .into_result(|problems| CheckpointError::Tensors { path: folder.to_owned(), problems })?;
    Ok((files, entries))
}

fn no_weights(folder: &Path) -> CheckpointError {
    let is_other = |name: &str| {
        [".bin", ".pth", ".pt", ".gguf", ".bin.index.json"].iter().any(|ending| name.ends_with(ending))
    };
    let other_format = fs::read_dir(folder)
        .is_ok_and(|entries| entries.flatten().any(|entry| is_other(&entry.file_name().to_string_lossy())));
    CheckpointError::NoWeights { folder: folder.to_owned(), other_format }
}
