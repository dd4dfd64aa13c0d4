//! The licences of everything that is linked into the program: which each crate has, and their texts, each once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
};

use anyhow::Context;
use serde_json::Value;

use crate::workspace;

/// What the names of files with licences begin with.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT"];

/// The whole text: a list of crates, then the texts of their licences.
pub(crate) fn of_program() -> anyhow::Result<String> {
    let linked = linked()?;
    let metadata = ["metadata", "--format-version", "1", "--locked"];
    let metadata: Value = serde_json::from_str(&workspace::output(workspace::cargo().args(metadata))?)
        .context("reading the output of `cargo metadata`")?;
    let packages = metadata["packages"].as_array().context("`cargo metadata` names no packages")?;
    let mut crates = Vec::new();
    for package in packages {
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        // Those without a source are ours.
        let is_linked = linked.contains(&(text("name"), text("version")));
        if is_linked && !package["source"].is_null() {
            let folder = text("manifest_path");
            let folder = Path::new(&folder).parent().unwrap_or(Path::new("."));
            crates.push((format!("{} {}", text("name"), text("version")), text("license"), texts(folder)?));
        }
    }
    crates.sort();
    Ok(written(&crates))
}

/// Names and versions of what is linked into the program, build scripts and tests not.
fn linked() -> anyhow::Result<BTreeSet<(String, String)>> {
    let tree =
        ["tree", "--locked", "--package", "outgrow", "--edges", "normal,no-proc-macro", "--prefix", "none"];
    let printed = workspace::output(workspace::cargo().args(tree).args(["--format", "{p}"]))?;
    Ok(printed.lines().filter_map(name_and_version).collect())
}

/// Of `serde v1.0.229 (*)`.
fn name_and_version(line: &str) -> Option<(String, String)> {
    let mut words = line.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
}

/// The licences that lie in a crate's folder.
fn texts(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading `{}`", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    files.sort();
    let is_licence = |path: &&std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        path.is_file() && NAMES.iter().any(|start| name.starts_with(start))
    };
    let read = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).with_context(|| format!("reading `{}`", path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).replace('\r', "").trim().to_owned())
    };
    files.iter().filter(is_licence).map(read).collect()
}

/// Crates with their licences, and behind them each text once, with those that it is of.
fn written(crates: &[(String, String, Vec<String>)]) -> String {
    let mut all = String::from("What is linked into the program, and under which licences\n\n");
    let mut by_text: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, licence, texts) in crates {
        let licence = if licence.is_empty() { "see its text below" } else { licence };
        let _ = writeln!(all, "{name}: {licence}");
        for text in texts {
            by_text.entry(text).or_default().push(name);
        }
    }
    for (text, names) in by_text {
        let rule = "-".repeat(80);
        let _ = write!(all, "\n{rule}\n{}\n{rule}\n\n{text}\n", names.join(", "));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_stands_once_with_all_that_it_is_of() {
        let crates = [
            ("a 1.0.0".to_owned(), "MIT".to_owned(), vec!["Do as you like.".to_owned()]),
            ("b 2.0.0".to_owned(), String::new(), vec!["Do as you like.".to_owned(), "Say so.".to_owned()]),
        ];
        let text = written(&crates);
        assert!(text.contains("\na 1.0.0: MIT\nb 2.0.0: see its text below\n"), "{text}");
        assert!(text.contains("\na 1.0.0, b 2.0.0\n"), "{text}");
        assert_eq!(text.matches("Do as you like.").count(), 1, "{text}");
    }

    #[test]
    fn a_line_of_cargos_tree_is_a_name_and_a_version() {
        let found = name_and_version("serde v1.0.229 (*)");
        assert_eq!(found, Some(("serde".to_owned(), "1.0.229".to_owned())));
        assert_eq!(name_and_version(""), None);
    }
}
