//! The card of a grown folder, from what is known of its source. What a card looks like is in text.rs. Cards of trained
//! models are made of the same parts.

pub(crate) mod text;
mod front_matter;
mod usage;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use outgrow_checkpoint::{
    CheckpointError,
    folder::{CONFIG_FILE, INDEX_FILE},
};

use crate::{
    error::GrowthError,
    folder::{
        card::{
            front_matter::base_models,
            text::{CardFacts, ModelSize, model_card},
        },
        digest::{FileDigest, sha256_while},
        plan::Planned,
        source::Source,
    },
};

pub use self::{
    front_matter::{CARD_FILE, CardHead},
    text::code,
    usage::{behind_a_mask, usage},
};
pub use crate::folder::thousands::grouped;

/// Files that a tokenizer is read from, one of which is enough.
const TOKENIZERS: [&str; 4] = ["tokenizer.json", "tokenizer.model", "vocab.json", "tokenizer_config.json"];

/// SHA-256 of the source's configuration and weights; an error as soon as they aren't wanted any more.
pub(crate) fn digests(source: &Source, is_wanted: &AtomicBool) -> Result<Vec<FileDigest>, CheckpointError> {
    let weights = source.weights();
    let mut files: Vec<PathBuf> = weights.tensors().iter().map(|tensor| tensor.shard.clone()).collect();
    files.sort();
    files.dedup();
    let described = [CONFIG_FILE, INDEX_FILE].map(|name| weights.folder().join(name));
    files.splice(0..0, described.into_iter().filter(|file| file.exists()));
    sha256_while(&files, is_wanted)
}

/// What a model is called after its folder: its own name, and for the checkpoint of a run, which is only a number, the
/// run's in front of it. Nothing else of where it is.
pub fn model_name(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let named = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = named(&folder).unwrap_or_default();
    let run = folder.parent().filter(|run| name.starts_with("step-") && run.join("run.json").is_file());
    run.and_then(named).map_or(name.clone(), |run| format!("{run}/{name}"))
}

/// The text of the card.
pub(crate) fn card(source: &Source, plan: &Planned, files: Vec<FileDigest>) -> Result<String, GrowthError> {
    let folder = source.weights().folder();
    let path = folder.join(CARD_FILE);
    let read = |error| CheckpointError::io("read", &path, error);
    // A card that is no text is no card.
    let source_card = path.is_file().then(|| fs::read(&path)).transpose().map_err(read)?;
    let source_card = source_card.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(model_card(&CardFacts {
        base_models: base_models(folder, source_card.as_deref(), source.weights().raw_config()),
        source: model_name(folder),
        source_size: ModelSize {
            num_hidden_layers: plan.source_layers,
            num_parameters: source.num_parameters(),
        },
        target_size: ModelSize {
            num_hidden_layers: plan.layers.len(),
            num_parameters: plan.num_parameters(),
        },
        recipe: plan.recipe.clone(),
        config: plan.config.clone(),
        has_tokenizer: TOKENIZERS.iter().any(|file| folder.join(file).is_file()),
        mask: plan.mask.as_ref().map(|mask| mask.mask),
        learning: plan.learning.as_ref().map(|learning| learning.words.clone()),
        preservation: plan.preservation,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        files,
        source_card,
    }))
}

#[cfg(test)]
mod tests;
