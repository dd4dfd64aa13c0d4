//! Where the documents of a split are: one file, JSON lines or parquet, or several parts of one as the Hugging Face hub
//! names them. It reads none of them.

use std::path::{Path, PathBuf};

use crate::{
    error::EvalError,
    tasks::task::{Split, Task},
};

/// The file of a split, or its parts in their order: in the data set's folder, or right below the folder of all data.
///
/// # Errors
/// [`EvalError::MissingFile`] where there is none, or a part is missing; [`EvalError::BadFile`] where parts of two
/// divisions lie side by side.
pub fn find(task: &Task, split: Split, data: &Path) -> Result<Vec<PathBuf>, EvalError> {
    let expected = data.join(task.dataset.folder).join(split.file);
    for path in [&expected, &data.join(split.file)] {
        for path in [path.clone(), path.with_extension("parquet")] {
            if path.is_file() {
                return Ok(vec![path]);
            }
        }
        let parts = parts(task, split, path)?;
        if !parts.is_empty() {
            return Ok(parts);
        }
    }
    let configuration = task.dataset.name.map_or(String::new(), |name| format!(" ({name})"));
    let wanted = format!(
        "the split {} of the data set {}{configuration} of the Hugging Face hub there, {} documents as JSON lines or parquet with the fields {}",
        split.name, task.dataset.path, split.rows, task.dataset.fields
    );
    Err(EvalError::MissingFile { path: expected, task: task.name.into(), wanted })
}

/// Whether `other` is the part of a split that comes behind `one`.
pub(crate) fn is_next_part(one: &Path, other: &Path) -> bool {
    let (Some(first), Some(second)) = (Part::of(one), Part::of(other)) else { return false };
    one.parent() == other.parent() && second == Part { index: first.index + 1, ..first }
}

/// All parts of the split that `path` would be the whole of; none if there are none.
fn parts(task: &Task, split: Split, path: &Path) -> Result<Vec<PathBuf>, EvalError> {
    let (Some(folder), Some(stem)) = (path.parent(), path.file_stem().and_then(|stem| stem.to_str())) else {
        return Ok(Vec::new());
    };
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let names = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut parts: Vec<_> =
        names.filter_map(|path| Some((Part::of(&path).filter(|part| part.split == stem)?, path))).collect();
    parts.sort_by(|(one, path), (other, other_path)| (one.index, path).cmp(&(other.index, other_path)));
    let Some((first, example)) = parts.first() else { return Ok(Vec::new()) };
    let alike = |part: &Part| (part.count, &part.extension) == (first.count, &first.extension);
    if let Some((_, other)) = parts.iter().find(|(part, _)| !alike(part)) {
        let problem = format!(
            "is not of the same division of {stem} as {}; leave one of them there",
            example.display()
        );
        return Err(EvalError::BadFile { path: other.clone(), problem });
    }
    let missing =
        (0..first.count).find(|&index| parts.get(index).is_none_or(|(part, _)| part.index != index));
    if let Some(index) = missing {
        let path = folder.join(format!("{stem}-{index:05}-of-{:05}.{}", first.count, first.extension));
        let wanted = format!("all {} parts of the split {}", first.count, split.name);
        return Err(EvalError::MissingFile { path, task: task.name.into(), wanted });
    }
    Ok(parts.into_iter().map(|(_, path)| path).collect())
}

/// What the name of a part says: `SPLIT-00000-of-00003.parquet`.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    split: String,
    index: usize,
    count: usize,
    extension: String,
}

impl Part {
    fn of(path: &Path) -> Option<Self> {
        let extension =
            path.extension()?.to_str().filter(|extension| ["jsonl", "parquet"].contains(extension))?;
        let (rest, count) = path.file_stem()?.to_str()?.rsplit_once("-of-")?;
        let (split, index) = rest.rsplit_once('-')?;
        let number = |digits: &str| {
            let all = digits.len() == 5 && digits.bytes().all(|digit| digit.is_ascii_digit());
            all.then(|| digits.parse::<usize>().ok()).flatten()
        };
        let (index, count) = (number(index)?, number(count)?);
        (index < count).then(|| Self { split: split.into(), index, count, extension: extension.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_known_by_its_name() {
        let part = Part::of(Path::new("data/arc_easy_test-00001-of-00003.parquet")).unwrap();
        assert_eq!((part.split.as_str(), part.index, part.count), ("arc_easy_test", 1, 3));
        for other in [
            "a.parquet",
            "a-00003-of-00003.parquet",
            "a-1-of-3.parquet",
            "a-00000-of-00001.txt",
            "a-+0001-of-00003.jsonl",
        ] {
            assert_eq!(Part::of(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn the_next_part_is_of_the_same_folder_and_split() {
        let next = |one: &str, other: &str| is_next_part(Path::new(one), Path::new(other));
        assert!(next("d/a-00000-of-00002.parquet", "d/a-00001-of-00002.parquet"));
        assert!(!next("d/a-00001-of-00002.parquet", "d/a-00000-of-00002.parquet"));
        assert!(!next("d/a-00000-of-00002.parquet", "e/a-00001-of-00002.parquet"));
        assert!(!next("d/a-00000-of-00002.parquet", "d/b-00001-of-00002.parquet"));
        assert!(!next("d/a.parquet", "d/a.parquet"));
    }
}
