//! The matrices of a learned growth as they lie in a file. What they mean for a tensor is not said here, and training
//! them isn't done.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use outgrow_checkpoint::{HostTensor, NamedTensors, read_tensors};
use serde::{Deserialize, Serialize};

use crate::error::GrowthError;

/// The matrices of a learned growth.
///
/// In width: `width.embedding`, `width.query`, `width.key`, `width.value`, `width.feed_forward`, each
/// `[grown, source]`; one that is missing is the identity. In depth, for each kind of tensor in a layer:
/// `depth.input_layernorm.weight` and so on, each `[grown layers, source layers]`; without any of them the depth stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LearnedMatrices {
    pub(crate) matrices: BTreeMap<String, Arc<HostTensor>>,
}

impl LearnedMatrices {
    /// Reads them from a safetensors file.
    ///
    /// # Errors
    /// What [`read_tensors`] gives.
    pub fn read(path: &Path) -> Result<Self, GrowthError> {
        Ok(Self::from_named_tensors(read_tensors(path)?))
    }

    /// Of tensors by the names that they have in a file. Whether they fit a growth, its plan says.
    pub fn from_named_tensors(tensors: NamedTensors) -> Self {
        Self { matrices: tensors.into_iter().map(|(name, tensor)| (name, Arc::new(tensor))).collect() }
    }

    /// Numbers that are learned.
    pub fn num_values(&self) -> u64 {
        self.matrices.values().map(|matrix| matrix.values.len() as u64).sum()
    }

    /// For [`outgrow_checkpoint::write_tensors`].
    pub fn to_named_tensors(&self) -> NamedTensors {
        self.matrices.iter().map(|(name, matrix)| (name.clone(), HostTensor::clone(matrix))).collect()
    }
}

/// A file of trained matrices: its path, and what is in it once [`Growth::read_matrices`] has read it. Recipes hold the
/// path alone, so that two are equal where their paths are.
///
/// [`Growth::read_matrices`]: crate::Growth::read_matrices
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "PathBuf", into = "PathBuf")]
pub struct MatricesFile {
    path: PathBuf,
    matrices: Option<Arc<LearnedMatrices>>,
}

impl MatricesFile {
    /// A file that is yet to be written, with these matrices.
    pub fn holding(path: PathBuf, matrices: LearnedMatrices) -> Self {
        Self { path, matrices: Some(Arc::new(matrices)) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same file by its path from a folder, unread.
    pub(crate) fn beside(&self, folder: &Path) -> Self {
        folder.join(&self.path).into()
    }

    /// The same with its matrices.
    pub(crate) fn read(self) -> Result<Self, GrowthError> {
        let matrices = match self.matrices {
            Some(matrices) => matrices,
            None => Arc::new(LearnedMatrices::read(&self.path)?),
        };
        Ok(Self { matrices: Some(matrices), ..self })
    }

    /// What is in it.
    pub(crate) fn matrices(&self) -> Result<&LearnedMatrices, GrowthError> {
        let unread = || GrowthError::MatricesUnread { file: self.path.clone() };
        self.matrices.as_deref().ok_or_else(unread)
    }
}

impl From<PathBuf> for MatricesFile {
    fn from(path: PathBuf) -> Self {
        Self { path, matrices: None }
    }
}

impl From<MatricesFile> for PathBuf {
    fn from(file: MatricesFile) -> Self {
        file.path
    }
}

impl PartialEq for MatricesFile {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for MatricesFile {}
