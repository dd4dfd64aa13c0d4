//! config.json as it is, with every key, before anything is made of it.

use std::path::Path;

use serde_json::Value;

use crate::{
    error::CheckpointError,
    folder::{file_names::CONFIG_FILE, misplaced::misplaced},
    json::file::read_object,
    notes::Note,
};

/// The config.json of a folder, as it is; a JSON object. What is odd about it goes to the notes.
///
/// # Errors
/// `NoFolder`, `NotAModel` where it is something else that can be told, `Io`, or `Json` where it is no object.
pub fn read_raw_config(folder: &Path, notes: &mut Vec<Note>) -> Result<Value, CheckpointError> {
    let file = folder.join(CONFIG_FILE);
    if !file.exists()
        && let Some(error) = misplaced(folder)
    {
        return Err(error);
    }
    read_object(&file, notes)
}
