//! The Python programs in `xtask/python/`: which there are, and how they are started.
//!
//! Modules import each other by their path from `xtask/python`, which is therefore on Python's path; the folder of the
//! program itself is not. Which packages they need is in `xtask/python/requirements.txt`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, bail};

use crate::{python, workspace};

/// A Python file that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// What a user calls it.
    pub name: String,
    /// Its path for Python's `-m`.
    module: String,
    /// The first line of its documentation.
    summary: String,
}

/// The interpreter to run them with, as both commands take it.
#[derive(clap::Args)]
pub(crate) struct Interpreter {
    /// A Python that has the packages of xtask/python/requirements.txt, instead of an environment made for them.
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
}

/// The folder of all scripts.
pub(crate) fn folder() -> PathBuf {
    workspace::root().join("xtask/python")
}

/// A command that runs a module of `xtask/python` with `python`.
pub(crate) fn command(python: &Path, module: &str) -> Command {
    let mut command = Command::new(python);
    // Children inherit both.
    command.env("PYTHONPATH", folder()).env("PYTHONSAFEPATH", "1").args(["-m", module]);
    command
}

/// The programs in a folder of `xtask/python`, by name. `prefix` is what their files begin with and their names don't.
pub(crate) fn programs(within: &str, prefix: &str) -> anyhow::Result<Vec<Script>> {
    let mut found = Vec::new();
    let mut pending = vec![within.to_owned()];
    while let Some(folder_name) = pending.pop() {
        let path = folder().join(&folder_name);
        for entry in fs::read_dir(&path).with_context(|| format!("reading `{}`", path.display()))? {
            let entry = entry.with_context(|| format!("reading `{}`", path.display()))?;
            let file = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() && !file.starts_with("__") {
                pending.push(format!("{folder_name}/{file}"));
                continue;
            }
            let Some(stem) = file.strip_suffix(".py") else { continue };
            let text = fs::read_to_string(entry.path())
                .with_context(|| format!("reading `{}`", entry.path().display()))?;
            if let Some(name) = stem.strip_prefix(prefix).filter(|_| can_be_run(&text)) {
                let module = format!("{}.{stem}", folder_name.replace('/', "."));
                found.push(Script { name: name.to_owned(), module, summary: summary(&text) });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Runs the program of that name with the arguments behind it; the environment is made where it is missing or stale.
pub(crate) fn run(
    programs: &[Script],
    name: &str,
    arguments: &[String],
    interpreter: &Interpreter,
) -> anyhow::Result<ExitCode> {
    let Some(script) = programs.iter().find(|script| script.name == name.replace('-', "_")) else {
        bail!("no `{name}` here: there are\n{}", table(programs));
    };
    let python = match &interpreter.python {
        Some(python) => python.clone(),
        None => environment()?,
    };
    workspace::run(command(&python, &script.module).args(arguments))?;
    Ok(ExitCode::SUCCESS)
}

/// A line for each program.
pub(crate) fn table(programs: &[Script]) -> String {
    let width = programs.iter().map(|script| script.name.len()).max().unwrap_or(0);
    let line = |script: &Script| format!("  {:<width$}  {}", script.name, script.summary);
    programs.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn environment() -> anyhow::Result<PathBuf> {
    let requirements = folder().join("requirements.txt");
    let wanted =
        fs::read_to_string(&requirements).with_context(|| format!("reading `{}`", requirements.display()))?;
    let environment = workspace::target_directory()?.join("python-venv");
    python::environment(&environment, &wanted, "the packages of xtask/python/requirements.txt")
}

fn can_be_run(text: &str) -> bool {
    text.contains("if __name__ == \"__main__\":")
}

fn summary(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default().trim_start_matches("\"\"\"");
    first.trim_end_matches("\"\"\"").to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn python_files(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(python_files(&path));
            } else if path.extension().is_some_and(|end| end == "py") && !path.ends_with("__init__.py") {
                found.push(path);
            }
        }
        found
    }

    /// The names of Python files that a text mentions, without the folders before them.
    fn mentioned(text: &str) -> BTreeSet<String> {
        let words = text.split(|character: char| !character.is_alphanumeric() && !"_./".contains(character));
        let names = words.filter_map(|word| word.rsplit('/').next()?.strip_suffix(".py"));
        names.map(|name| format!("{name}.py")).collect()
    }

    #[test]
    fn each_folder_has_a_readme_that_lists_the_files_in_it_and_no_others() {
        for name in ["golden", "checks", "models", "peers"] {
            let folder = folder().join(name);
            let listed = mentioned(&fs::read_to_string(folder.join("README.md")).unwrap());
            let there = python_files(&folder);
            let there = there.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
            let there = there.collect::<BTreeSet<_>>();
            let missing = there.difference(&listed).collect::<Vec<_>>();
            assert!(missing.is_empty(), "xtask/python/{name}/README.md doesn't list {missing:?}");
            let everywhere = python_files(&super::folder());
            for other in listed.difference(&there) {
                assert!(everywhere.iter().any(|path| path.ends_with(other)), "{name}/README.md: no {other}");
            }
        }
    }

    #[test]
    fn a_summary_is_one_sentence_on_the_first_line() {
        let programs = [programs("golden", "").unwrap(), programs("checks", "check_").unwrap()].concat();
        assert!(programs.len() > 20, "{}", programs.len());
        for script in programs {
            let ends = script.summary.ends_with(['.', ':']);
            assert!(ends && script.summary.len() <= 100, "{}: {}", script.module, script.summary);
        }
    }

    #[test]
    fn makers_of_golden_files_and_checks_take_nothing_from_each_other() {
        for (folder, other) in [("golden", "checks"), ("checks", "golden")] {
            for path in python_files(&super::folder().join(folder)) {
                let text = fs::read_to_string(&path).unwrap();
                let crossing = text.lines().find(|line| {
                    line.starts_with(&format!("from {other}")) || line.starts_with(&format!("import {other}"))
                });
                assert_eq!(crossing, None, "{}", path.display());
            }
        }
    }

    #[test]
    fn what_is_no_program_is_not_listed() {
        let checks = programs("checks", "check_").unwrap();
        assert!(checks.iter().any(|script| script.name == "operators"));
        assert!(checks.iter().all(|script| script.name != "cases" && script.name != "depth"));
    }

    #[test]
    fn a_name_that_isnt_there_is_answered_with_those_that_are() {
        let programs = [Script { name: "masks".into(), module: "m".into(), summary: "Masks.".into() }];
        let error = run(&programs, "mask", &[], &Interpreter { python: None }).unwrap_err();
        assert_eq!(error.to_string(), "no `mask` here: there are\n  masks  Masks.");
    }
}
