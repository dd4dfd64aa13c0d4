//! From what was named (files, folders, patterns) to a list of files whose order depends on their names alone, not on
//! the order in which a disk lists them. It opens none of them.
//!
//! What is named outright is read where and as often as it is named. Folders and patterns add the files of known kinds
//! in them that are not named outright and that no folder or pattern before has added, in the order of their paths,
//! compared name by name, byte by byte. Hidden files and those that are about a data set (README, dataset_info.json, …)
//! are no text.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Error,
    path::{Path, PathBuf},
};

use glob::MatchOptions;
use walkdir::WalkDir;

use crate::{
    documents::{
        kind::{Kind, renamed},
        stream::unknown_kind,
    },
    error::DataError,
};

/// A file to read.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub path: PathBuf,
    pub kind: Kind,
    /// Bytes on disk; 0 of a pipe.
    pub length: u64,
    /// Whether it can be opened twice, as a pipe can't.
    pub is_file: bool,
}

/// The files, what a person should know of how they were found, and why others can't be used.
#[derive(Debug)]
pub(super) struct Inputs {
    pub files: Vec<Input>,
    pub notes: Vec<String>,
    pub problems: Vec<DataError>,
}

/// Files that are about a data set and not of it, by their whole names.
const ABOUT: [&str; 13] = [
    "dataset_info.json",
    "dataset_infos.json",
    "dataset_dict.json",
    "state.json",
    "metadata.json",
    "manifest.json",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "requirements.txt",
];
/// The same by the first part of their names.
const ABOUT_STEMS: [&str; 7] = ["readme", "license", "licence", "copying", "notice", "changelog", "citation"];
/// Names in a note or a message before the rest is counted.
const NAMES_SHOWN: usize = 6;

/// What an argument was found to be.
enum Found {
    File(PathBuf),
    /// A folder or a pattern, with the files in it.
    Many {
        argument: PathBuf,
        files: Vec<PathBuf>,
    },
}

/// Finds the files of all arguments. Problems are paths that are not there, names of no known kind, and folders and
/// patterns without text.
pub(super) fn find(arguments: &[PathBuf]) -> Inputs {
    let mut search = Search::default();
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    if arguments.is_empty() {
        problems.push(DataError::NoInputs);
    }
    for argument in arguments {
        match search.argument(argument) {
            Ok(files) => found.push(files),
            Err(problem) => problems.push(problem),
        }
    }
    let (paths, overlap) = merge(found, &mut search.notes);
    if overlap > 0 {
        let files = files(overlap);
        search.notes.push(format!("{files} found once more in a folder or by a pattern, and read once"));
    }
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        match input(path) {
            Ok(input) => files.push(input),
            Err(problem) => problems.push(problem),
        }
    }
    Inputs { files, notes: search.notes, problems }
}

fn input(path: PathBuf) -> Result<Input, DataError> {
    let kind = Kind::of(&path).ok_or_else(|| unknown_kind(&path))?;
    let metadata = std::fs::metadata(&path).map_err(DataError::io("read", &path))?;
    Ok(Input { path, kind, length: metadata.len(), is_file: metadata.is_file() })
}

/// The paths in order, each as often as it is to be read, and how many were left out because they are there already.
fn merge(found: Vec<Found>, notes: &mut Vec<String>) -> (Vec<PathBuf>, usize) {
    let mut outright = BTreeSet::new();
    let mut repeated = Vec::new();
    for found in &found {
        if let Found::File(path) = found
            && !outright.insert(identity(path))
        {
            repeated.push(path.display().to_string());
        }
    }
    if !repeated.is_empty() {
        notes.push(format!("named more than once, and read as often: {}", some(&repeated)));
    }
    let (mut paths, mut added, mut overlap) = (Vec::new(), BTreeSet::new(), 0);
    for found in found {
        match found {
            Found::File(path) => paths.push(path),
            Found::Many { argument, files } => {
                let before = paths.len();
                for path in files {
                    let identity = identity(&path);
                    if outright.contains(&identity) || !added.insert(identity) {
                        overlap += 1;
                    } else {
                        paths.push(path);
                    }
                }
                notes.extend(splits_note(&argument, &paths[before..]));
                notes.extend(copies_note(&argument, &paths[before..]));
            }
        }
    }
    (paths, overlap)
}

/// The same for all paths to a file.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

#[derive(Default)]
struct Search {
    notes: Vec<String>,
}

