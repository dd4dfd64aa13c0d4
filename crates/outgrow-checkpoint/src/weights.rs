//! A Hugging Face folder of any architecture, opened: config.json as it is, which tensors are where, and their bytes.
//! An opened folder is sound in what it has: its files are whole, and every tensor of [`WeightFolder::tensors`] can be
//! read. What it lacks, or has twice, is known by name, for whoever needs it. What the tensors mean, and whether they
//! make up a model, is not known here. Nothing here writes.

mod own_names;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    config::{LlamaConfig, file::ConfigFile, json::ReadConfig},
    error::{CheckpointError, Problems},
    folder::{
        file_names::{ADAPTER_CONFIG_FILE, CONFIG_FILE},
        misplaced::adapter_beside_model,
    },
    notes::Note,
    safetensors::{StoredTensor, comparison::same_values},
    shards::{
        reading::{Files, Shards, Unreadable, open_shards, refusal},
        set::ShardSet,
    },
    tensor_names::natural_order,
};

/// Of moments, which are no model.
const NO_CONFIG: &str = "expected a JSON object";

/// An opened folder of weights, memory-mapped: opening costs the headers, not the weights.
///
/// Files must not be changed in place while this lives.
///
/// ```
/// use outgrow_checkpoint::{NamedTensors, HostTensor, WeightFolder, write_tensors};
///
/// // A folder of an architecture that is not known here.
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("config.json"), r#"{ "model_type": "other" }"#)?;
/// let tensor = HostTensor { shape: vec![2], values: vec![1.0, 2.0] };
/// let tensors = ["layers.10.gain", "layers.9.gain"].map(|name| (name.to_owned(), tensor.clone()));
/// write_tensors(&folder.path().join("model.safetensors"), &NamedTensors::from(tensors))?;
///
/// let weights = WeightFolder::open(folder.path())?;
/// let names: Vec<&str> = weights.tensors().iter().map(|tensor| tensor.name.as_str()).collect();
/// assert_eq!(names, ["layers.9.gain", "layers.10.gain"]);
/// assert_eq!(weights.bytes("layers.9.gain")?[..4], 1.0_f32.to_le_bytes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct WeightFolder {
    folder: PathBuf,
    set: ShardSet,
    /// Without one, of moments.
    config: Option<ConfigFile>,
    files: Files,
    /// In natural order.
    tensors: Vec<StoredTensor>,
    positions: BTreeMap<String, usize>,
    unreadable: BTreeMap<String, Unreadable>,
    notes: Vec<Note>,
}

