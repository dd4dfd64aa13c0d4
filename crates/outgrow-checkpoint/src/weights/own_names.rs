//! A folder's tensors under the names that its model has for them: a model saved without its head lacks `model.` in
//! front, and a tied matrix may be stored as the head. Nothing is read but what a head has to be compared with.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    config::tensors::{BASE_MODEL, EMBEDDING, HEAD},
    error::CheckpointError,
    notes::Note,
    weights::WeightFolder,
};

impl WeightFolder {
    /// The folder with its tensors under these names, where they are stored under others.
    #[must_use]
    pub fn with_own_names(mut self, names: &BTreeSet<String>, is_tied: bool) -> Self {
        let is_there = |name: &str| self.tensor(name).is_some() || self.is_unreadable(name);
        let own = |name: &str| {
            let full = format!("{BASE_MODEL}{name}");
            (names.contains(&full) && !is_there(&full)).then_some(full)
        };
        let stored = self.tensors().iter().map(|tensor| tensor.name.as_str());
        let mut renames: BTreeMap<String, String> =
            stored.filter_map(|name| Some((name.to_owned(), own(name)?))).collect();
        let mut notes = Vec::new();
        if !renames.is_empty() {
            notes.push(Note::BaseModel);
        }
        let has_embedding = is_there(EMBEDDING) || renames.values().any(|name| name == EMBEDDING);
        if is_tied && !has_embedding && self.tensor(HEAD).is_some() {
            notes.push(Note::HeadIsEmbedding { head: HEAD.to_owned() });
            renames.insert(HEAD.to_owned(), EMBEDDING.to_owned());
        }
        if !renames.is_empty() {
            self.rename(&renames);
            self.add_notes(notes);
        }
        self
    }

    /// Whether there are a head and an embedding, both of numbers, whose values differ.
    ///
    /// # Errors
    /// `Io`.
    pub fn has_own_head(&self) -> Result<bool, CheckpointError> {
        let is_float = |name: &str| self.tensor(name).is_some_and(|tensor| tensor.dtype.float().is_some());
        Ok(is_float(EMBEDDING) && is_float(HEAD) && !self.has_same_values(EMBEDDING, HEAD)?)
    }
}
