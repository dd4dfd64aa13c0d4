//! A LLaMA-style folder without its shards: config.json and the index say enough to plan a growth of weights that lie elsewhere.
//! Nothing can be grown from it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{
    CONFIG_FILE, CheckpointError, Dtype, INDEX_FILE, LlamaConfig, Problems, TensorShape, missing_shards,
    read_index_names, read_raw_config,
};
use serde_json::Value;

use crate::{
    biases::Biases,
    error::GrowthError,
    source::{Source, refuse_masked, size},
};

/// What is known of a folder whose index names shards that aren't there.
#[derive(Clone, Debug)]
pub struct Outline {
    folder: PathBuf,
    raw_config: Value,
    config: LlamaConfig,
    biases: Biases,
    missing_shards: usize,
}

impl Outline {
    /// Reads config.json and the index; `None` where no shard is missing, so that the folder itself can be opened.
    ///
    /// # Errors
    /// Files that can't be read; an architecture whose shapes don't follow from config.json; an index that isn't of the
    /// model which config.json describes.
    pub fn read(folder: &Path) -> Result<Option<Self>, GrowthError> {
        refuse_masked(folder)?;
        let raw_config = read_raw_config(folder)?;
        let missing = missing_shards(folder)?.len();
        if missing == 0 {
            return Ok(None);
        }
        let (config, biases) = Biases::and_shape(&raw_config).map_err(|reason| {
            let (folder, reason) = (folder.to_owned(), reason.to_string());
            GrowthError::ShapesUnknown { folder, missing, reason }
        })?;
        check_names(folder, &config, biases, &read_index_names(folder)?)?;
        Ok(Some(Self { folder: folder.to_owned(), raw_config, config, biases, missing_shards: missing }))
    }

    /// The model's shape.
    pub(crate) fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// Its biases.
    pub(crate) fn biases(&self) -> Biases {
        self.biases
    }

    /// The type that config.json gives for all tensors.
    pub(crate) fn dtype(&self) -> Dtype {
        self.config.dtype
    }
}

/// A folder that a growth is planned for.
#[derive(Clone, Copy, Debug)]
pub enum Plannable<'a> {
    /// With all its tensors; its growth can be carried out too.
    Opened(&'a Source),
    /// Without its shards.
    Outline(&'a Outline),
}

impl<'a> From<&'a Source> for Plannable<'a> {
    fn from(source: &'a Source) -> Self {
        Self::Opened(source)
    }
}

impl<'a> From<&'a Outline> for Plannable<'a> {
    fn from(outline: &'a Outline) -> Self {
        Self::Outline(outline)
    }
}

impl<'a> Plannable<'a> {
    /// The folder.
    pub(crate) fn folder(self) -> &'a Path {
        match self {
            Self::Opened(source) => source.weights().folder(),
            Self::Outline(outline) => &outline.folder,
        }
    }

    /// config.json as it is.
    pub(crate) fn raw_config(self) -> &'a Value {
        match self {
            Self::Opened(source) => source.weights().raw_config(),
            Self::Outline(outline) => &outline.raw_config,
        }
    }

    /// Parameters; a tied head counts once.
    pub(crate) fn num_parameters(self) -> u64 {
        match self {
            Self::Opened(source) => source.num_parameters(),
            Self::Outline(outline) => {
                let tensors = outline.biases.tensors(&outline.config);
                tensors.iter().map(|tensor| size(&tensor.shape)).sum()
            }
        }
    }

    /// Shards that the index names and that aren't there.
    pub(crate) fn missing_shards(self) -> usize {
        match self {
            Self::Opened(_) => 0,
            Self::Outline(outline) => outline.missing_shards,
        }
    }
}

/// Whether the index lists the model's tensors. A head beside a tied embedding may be there.
fn check_names(
    folder: &Path,
    config: &LlamaConfig,
    biases: Biases,
    listed: &BTreeSet<String>,
) -> Result<(), CheckpointError> {
    let expected: BTreeSet<String> =
        biases.tensors(config).into_iter().map(|TensorShape { name, .. }| name).collect();
    let is_tied_head = |name: &str| config.tie_word_embeddings && name == "lm_head.weight";
    let missing = expected.difference(listed).map(|name| format!("`{name}` is not listed"));
    let unknown = listed.difference(&expected).filter(|name| !is_tied_head(name));
    let unknown =
        unknown.map(|name| format!("`{name}` is no tensor of the model that {CONFIG_FILE} describes"));
    let problems: Vec<String> = missing.chain(unknown).collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(CheckpointError::Tensors { path: folder.join(INDEX_FILE), problems: Problems(problems) })
}
