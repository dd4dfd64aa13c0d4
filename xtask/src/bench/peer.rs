//! mergekit: a Python environment with it, and the recipe of a stack.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{python, workspace};

/// The release that is measured. What it depends on is pip's choice.
const REQUIREMENT: &str = "mergekit==0.1.5";

/// mergekit's passthrough program, in an environment in `folder` that is made where there is none.
pub(super) fn mergekit(folder: &Path) -> anyhow::Result<PathBuf> {
    let words = format!("{REQUIREMENT} and what it needs (6 GB with PyTorch)");
    Ok(python::environment(folder, REQUIREMENT, &words)?.with_file_name("mergekit-yaml"))
}

/// A recipe that stacks all `layers` of `source` `factor` times.
pub(super) fn stack_recipe(source: &Path, layers: u64, factor: u64) -> String {
    let mut recipe = "merge_method: passthrough\ndtype: bfloat16\nslices:\n".to_owned();
    for _ in 0..factor {
        let source = source.display();
        writeln!(recipe, "- sources:\n  - model: {source}\n    layer_range: [0, {layers}]")
            .expect("a String takes all that is written to it");
    }
    recipe
}

/// mergekit at its fastest: no tokenizer to copy, tensors mapped, one PyTorch thread for each core. It copies each
/// tensor through memory.
pub(super) fn stack(program: &Path, recipe: &Path, target: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg(recipe).arg(target).args(["--lazy-unpickle", "--no-copy-tokenizer", "--quiet"]);
    command.env("HF_HUB_OFFLINE", "1");
    command
}

/// The version in the environment, for the record.
pub(super) fn version(program: &Path) -> anyhow::Result<String> {
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
}
