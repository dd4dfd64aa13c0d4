//! mergekit: a Python environment with it, and the recipe of a stack.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use crate::workspace;

/// The release that is measured. What it depends on is pip's choice.
const REQUIREMENT: &str = "mergekit==0.1.5";

/// Makes an environment in `folder` where there is none; gives mergekit's passthrough program in it.
pub fn mergekit(folder: &Path) -> anyhow::Result<PathBuf> {
    let program = folder.join("bin/mergekit-yaml");
    // Written last: an environment whose installation was cut off is made anew.
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|text| text == REQUIREMENT) {
        return Ok(program);
    }
    eprintln!("installing {REQUIREMENT} and what it needs (6 GB with PyTorch) into {}", folder.display());
    one_line(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))
        .context("making a Python environment (on Debian: apt-get install python3-venv)")?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", REQUIREMENT];
    one_line(Command::new(folder.join("bin/python")).args(pip)).context("pip")?;
    fs::write(&installed, REQUIREMENT).with_context(|| format!("writing `{}`", installed.display()))?;
    Ok(program)
}

/// Runs a command unseen; of what it says when it fails, the first line that names an error, or the last.
fn one_line(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("starting {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!("{}", telling_line(&String::from_utf8_lossy(&output.stderr)));
    }
    Ok(())
}

fn telling_line(stderr: &str) -> &str {
    let mut lines = stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines.clone().find(|line| line.starts_with("ERROR"));
    error.or_else(|| lines.next_back()).unwrap_or("it printed nothing")
}

/// A recipe that stacks all `layers` of `source` `factor` times.
pub fn stack_recipe(source: &Path, layers: u64, factor: u64) -> String {
    let mut recipe = "merge_method: passthrough\ndtype: bfloat16\nslices:\n".to_owned();
    for _ in 0..factor {
        let source = source.display();
        writeln!(recipe, "- sources:\n  - model: {source}\n    layer_range: [0, {layers}]")
            .expect("a String takes all that is written to it");
    }
    recipe
}

/// mergekit at its fastest: no tokenizer to copy, tensors mapped, one PyTorch thread for each core. It copies each tensor
/// through memory.
pub fn stack(program: &Path, recipe: &Path, target: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg(recipe).arg(target).args(["--lazy-unpickle", "--no-copy-tokenizer", "--quiet"]);
    command.env("HF_HUB_OFFLINE", "1");
    command
}

/// The version in the environment, for the record.
pub fn version(program: &Path) -> anyhow::Result<String> {
    let python = program.with_file_name("python");
    let script =
        "from importlib.metadata import version as v; print(f\"{v('mergekit')} on PyTorch {v('torch')}\")";
    Ok(workspace::output(Command::new(python).args(["-c", script]))?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_names_the_source_once_for_each_copy() {
        let recipe = stack_recipe(Path::new("/a/model"), 6, 2);
        let slice = "- sources:\n  - model: /a/model\n    layer_range: [0, 6]\n";
        assert_eq!(recipe, format!("merge_method: passthrough\ndtype: bfloat16\nslices:\n{slice}{slice}"));
    }

    #[test]
    fn of_what_pip_prints_the_error_is_kept() {
        let stderr =
            "WARNING: Retrying\nERROR: No matching distribution found for mergekit\n[notice] a new release\n";
        assert_eq!(telling_line(stderr), "ERROR: No matching distribution found for mergekit");
        assert_eq!(telling_line("a\nb\n\n"), "b");
    }
}
