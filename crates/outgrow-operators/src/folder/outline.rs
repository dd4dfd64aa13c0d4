//! A LLaMA-style folder without its shards: config.json and the index say enough to plan a growth of weights that lie
//! elsewhere. Nothing can be grown from it.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{
    CheckpointError, Dtype, LlamaConfig, Note, Problems, TensorShape,
    config::read_raw_config,
    folder::{CONFIG_FILE, INDEX_FILE},
    shards::IndexListing,
};
use serde_json::Value;

use crate::{
    error::GrowthError,
    folder::source::{Source, is_spare, refuse_masked, size},
    plan::biases::Biases,
};

const BASE_MODEL: &str = "model.";
const EMBEDDING: &str = "model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";

/// What is known of a folder whose index names shards that aren't there.
#[derive(Clone, Debug)]
pub struct Outline {
    folder: PathBuf,
    raw_config: Value,
    config: LlamaConfig,
    biases: Biases,
    missing_shards: usize,
    notes: Vec<Note>,
}

impl Outline {
    /// Reads config.json and the index; `None` where no shard is missing that is needed, so that the folder itself can
    /// be opened.
    ///
    /// # Errors
    /// Files that can't be read; an architecture whose shapes don't follow from config.json; an index that isn't of the
    /// model which config.json describes.
    pub fn read(folder: &Path) -> Result<Option<Self>, GrowthError> {
        refuse_masked(folder)?;
        let mut notes = Vec::new();
        let raw_config = read_raw_config(folder, &mut notes)?;
        let Some(listing) = IndexListing::read(folder)? else { return Ok(None) };
        let missing_shards = listing.missing_shards.len();
        let shape = Biases::and_shape(&raw_config);
        let expected: Option<BTreeSet<String>> = shape.as_ref().ok().map(|(config, biases)| {
            biases.tensors(config).into_iter().map(|TensorShape { name, .. }| name).collect()
        });
        // Of an architecture that isn't known, a growth needs all but a few.
        let is_needed = |name: &String| match &expected {
            None => !is_spare(name, &raw_config),
            Some(expected) => expected.contains(name) || expected.contains(&format!("{BASE_MODEL}{name}")),
        };
        if !listing.missing.iter().any(is_needed) {
            return Ok(None);
        }
        let (config, biases) = shape.map_err(|reason| GrowthError::ShapesUnknown {
            folder: folder.to_owned(),
            missing: missing_shards,
            reason: reason.to_string(),
        })?;
        let config = config.with_dtype(LlamaConfig::dtype_of(folder, &raw_config)?);
        notes.extend(listing.notes);
        let expected = expected.unwrap_or_default();
        notes.extend(check_names(folder, &config, &expected, listing.names)?);
        Ok(Some(Self { folder: folder.to_owned(), raw_config, config, biases, missing_shards, notes }))
    }

    /// What isn't as it should be about the folder, as far as it can be seen.
    pub fn notes(&self) -> &[Note] {
        &self.notes
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

    /// config.json as it is, but for a tie that isn't one.
    pub(crate) fn config(self) -> Cow<'a, Value> {
        match self {
            Self::Opened(source) => source.config(),
            Self::Outline(outline) => Cow::Borrowed(&outline.raw_config),
        }
    }

    /// What whoever gave the folder should know.
    pub fn notes(self) -> &'a [Note] {
        match self {
            Self::Opened(source) => source.notes(),
            Self::Outline(outline) => outline.notes(),
        }
    }

    /// Whether a tensor of the folder holds numbers that can be computed with.
    pub(crate) fn is_number(self, name: &str) -> bool {
        match self {
            Self::Opened(source) => {
                source.weights().tensor(name).is_none_or(|one| one.dtype.float().is_some())
            }
            Self::Outline(_) => true,
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

/// Whether the index lists the model's tensors; what else it lists is noted.
fn check_names(
    folder: &Path,
    config: &LlamaConfig,
    expected: &BTreeSet<String>,
    listed: BTreeSet<String>,
) -> Result<Vec<Note>, CheckpointError> {
    let mut notes = Vec::new();
    // As they are in the model, where it was saved without its head.
    let own = |name: String| {
        let full = format!("{BASE_MODEL}{name}");
        if expected.contains(&full) { full } else { name }
    };
    let mut listed: BTreeSet<String> = listed.into_iter().map(own).collect();
    if config.tie_word_embeddings && listed.remove(HEAD) {
        notes.push(if listed.insert(EMBEDDING.to_owned()) {
            Note::HeadIsEmbedding { head: HEAD.to_owned() }
        } else {
            Note::HeadUnseen { head: HEAD.to_owned() }
        });
    }
    let missing: Vec<&String> = expected.difference(&listed).collect();
    let unknown: Vec<String> = listed.difference(expected).cloned().collect();
    if missing.is_empty() {
        if !unknown.is_empty() {
            notes.push(Note::PassedOver { names: unknown, why: "which config.json has no use for" });
        }
        return Ok(notes);
    }
    let missing = missing.into_iter().map(|name| format!("`{name}` is not listed"));
    let unknown =
        unknown.iter().map(|name| format!("`{name}` is no tensor of the model that {CONFIG_FILE} describes"));
    let problems = Problems(missing.chain(unknown).collect());
    Err(CheckpointError::Tensors { path: folder.join(INDEX_FILE), problems })
}
