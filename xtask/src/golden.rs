//! `cargo xtask golden`: runs the Python scripts in `xtask/golden/` in an environment made for them.
//!
//! The scripts make the golden files, or hold a checkpoint against `transformers`; no check and no test runs them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, bail};

use crate::workspace;

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
    let python = environment(&folder.join("requirements.txt"))?;
    workspace::run(Command::new(python).arg(script).args(rest))?;
    Ok(ExitCode::SUCCESS)
}

/// The interpreter of an environment in the target directory that holds exactly `requirements`.
fn environment(requirements: &Path) -> anyhow::Result<PathBuf> {
    let wanted =
        fs::read_to_string(requirements).with_context(|| format!("reading `{}`", requirements.display()))?;
    let folder = workspace::target_directory()?.join("golden-venv");
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    // Written last: an environment whose installation was cut off is made anew.
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(python);
    }
    eprintln!("installing the packages of xtask/golden/requirements.txt into {}", folder.display());
    let system = if cfg!(windows) { "python" } else { "python3" };
    workspace::run(Command::new(system).args(["-m", "venv", "--clear"]).arg(&folder))
        .context("making a Python environment (on Debian: apt-get install python3-venv)")?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    workspace::run(Command::new(&python).args(pip).arg(requirements))?;
    fs::write(&installed, wanted).with_context(|| format!("writing `{}`", installed.display()))?;
    Ok(python)
}

fn scripts(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading `{}`", folder.display()))?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names =
        names.filter(|name| Path::new(name).extension().is_some_and(|end| end == "py")).collect::<Vec<_>>();
    names.sort();
    Ok(names)
}
