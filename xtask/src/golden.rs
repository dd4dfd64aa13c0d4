//! `cargo xtask golden`: runs the Python scripts in `xtask/golden/` in an environment made for them.
//!
//! The scripts make the golden files, or hold a checkpoint against `transformers`; no check and no test runs them.

use std::{
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::{Context, bail};

use crate::{python, workspace};

/// Arguments of `cargo xtask golden`.
#[derive(clap::Args)]
pub struct Arguments {
    /// A script in xtask/golden, and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "SCRIPT [ARGS]")]
    script: Vec<String>,
}

/// Makes the environment where it is missing or stale, then runs the script (by default the one that makes the files).
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let folder = workspace::root().join("xtask/golden");
    let (name, rest) = match arguments.script.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("generate.py", [].as_slice()),
    };
    let script = folder.join(name);
    if !script.is_file() {
        bail!("no script `{name}` in xtask/golden: it holds {}", scripts(&folder)?.join(", "));
    }
    let requirements = folder.join("requirements.txt");
    let wanted =
        fs::read_to_string(&requirements).with_context(|| format!("reading `{}`", requirements.display()))?;
    let environment = workspace::target_directory()?.join("golden-venv");
    let python = python::environment(&environment, &wanted, "the packages of xtask/golden/requirements.txt")?;
    workspace::run(Command::new(python).arg(script).args(rest))?;
    Ok(ExitCode::SUCCESS)
}

fn scripts(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading `{}`", folder.display()))?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names =
        names.filter(|name| Path::new(name).extension().is_some_and(|end| end == "py")).collect::<Vec<_>>();
    names.sort();
    Ok(names)
}
