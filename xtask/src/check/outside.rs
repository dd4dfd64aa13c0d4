//! The step that proves that single crates are of use alone: programs outside the workspace that take one or two.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::{
    tidy,
    workspace::{cargo, output, root, run, target_directory},
};

/// Builds and runs every program in xtask/outside, and looks for burn in what it is built from.
pub(super) fn run_programs() -> anyhow::Result<()> {
    let target = target_directory()?.join("outside");
    for manifest in manifests()? {
        let folder = manifest.parent().expect("a manifest lies in a folder");
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        pin_versions(folder)?;
        let tree =
            ["tree", "--edges", "normal,build", "--prefix", "none", "--format", "{p}", "--manifest-path"];
        let dependencies = output(cargo().args(tree).arg(&manifest))?;
        if let Some(problem) = tidy::reaches_burn(&name, &dependencies) {
            bail!("{problem}");
        }
        println!(
            "{name}: {} packages, none of burn",
            dependencies.lines().filter(|line| !line.ends_with("(*)")).count()
        );
        // Nobody debugs them, and what a debugger would need is a good part of the time.
        run(cargo()
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .args(["run", "--quiet", "--manifest-path"])
            .arg(&manifest)
            .arg("--target-dir")
            .arg(&target))?;
    }
    Ok(())
}

/// The manifests of the programs, in order of their names.
pub(super) fn manifests() -> anyhow::Result<Vec<PathBuf>> {
    let folder = root().join("xtask/outside");
    let entries = fs::read_dir(&folder).with_context(|| format!("reading `{}`", folder.display()))?;
    let manifests = entries.flatten().map(|entry| entry.path().join("Cargo.toml"));
    let mut manifests = manifests.filter(|manifest| manifest.is_file()).collect::<Vec<_>>();
    manifests.sort();
    if manifests.is_empty() {
        bail!("no program in `{}`", folder.display());
    }
    Ok(manifests)
}

/// Gives a program the workspace's lock file, so that it is built from the versions that the workspace is tested with.
/// Cargo drops the entries that the program doesn't need.
fn pin_versions(folder: &Path) -> anyhow::Result<()> {
    let lock = folder.join("Cargo.lock");
    fs::copy(root().join("Cargo.lock"), &lock).with_context(|| format!("writing `{}`", lock.display()))?;
    Ok(())
}
