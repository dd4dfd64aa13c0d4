//! model.safetensors.index.json: which shard holds which tensor. It opens no shard.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::{
    error::CheckpointError,
    weights::{INDEX_FILE, SINGLE_FILE, is_passed_over, parse_object},
};

/// The names of the tensors that a folder's index lists, whether or not its shards are there: enough to plan the growth
/// of a model whose weights are elsewhere.
///
/// # Errors
/// `Io` where there is no index, `Json` where it is none.
pub fn read_index_names(folder: &Path) -> Result<BTreeSet<String>, CheckpointError> {
    let index = read_index(&folder.join(INDEX_FILE))?;
    Ok(index.into_keys().filter(|name| !is_passed_over(name)).collect())
}

/// The shards that a folder's index names and that aren't there; none where all weights are in one file, or nothing says what
/// there should be.
///
/// # Errors
/// `Io`, or `Json` where the index is none.
pub fn missing_shards(folder: &Path) -> Result<BTreeSet<String>, CheckpointError> {
    let file = folder.join(INDEX_FILE);
    if folder.join(SINGLE_FILE).exists() || !file.exists() {
        return Ok(BTreeSet::new());
    }
    let shards: BTreeSet<String> = read_index(&file)?.into_values().collect();
    Ok(shards.into_iter().filter(|shard| !folder.join(shard).exists()).collect())
}

/// Which file, of this folder, holds each tensor.
pub(crate) fn read_index(file: &Path) -> Result<BTreeMap<String, String>, CheckpointError> {
    let problem = |problem: String| CheckpointError::Json { file: file.to_owned(), problem };
    let text = fs::read_to_string(file).map_err(|source| CheckpointError::io("read", file, source))?;
    let json = parse_object(file, &text)?;
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

/// The files to open, by name; all of them are there, beside the index.
pub(crate) fn open_order<'a>(
    index_file: &Path,
    index: &'a BTreeMap<String, String>,
) -> Result<BTreeSet<&'a str>, CheckpointError> {
    let names: BTreeSet<&str> = index.values().map(String::as_str).collect();
    let missing: Vec<&str> =
        names.iter().copied().filter(|name| !index_file.with_file_name(name).exists()).collect();
    if missing.is_empty() {
        return Ok(names);
    }
    let problem = format!("names shards that are not there: {}", first_few(&missing));
    Err(CheckpointError::Json { file: index_file.to_owned(), problem })
}

/// The first names, and how many more there are: an index can name hundreds.
fn first_few(names: &[&str]) -> String {
    let (first, more) = names.split_at(names.len().min(3));
    let first = first.join(", ");
    if more.is_empty() { first } else { format!("{first} and {} more", more.len()) }
}

#[cfg(test)]
mod tests {
    use super::first_few;

    #[test]
    fn of_many_names_three_are_given_and_the_rest_counted() {
        assert_eq!(first_few(&["a", "b", "c"]), "a, b, c");
        assert_eq!(first_few(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    }
}
