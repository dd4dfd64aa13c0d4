//! The steps of the gate that start one program or two.

use std::process::Command;

use anyhow::bail;

use super::outside;
use crate::workspace::{answers, cargo, output, root, run};

pub(super) fn fmt() -> anyhow::Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    for manifest in outside::manifests()? {
        run(cargo().args(["fmt", "--check", "--manifest-path"]).arg(manifest))?;
    }
    Ok(())
}

pub(super) fn typos() -> anyhow::Result<()> {
    let mut command = Command::new("typos");
    if !answers(Command::new("typos").arg("--version"))? {
        bail!(
            "`typos` isn't installed: `pip install typos` or `cargo install typos-cli --locked` (or `--skip typos`)"
        );
    }
    run(command.current_dir(root()))
}

/// Advisories change while the tree doesn't, and their database is on the network: whoever can't reach it is told so
/// and checked on the rest.
pub(super) fn deny() -> anyhow::Result<()> {
    if !answers(cargo().args(["deny", "--version"]))? {
        bail!("`cargo deny` isn't installed: `cargo install cargo-deny --locked` (or `--skip deny`)");
    }
    let deny = || {
        let mut command = cargo();
        command.args(["deny", "--locked", "--workspace", "--all-features", "--log-level", "error"]);
        command
    };
    run(deny().args(["check", "licenses", "bans", "sources"]))?;
    if answers(deny().args(["fetch", "db"]))? {
        run(deny().args(["check", "--disable-fetch", "advisories"]))
    } else {
        println!("advisories not checked: their database can't be reached from here");
        Ok(())
    }
}

pub(super) fn clippy() -> anyhow::Result<()> {
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
}

pub(super) fn test() -> anyhow::Result<()> {
    run(cargo().args(["test", "--workspace", "--locked"]))
}

pub(super) fn docs() -> anyhow::Result<()> {
    let arguments = ["doc", "--workspace", "--no-deps", "--locked"];
    run(cargo().args(arguments).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Type-checks only: linking needs what burn's `cuda` feature downloads, which the environment variable of docs.rs
/// leaves out.
pub(super) fn cuda() -> anyhow::Result<()> {
    let arguments = ["check", "--package", "outgrow", "--features", "cuda", "--locked"];
    run(cargo().args(arguments).env("DOCS_RS", "1"))
}

/// The test says so itself, and passes, where there is no adapter; its output is shown for that line.
///
/// One step of a tiny model needs no optimised compiler of kernels, and building that one costs most of half an hour.
pub(super) fn wgpu() -> anyhow::Result<()> {
    let arguments =
        ["test", "--package", "outgrow-train", "--features", "wgpu", "--test", "train", "--locked"];
    let unoptimised = ["--config", r#"profile.dev.package."*".opt-level=0"#];
    let tests = |more: &[&str]| {
        let mut command = cargo();
        command.args(arguments).args(unoptimised).arg("--").args(more);
        command
    };
    // A filter that matches nothing passes.
    if !output(&mut tests(&["--list", "wgpu::"]))?.contains("wgpu::") {
        bail!("outgrow-train's test program has no test in a module `wgpu`");
    }
    run(&mut tests(&["--nocapture", "wgpu::"]))
}
