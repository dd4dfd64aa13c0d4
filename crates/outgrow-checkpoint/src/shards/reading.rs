//! Opening the files that hold a folder's tensors, and which tensors are to be read from them. What can't be read is no
//! error yet: nobody may need it. What the tensors mean is not known here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::{Path, PathBuf},
};

use crate::{
    error::{CheckpointError, Problems},
    folder::misplaced::no_weights,
    notes::{Note, first_few},
    safetensors::{SafetensorsFile, StoredTensor, comparison::same_values, header::Entry},
    shards::{index::read_index, set::ShardSet, wrappers::Wrappers},
};

pub(crate) type Files = BTreeMap<PathBuf, SafetensorsFile>;

/// The opened files of a folder.
#[derive(Debug)]
pub(crate) struct Shards {
    pub files: Files,
    /// In no order.
    pub tensors: Vec<StoredTensor>,
    pub unreadable: BTreeMap<String, Unreadable>,
    pub notes: Vec<Note>,
}

/// Why a tensor can't be read that a folder names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// The shard that the index places it in isn't there.
    ShardMissing { shard: String },
    /// No file holds it, although the index places it in this one.
    NotHeld { shard: String },
    /// Two files hold it, with different values.
    Twice { shards: [String; 2] },
    /// It is of a type that the format doesn't have.
    Dtype { dtype: String },
}

/// Where the tensors of a folder are said to be.
enum Source {
    Single(String),
    Index(BTreeMap<String, String>),
    /// Shards whose names say that they are all there.
    Numbered(Vec<String>),
}

/// Opens the files of a set.
///
/// # Errors
/// No such files, none of those that the index names, or one that is damaged.
pub(crate) fn open_shards(folder: &Path, set: ShardSet) -> Result<Shards, CheckpointError> {
    let mut notes = Vec::new();
    let source = Source::find(folder, set, &mut notes)?;
    let is_there = |name: &&String| folder.join(name).exists();
    let (names, placed): (BTreeSet<&String>, _) = match &source {
        Source::Single(name) => (BTreeSet::from([name]), None),
        Source::Numbered(names) => (names.iter().collect(), None),
        Source::Index(places) => (places.values().collect(), Some(places)),
    };
    let (present, missing): (Vec<&String>, Vec<&String>) = names.into_iter().partition(is_there);
    if present.is_empty() {
        return Err(missing_shards(&folder.join(set.index_file()), &missing));
    }
    let mut files = Files::new();
    let mut entries = Vec::new();
    for name in present {
        let (file, held) = SafetensorsFile::open(&folder.join(name))?;
        entries.extend(held.into_iter().map(|entry| (name.clone(), entry)));
        files.insert(file.path.clone(), file);
    }
    let stored = entries.iter().map(|(_, entry)| entry.name.as_str());
    let listed = placed.iter().flat_map(|places| places.keys());
    let wrappers = Wrappers::of(stored.chain(listed.map(String::as_str)));
    let mut reading = Reading {
        folder,
        files,
        wrappers,
        tensors: BTreeMap::new(),
        copies: BTreeMap::new(),
        unreadable: BTreeMap::new(),
    };
    for (shard, entry) in entries {
        reading.entry(&shard, entry)?;
    }
    if let Some(places) = placed {
        let unlisted = reading.compare_with_index(places, &missing.into_iter().collect());
        if !unlisted.is_empty() {
            notes.push(Note::Index { file: set.index_file(), names: unlisted });
        }
    }
    Ok(reading.finish(notes))
}

impl Source {
    fn find(folder: &Path, set: ShardSet, notes: &mut Vec<Note>) -> Result<Self, CheckpointError> {
        let (single, index) = (set.single_file(), set.index_file());
        match (folder.join(&single).exists(), folder.join(&index).exists()) {
            (true, has_index) => {
                if has_index {
                    notes.push(Note::Twice { read: single.clone(), other: format!("what {index} names") });
                }
                Ok(Self::Single(single))
            }
            (false, true) => Ok(Self::Index(read_index(&folder.join(index), notes)?)),
            (false, false) => {
                let shards = numbered_shards(folder, set).ok_or_else(|| no_weights(folder))?;
                notes.push(Note::NoIndex { shards: shards.len() });
                Ok(Self::Numbered(shards))
            }
        }
    }
}

/// `model-00001-of-00002.safetensors` and so on, if all that their names count are there.
fn numbered_shards(folder: &Path, set: ShardSet) -> Option<Vec<String>> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    let prefix = format!("{}-", set.stem());
    let last = |name: &String| {
        let (number, count) = name.strip_prefix(&prefix)?.strip_suffix(".safetensors")?.split_once("-of-")?;
        (number == count).then(|| Some((count.parse::<usize>().ok()?, count.len())))?
    };
    let (count, digits) = names.iter().find_map(last).filter(|(count, _)| *count > 0)?;
    if count > names.len() {
        return None;
    }
    let shards =
        (1..=count).map(|number| format!("{prefix}{number:0digits$}-of-{count:0digits$}.safetensors"));
    let shards: Vec<String> = shards.collect();
    shards.iter().all(|shard| names.contains(shard)).then_some(shards)
}

