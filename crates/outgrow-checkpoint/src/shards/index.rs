//! model.safetensors.index.json: which shard holds which tensor. It opens no shard.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{
    error::CheckpointError,
    folder::file_names::{INDEX_FILE, SINGLE_FILE},
    json::file::read_object,
    notes::Note,
    shards::wrappers::Wrappers,
};

/// The tensors that a folder's index lists, whether or not its shards are there: enough to plan the growth of a model
/// whose weights are elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexListing {
    /// The names of all tensors.
    pub names: BTreeSet<String>,
    /// Those of them that are placed in shards which aren't there.
    pub missing: BTreeSet<String>,
    /// These shards.
    pub missing_shards: BTreeSet<String>,
    /// What isn't as it should be.
    pub notes: Vec<Note>,
}

impl IndexListing {
    /// Reads a folder's index; `None` where there is none, or where all weights are in one file.
    ///
    /// # Errors
    /// `Io`, or `Json` where the index is none.
    pub fn read(folder: &Path) -> Result<Option<Self>, CheckpointError> {
        let file = folder.join(INDEX_FILE);
        if folder.join(SINGLE_FILE).exists() || !file.exists() {
            return Ok(None);
        }
        let mut notes = Vec::new();
        let places = read_index(&file, &mut notes)?;
        let shards: BTreeSet<&String> = places.values().collect();
        let missing_shards: BTreeSet<String> =
            shards.into_iter().filter(|shard| !folder.join(shard).exists()).cloned().collect();
        let mut wrappers = Wrappers::of(places.keys().map(String::as_str));
        let [mut names, mut missing] = [BTreeSet::new(), BTreeSet::new()];
        for (name, shard) in &places {
            let name = wrappers.unwrapped(name);
            if missing_shards.contains(shard) {
                missing.insert(name.clone());
            }
            names.insert(name);
        }
        notes.extend(wrappers.note());
        Ok(Some(Self { names, missing, missing_shards, notes }))
    }
}

/// Which file, of this folder, holds each tensor.
pub(crate) fn read_index(
    file: &Path,
    notes: &mut Vec<Note>,
) -> Result<BTreeMap<String, String>, CheckpointError> {
    let problem = |problem: String| CheckpointError::Json { file: file.to_owned(), problem };
    let json = read_object(file, notes)?;
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