impl WeightFolder {
    /// Opens a folder with config.json and model.safetensors, or shards, with their index or all of them.
    ///
    /// # Errors
    /// Everything in [`CheckpointError`] but what concerns writing.
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        Self::of(ConfigFile::read(folder)?)
    }

    /// Opens the weights of the folder whose config.json has been read.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of(config: ConfigFile) -> Result<Self, CheckpointError> {
        let folder = &config.folder().to_owned();
        let mut notes = config.notes().to_vec();
        if folder.join(ADAPTER_CONFIG_FILE).exists() {
            if let Some(error) = adapter_beside_model(folder) {
                return Err(error);
            }
            notes.push(Note::Adapter);
        }
        Self::open_files(folder, ShardSet::Model, Some(config), notes)
    }

    /// Opens the moments of an optimizer, which lie beside the weights of a grown folder, or under `training/` in a
    /// checkpoint of a run; `None` where neither is there.
    ///
    /// # Errors
    /// As [`Self::open`]; a moment that is named and can't be read.
    pub fn open_moments(folder: &Path) -> Result<Option<Self>, CheckpointError> {
        let set = ShardSet::Optimizer;
        let places = [folder.to_owned(), folder.join("training")];
        let found = places
            .iter()
            .find(|folder| folder.join(set.single_file()).exists() || folder.join(set.index_file()).exists());
        let Some(folder) = found else { return Ok(None) };
        let moments = Self::open_files(folder, set, None, Vec::new())?;
        moments.unneeded(|_| true)?;
        Ok(Some(moments))
    }

    fn open_files(
        folder: &Path,
        set: ShardSet,
        config: Option<ConfigFile>,
        mut notes: Vec<Note>,
    ) -> Result<Self, CheckpointError> {
        let Shards { files, tensors, unreadable, notes: found } = open_shards(folder, set)?;
        notes.extend(found);
        let mut opened = Self {
            folder: folder.to_owned(),
            set,
            config,
            files,
            tensors,
            positions: BTreeMap::new(),
            unreadable,
            notes,
        };
        opened.sort();
        Ok(opened)
    }

    fn sort(&mut self) {
        self.tensors.sort_by(|left, right| natural_order(&left.name, &right.name));
        self.positions =
            self.tensors.iter().enumerate().map(|(index, one)| (one.name.clone(), index)).collect();
    }

    /// Gives tensors other names. No two become one.
    pub(crate) fn rename(&mut self, names: &BTreeMap<String, String>) {
        for tensor in &mut self.tensors {
            if let Some(name) = names.get(&tensor.name) {
                tensor.name.clone_from(name);
            }
        }
        self.sort();
    }

    pub(crate) fn add_notes(&mut self, notes: Vec<Note>) {
        self.notes.extend(notes);
    }

    /// What isn't as it should be, whatever the tensors mean.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Notes of the tensors that are named and can't be read, if none of them is needed.
    ///
    /// # Errors
    /// Every tensor that is needed, and why it can't be read.
    pub fn unneeded(&self, is_needed: impl Fn(&str) -> bool) -> Result<Vec<Note>, CheckpointError> {
        let (needed, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.unreadable.iter().partition(|(name, _)| is_needed(name));
        if !needed.is_empty() {
            return Err(refusal(&self.folder, self.set, &needed));
        }
        let [mut ghosts, mut twice, mut others] = [Vec::new(), Vec::new(), Vec::new()];
        for (name, why) in rest {
            let names = match why {
                Unreadable::ShardMissing { .. } | Unreadable::NotHeld { .. } => &mut ghosts,
                Unreadable::Twice { .. } => &mut twice,
                Unreadable::Dtype { .. } => &mut others,
            };
            names.push(name.clone());
        }
        let file = self.set.index_file();
        let notes = [
            Note::Ghosts { file, names: ghosts },
            Note::PassedOver { names: twice, why: "which is in two files with different values" },
            Note::PassedOver { names: others, why: "whose type safetensors doesn't have" },
        ];
        let has_names = |note: &Note| !matches!(note, Note::Ghosts { names, .. } | Note::PassedOver { names, .. } if names.is_empty());
        Ok(notes.into_iter().filter(has_names).collect())
    }

    /// Whether a tensor is named and can't be read.
    pub(crate) fn is_unreadable(&self, name: &str) -> bool {
        self.unreadable.contains_key(name)
    }

    /// Whether two tensors of the folder have the same shape and the same values, bit for bit.
    ///
    /// # Errors
    /// `Tensors` for a name that is not in the folder; `Io`.
    pub fn has_same_values(&self, left: &str, right: &str) -> Result<bool, CheckpointError> {
        let [left, right] = [self.required(left)?, self.required(right)?];
        same_values((&self.files[&left.shard], left), (&self.files[&right.shard], right))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// config.json as it is in the folder; a JSON object.
    pub fn raw_config(&self) -> &Value {
        self.config.as_ref().map_or(&Value::Null, ConfigFile::json)
    }

    /// The model that config.json describes.
    ///
    /// # Errors
    /// Why it is no LLaMA-style model.
    pub fn model(&self) -> Result<&LlamaConfig, Problems> {
        let config = self.config.as_ref().ok_or_else(|| Problems(vec![NO_CONFIG.to_owned()]))?;
        config.model().map_err(Clone::clone)
    }

    /// All that config.json says of the model.
    pub(crate) fn read_config(&self) -> Result<&ReadConfig, CheckpointError> {
        let no_config =
            || CheckpointError::Json { file: self.folder.join(CONFIG_FILE), problem: NO_CONFIG.to_owned() };
        self.config.as_ref().ok_or_else(no_config)?.read_config()
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