/// The tensors of a folder, one file after the other.
struct Reading<'a> {
    folder: &'a Path,
    files: Files,
    wrappers: Wrappers,
    tensors: BTreeMap<String, StoredTensor>,
    /// Files that hold a tensor with the same values once more.
    copies: BTreeMap<String, BTreeSet<String>>,
    unreadable: BTreeMap<String, Unreadable>,
}

impl Reading<'_> {
    fn entry(&mut self, shard: &str, entry: Entry) -> Result<(), CheckpointError> {
        let name = self.wrappers.unwrapped(&entry.name);
        let dtype = match entry.dtype {
            Ok(dtype) => dtype,
            Err(dtype) => {
                self.unreadable.insert(name, Unreadable::Dtype { dtype });
                return Ok(());
            }
        };
        let path = self.folder.join(shard);
        let tensor =
            StoredTensor { name: name.clone(), dtype, shape: entry.shape, shard: path, range: entry.range };
        let Some(first) = self.tensors.get(&name) else {
            self.tensors.insert(name, tensor);
            return Ok(());
        };
        let is_same = same_values((&self.files[&first.shard], first), (&self.files[&tensor.shard], &tensor))?;
        if is_same {
            self.copies.entry(name).or_default().insert(shard.to_owned());
        } else {
            let shards = [shard_name(&first.shard), shard.to_owned()];
            self.unreadable.insert(name, Unreadable::Twice { shards });
        }
        Ok(())
    }

    /// Takes up what the index names and no file holds; gives the tensors that it places elsewhere than they are, or
    /// nowhere.
    fn compare_with_index(
        &mut self,
        places: &BTreeMap<String, String>,
        missing: &BTreeSet<&String>,
    ) -> Vec<String> {
        let places: BTreeMap<String, &String> =
            places.iter().map(|(name, shard)| (self.wrappers.unwrapped(name), shard)).collect();
        for (name, shard) in &places {
            if !self.tensors.contains_key(name) && !self.unreadable.contains_key(name) {
                let shard = (*shard).clone();
                let why = if missing.contains(&shard) {
                    Unreadable::ShardMissing { shard }
                } else {
                    Unreadable::NotHeld { shard }
                };
                self.unreadable.insert(name.clone(), why);
            }
        }
        let is_elsewhere = |tensor: &&StoredTensor| {
            places.get(&tensor.name).is_none_or(|shard| {
                **shard != shard_name(&tensor.shard)
                    && self.copies.get(&tensor.name).is_none_or(|copies| !copies.contains(*shard))
            })
        };
        self.tensors.values().filter(is_elsewhere).map(|tensor| tensor.name.clone()).collect()
    }

    fn finish(mut self, mut notes: Vec<Note>) -> Shards {
        self.tensors.retain(|name, _| !self.unreadable.contains_key(name));
        notes.extend(self.wrappers.note());
        let names: Vec<String> =
            self.copies.into_keys().filter(|name| self.tensors.contains_key(name)).collect();
        if !names.is_empty() {
            notes.push(Note::PassedOver {
                names,
                why: "which is in several files with the same values, but for one",
            });
        }
        let tensors = self.tensors.into_values().collect();
        Shards { files: self.files, tensors, unreadable: self.unreadable, notes }
    }
}

fn shard_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What is needed of these can't be had: the shards that aren't there, or else what is wrong with each.
pub(crate) fn refusal(
    folder: &Path,
    set: ShardSet,
    needed: &BTreeMap<&String, &Unreadable>,
) -> CheckpointError {
    let missing = needed.values().filter_map(|why| match why {
        Unreadable::ShardMissing { shard } => Some(shard),
        Unreadable::NotHeld { .. } | Unreadable::Twice { .. } | Unreadable::Dtype { .. } => None,
    });
    let missing: BTreeSet<&String> = missing.collect();
    if !missing.is_empty() {
        return missing_shards(&folder.join(set.index_file()), &Vec::from_iter(missing));
    }
    let problems = needed.iter().map(|(name, why)| format!("`{name}` {why}")).collect();
    CheckpointError::Tensors { path: folder.to_owned(), problems: Problems(problems) }
}

fn missing_shards(index: &Path, missing: &[&String]) -> CheckpointError {
    let problem = format!("names shards that are not there: {}", first_few(missing));
    CheckpointError::Json { file: index.to_owned(), problem }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShardMissing { shard } => write!(formatter, "is in {shard}, which is not there"),
            Self::NotHeld { shard } => {
                write!(formatter, "is in {shard} by the index, and that does not hold it")
            }
            Self::Twice { shards: [first, second] } => {
                write!(formatter, "is in {first} and in {second}, with other values")
            }
            Self::Dtype { dtype } => write!(formatter, "is {dtype}, a type that safetensors doesn't have"),
        }
    }
}
