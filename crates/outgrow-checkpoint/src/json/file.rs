//! Files that must hold a JSON object; what is odd about one goes to the notes. What the object says is not known here.

use std::{fs, path::Path};

use serde_json::{Map, Value};

use crate::{error::CheckpointError, json::PythonJson, notes::Note};

/// A file that must be a JSON object.
pub(crate) fn read_object(file: &Path, notes: &mut Vec<Note>) -> Result<Map<String, Value>, CheckpointError> {
    let text = fs::read_to_string(file).map_err(|source| CheckpointError::io("read", file, source))?;
    parse_object(file, &text, notes)
}

/// A text that must be a JSON object.
pub(crate) fn parse_object(
    file: &Path,
    text: &str,
    notes: &mut Vec<Note>,
) -> Result<Map<String, Value>, CheckpointError> {
    let problem = |problem| CheckpointError::Json { file: file.to_owned(), problem };
    let json = PythonJson::parse(text).map_err(|error| problem(format!("not JSON: {error}")))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let keys = json.keys_beyond_json();
    let Value::Object(object) = json.value else {
        return Err(problem("expected a JSON object".to_owned()));
    };
    if json.has_byte_order_mark {
        notes.push(Note::ByteOrderMark { file: name.clone() });
    }
    if !keys.is_empty() {
        notes.push(Note::NoJsonNumbers { file: name, keys });
    }
    Ok(object)
}
