//! The config.json of a folder, read once: every key as it is, and the model that it describes, if it is one of ours.
//! It opens no weights.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::{
    config::{
        LlamaConfig,
        json::{DtypeFrom, ReadConfig, dtype_of, of_keys},
    },
    dtype::Dtype,
    error::{CheckpointError, Problems},
    folder::{file_names::CONFIG_FILE, misplaced::misplaced},
    json::file::read_object,
    notes::Note,
};

/// A folder's config.json, read. What opens the folder's weights takes it, so that it is read and parsed once.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    folder: PathBuf,
    json: Value,
    notes: Vec<Note>,
    /// The type that it names for the weights; why it names none.
    dtype: Result<Dtype, String>,
    /// What the keys say of the model; why it is none of ours.
    model: Result<ReadConfig, Problems>,
}

impl ConfigFile {
    /// Reads `folder/config.json`.
    ///
    /// # Errors
    /// `NoFolder`, `NotAModel` where it is something else that can be told, `Io`, or `Json` where it is no object.
    pub fn read(folder: &Path) -> Result<Self, CheckpointError> {
        let mut notes = Vec::new();
        let keys = read_keys(folder, &mut notes)?;
        let model = ReadConfig::of(&keys, DtypeFrom::Weights);
        let dtype = dtype_of(&keys);
        Ok(Self { folder: folder.to_owned(), json: Value::Object(keys), notes, dtype, model })
    }

    /// The folder that it was read from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every key as it is; a JSON object.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// What is odd about the file as JSON, and no reason to refuse it.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The model, for weights that are stored already: a type that isn't known is no error, and F32 stands for it.
    ///
    /// # Errors
    /// Why it is no LLaMA-style model.
    pub fn model(&self) -> Result<&LlamaConfig, &Problems> {
        self.model.as_ref().map(|read| &read.config)
    }

    /// The type that the file names for the weights, of whatever architecture.
    ///
    /// # Errors
    /// `Config` where it names none that is known.
    pub fn dtype(&self) -> Result<Dtype, CheckpointError> {
        self.dtype.clone().map_err(|problem| self.refused(Problems(vec![problem])))
    }

    /// All that the keys say of the model.
    ///
    /// # Errors
    /// `Config` where it is no LLaMA-style model.
    pub(crate) fn read_config(&self) -> Result<&ReadConfig, CheckpointError> {
        self.model.as_ref().map_err(|problems| self.refused(problems.clone()))
    }

    fn refused(&self, problems: Problems) -> CheckpointError {
        CheckpointError::Config { file: self.folder.join(CONFIG_FILE), problems }
    }
}

impl LlamaConfig {
    /// Reads `folder/config.json`.
    ///
    /// # Errors
    /// As [`Self::from_json`], or [`CheckpointError::Io`].
    pub fn read(folder: &Path) -> Result<Self, CheckpointError> {
        of_keys(&folder.join(CONFIG_FILE), &read_keys(folder, &mut Vec::new())?, DtypeFrom::Config)
    }
}

/// The keys of a folder's config.json. What is odd about it goes to the notes.
fn read_keys(folder: &Path, notes: &mut Vec<Note>) -> Result<Map<String, Value>, CheckpointError> {
    let file = folder.join(CONFIG_FILE);
    if !file.exists()
        && let Some(error) = misplaced(folder)
    {
        return Err(error);
    }
    read_object(&file, notes)
}