impl Search {
    fn argument(&mut self, argument: &Path) -> Result<Found, DataError> {
        match std::fs::metadata(argument) {
            Ok(metadata) if metadata.is_dir() => self.folder(argument),
            Ok(_) => Ok(Found::File(argument.to_path_buf())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => match argument.to_str() {
                Some(pattern) if pattern.contains(['*', '?', '[']) => self.pattern(argument, pattern),
                _ => Err(DataError::io("read", argument)(error)),
            },
            Err(error) => Err(DataError::io("read", argument)(error)),
        }
    }

    fn folder(&mut self, folder: &Path) -> Result<Found, DataError> {
        let mut contents = Contents::default();
        contents.add_folder(folder)?;
        self.many(folder, contents)
    }

    fn pattern(&mut self, argument: &Path, pattern: &str) -> Result<Found, DataError> {
        // As a shell has it: a star doesn't reach over a separator, nor match the point of a hidden file.
        let options = MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let bad = |problem: String| DataError::Pattern { pattern: pattern.to_owned(), problem };
        let matches = glob::glob_with(pattern, options).map_err(|error| bad(error.to_string()))?;
        let mut paths = matches
            .map(|path| {
                path.map_err(|error| {
                    let path = error.path().to_path_buf();
                    DataError::io("read", &path)(error.into())
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        paths.sort();
        if paths.is_empty() {
            return Err(bad("matches no file".into()));
        }
        let mut contents = Contents::default();
        for path in paths {
            if path.is_dir() {
                contents.add_folder(&path)?;
            } else {
                contents.add_file(path);
            }
        }
        self.many(argument, contents)
    }

    fn many(&mut self, argument: &Path, contents: Contents) -> Result<Found, DataError> {
        let passed_over = contents.passed_over;
        if contents.files.is_empty() {
            let found = if passed_over.is_empty() { "nothing".into() } else { some(&passed_over) };
            return Err(DataError::NoTextFiles { argument: argument.to_path_buf(), found });
        }
        if !passed_over.is_empty() {
            let (argument, count) = (argument.display(), files(passed_over.len()));
            self.notes.push(format!("{argument}: {count} passed over: {}", some(&passed_over)));
        }
        Ok(Found::Many { argument: argument.to_path_buf(), files: contents.files })
    }
}

/// The files below a folder or of a pattern, those that are no text apart.
#[derive(Default)]
struct Contents {
    files: Vec<PathBuf>,
    passed_over: Vec<String>,
}

impl Contents {
    fn add_folder(&mut self, folder: &Path) -> Result<(), DataError> {
        let walk = WalkDir::new(folder).follow_links(true).sort_by_file_name();
        let mut entries = walk.into_iter();
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) if entry.depth() > 0 && is_hidden(entry.path()) => {
                    self.pass_over(folder, entry.path(), entry.file_type().is_dir());
                    if entry.file_type().is_dir() {
                        entries.skip_current_dir();
                    }
                }
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) if is_text(entry.path()) => self.files.push(entry.into_path()),
                Ok(entry) => self.pass_over(folder, entry.path(), false),
                Err(error) => match error.path() {
                    // A link to nothing, where nothing is missing that would be read, or one to where it lies.
                    Some(path) if leads_nowhere(&error, path) && (is_hidden(path) || !is_text(path)) => {
                        self.pass_over(folder, path, false);
                    }
                    path => {
                        let path = path.unwrap_or(folder).to_path_buf();
                        let source = error.into_io_error();
                        let source = source.unwrap_or_else(|| Error::other("the folders lead in a circle"));
                        return Err(DataError::Io { action: "read", path, source });
                    }
                },
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: PathBuf) {
        if is_text(&path) {
            self.files.push(path);
        } else {
            self.passed_over.push(path.display().to_string());
        }
    }

    fn pass_over(&mut self, folder: &Path, path: &Path, is_folder: bool) {
        let name = path.strip_prefix(folder).unwrap_or(path).display();
        self.passed_over.push(format!("{name}{}", if is_folder { "/" } else { "" }));
    }
}

fn leads_nowhere(error: &walkdir::Error, path: &Path) -> bool {
    error.loop_ancestor().is_some() || path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Whether a file that was found (and not named) is taken for documents.
fn is_text(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let stem = name.split('.').next().unwrap_or_default();
    let about =
        ABOUT.contains(&name.as_str()) || name.ends_with(".index.json") || ABOUT_STEMS.contains(&stem);
    !about && Kind::of(path).is_some()
}

/// Whoever names a folder with all splits of a data set may not want to train on the one for testing.
fn splits_note(argument: &Path, files: &[PathBuf]) -> Option<String> {
    let held_out = |path: &&PathBuf| splits(argument, path).any(|split| split != "train");
    let training = files.iter().find(|path| splits(argument, path).any(|split| split == "train"))?;
    let held_out = files.iter().find(held_out)?;
    Some(format!(
        "{}: has files of several splits, and all of them are read: {}, {}",
        argument.display(),
        training.display(),
        held_out.display()
    ))
}

/// Programs that compress a file may leave it where it was.
fn copies_note(argument: &Path, files: &[PathBuf]) -> Option<String> {
    let mut plain = BTreeMap::new();
    let copies = files.iter().filter_map(|path| {
        let first = plain.insert(path.with_file_name(renamed(path, None)), path)?;
        Some(format!("{} and {}", first.display(), path.display()))
    });
    let copies = copies.collect::<Vec<_>>();
    (!copies.is_empty()).then(|| {
        format!("{}: may be the same text twice, and both are read: {}", argument.display(), some(&copies))
    })
}

/// Splits that are words of a path behind the argument.
fn splits(argument: &Path, path: &Path) -> impl Iterator<Item = &'static str> {
    const SPLITS: [&str; 7] = ["train", "training", "validation", "valid", "val", "dev", "test"];
    let behind = path.strip_prefix(argument).unwrap_or(path.file_name().map_or(path, Path::new));
    let behind = behind.to_string_lossy().to_lowercase();
    let words = behind.split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
    let found = SPLITS.into_iter().filter(move |split| words.iter().any(|word| word == split));
    found.map(|split| if split == "training" { "train" } else { split })
}

/// A few names and how many more there are.
pub(super) fn some(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn files(count: usize) -> String {
    format!("{count} {}", if count == 1 { "file" } else { "files" })
}
