//! `cargo xtask tidy`: the rules of this workspace that the compiler and the linters can't see.
//!
//! Collects what the rules read (cargo's own account of the crates, the files of the tree) and prints every problem.
//! The rules themselves are pure functions of text in the modules below.

mod circles;
mod direction;
mod layout;
mod prose;
mod source;
mod tree;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::workspace;

pub(crate) use tree::reaches_burn;

/// The folders whose files are ours to judge.
const FOLDERS: [&str; 8] = ["crates", "xtask", "benches", "python", "docs", "findings", ".github", ".ci"];

/// Checks every rule, prints each problem on a line of stderr, and fails when there is one.
pub(crate) fn run() -> anyhow::Result<()> {
    let metadata = workspace::metadata()?;
    let edges = direction::edges(&metadata)?;
    let mut problems = direction::violations(&edges);
    for package in direction::burn_free(&metadata)? {
        let printed = dependencies(&package)?;
        problems.extend(tree::reaches_burn(&package, &printed));
    }

    let files = files(workspace::root())?;
    problems.extend(tree::missing_readmes(&files));
    problems.extend(tree::golden_size(&files));
    problems.extend(layout::violations(&files));
    problems.extend(circles_of(&files)?);
    problems.extend(prose(&files)?);
    let mut notes = Vec::new();
    let judged = files.iter().filter(|file| source::is_judged(&file.path));
    let mut count = 0;
    for file in judged {
        let text = read(&file.path)?;
        problems.extend(source::violations(&file.path, &text));
        notes.extend(source::long_file_note(&file.path, &text));
        count += 1;
    }

    for note in &notes {
        eprintln!("note: {note}");
    }
    for problem in &problems {
        eprintln!("{problem}");
    }
    match problems.len() {
        0 => {
            eprintln!("tidy: {} crates and {count} source files in order", edges.len());
            Ok(())
        }
        1 => bail!("tidy found 1 problem"),
        number => bail!("tidy found {number} problems"),
    }
}

/// The circles of each crate's files.
fn circles_of(files: &[tree::File]) -> anyhow::Result<Vec<String>> {
    let mut crates = BTreeMap::<String, Vec<(String, String)>>::new();
    for file in files.iter().filter(|file| tree::ending(&file.path) == "rs") {
        let Some((folder, rest)) = file.path.split_once("/src/") else { continue };
        let text = read(&file.path)?;
        crates.entry(format!("{folder}/")).or_default().push((rest.to_owned(), text));
    }
    Ok(crates.iter().flat_map(|(folder, files)| circles::violations(folder, files)).collect())
}

/// What is too wide of what people read.
fn prose(files: &[tree::File]) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| prose::is_judged(&file.path)) {
        problems.extend(prose::violations(&file.path, &read(&file.path)?));
    }
    Ok(problems)
}

fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(workspace::root().join(path)).with_context(|| format!("reading `{path}`"))
}

/// Every package that `package` is built from, one a line, tests and build scripts included.
fn dependencies(package: &str) -> anyhow::Result<String> {
    let tree = ["tree", "--locked", "--edges", "normal,build,dev", "--prefix", "none", "--format", "{p}"];
    workspace::output(workspace::cargo().args(tree).args(["--package", package]))
}

/// Every file below [`FOLDERS`] and those in the root that people read, by their paths from `root` with `/` between the
/// parts, in order.
fn files(root: &Path) -> anyhow::Result<Vec<tree::File>> {
    let mut found = Vec::new();
    let mut pending = FOLDERS.map(|folder| root.join(folder)).to_vec();
    while let Some(folder) = pending.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("reading `{}`", folder.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("reading `{}`", folder.display()))?;
            let name = entry.file_name();
            if name.to_string_lossy().starts_with('.') || name == "target" || name == "__pycache__" {
                continue;
            }
            let metadata =
                entry.metadata().with_context(|| format!("reading `{}`", entry.path().display()))?;
            if metadata.is_dir() {
                pending.push(entry.path());
            } else {
                found.push(tree::File { path: from_root(root, &entry.path()), bytes: metadata.len() });
            }
        }
    }
    for entry in fs::read_dir(root).with_context(|| format!("reading `{}`", root.display()))?.flatten() {
        let path = from_root(root, &entry.path());
        if matches!(tree::ending(&path), "md" | "toml") {
            found.push(tree::File { path, bytes: entry.metadata().map_or(0, |metadata| metadata.len()) });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn from_root(root: &Path, path: &Path) -> String {
    let relative: PathBuf = path.strip_prefix(root).unwrap_or(path).to_owned();
    relative.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
