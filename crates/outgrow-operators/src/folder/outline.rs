//! A LLaMA-style folder without its shards: config.json and the index say enough to plan a growth of weights that lie
//! elsewhere. Nothing can be grown from it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{
    CheckpointError, Dtype, LlamaConfig, Note, Problems, TensorShape,
    config::ConfigFile,
    folder::{CONFIG_FILE, INDEX_FILE},
    shards::IndexListing,
};
use serde_json::Value;

use crate::{error::GrowthError, folder::source::is_spare};

const BASE_MODEL: &str = "model.";
const EMBEDDING: &str = "model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";

/// What is known of a folder whose index names shards that aren't there.
#[derive(Clone, Debug)]
pub struct Outline {
    folder: PathBuf,
    raw_config: Value,
    config: LlamaConfig,
    missing_shards: usize,
    notes: Vec<Note>,
}

impl Outline {
    /// Reads the index of the folder whose config.json has been read; `None` where no shard is missing that is needed,
    /// so that the folder itself can be opened.
    pub(crate) fn of(file: &ConfigFile) -> Result<Option<Self>, GrowthError> {
        let (folder, raw_config) = (file.folder(), file.json());
        let Some(listing) = IndexListing::read(folder)? else { return Ok(None) };
        let missing_shards = listing.missing_shards.len();
        let config = file.model();
        let expected: Option<BTreeSet<String>> = config
            .ok()
            .map(|config| config.tensors().into_iter().map(|TensorShape { name, .. }| name).collect());
        // Of an architecture that isn't known, a growth needs all but a few.
        let is_needed = |name: &String| match &expected {
            None => !is_spare(name, raw_config),
            Some(expected) => expected.contains(name) || expected.contains(&format!("{BASE_MODEL}{name}")),
        };
        if !listing.missing.iter().any(is_needed) {
            return Ok(None);
        }
        let config = config.map_err(|reason| GrowthError::ShapesUnknown {
            folder: folder.to_owned(),
            missing: missing_shards,
            reason: format!("{CONFIG_FILE}: {reason}"),
        })?;
        let config = config.clone().with_dtype(file.dtype()?);
        let mut notes = file.notes().to_vec();
        notes.extend(listing.notes);
        let expected = expected.unwrap_or_default();
        notes.extend(check_names(folder, &config, &expected, listing.names)?);
        let (folder, raw_config) = (folder.to_owned(), raw_config.clone());
        Ok(Some(Self { folder, raw_config, config, missing_shards, notes }))
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// config.json as it is.
    pub(crate) fn raw_config(&self) -> &Value {
        &self.raw_config
    }

    /// Shards that the index names and that aren't there.
    pub fn missing_shards(&self) -> usize {
        self.missing_shards
    }

    /// Parameters; a tied head counts once.
    pub fn num_parameters(&self) -> u64 {
        self.config.num_parameters()
    }

    /// What isn't as it should be about the folder, as far as it can be seen.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The model's shape.
    pub(crate) fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// The type that config.json gives for all tensors.
    pub(crate) fn dtype(&self) -> Dtype {
        self.config.dtype
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
