//! `cargo xtask wheel`: the Python wheel with the program in it, built against an old glibc.
//!
//! maturin builds it, and on Linux zig compiles and links the C in it, so that no container is needed: zig has the
//! symbols of every glibc. Nothing is published.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, bail};

use crate::{python, workspace};

/// What builds it. zig's version decides which glibcs it knows, and maturin's what it accepts.
const REQUIREMENTS: &str = "maturin==1.16.0\nziglang==0.17.1\n";
/// RHEL 8 has this glibc; Debian 11 and Ubuntu 20.04 have 2.31.
const COMPATIBILITY: &str = "manylinux_2_28";

/// Arguments of `cargo xtask wheel`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder for the wheel; target/wheels by default.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Builds the wheel and prints where it is.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => workspace::target_directory()?.join("wheels"),
    };
    println!("{}", build(&out)?.display());
    Ok(ExitCode::SUCCESS)
}

/// Builds the wheel into a folder of its own for this version, and says where it is.
pub(crate) fn build(out: &Path) -> anyhow::Result<PathBuf> {
    let python = environment()?;
    // Built beside it and then moved: what else is in `out` isn't asked which of it is new.
    let fresh = workspace::target_directory()?.join("wheel");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).with_context(|| format!("emptying `{}`", fresh.display()))?;
    }
    let mut maturin = Command::new(&python);
    // Its pyproject.toml names the crate.
    maturin.current_dir(workspace::root().join("python"));
    maturin.args(["-m", "maturin", "build", "--release"]).arg("--out").arg(&fresh);
    if cfg!(target_os = "linux") {
        maturin.args(["--zig", "--compatibility", COMPATIBILITY]);
    }
    // maturin asks for `zig` where `python3 -m ziglang` is to be found.
    maturin.env("PATH", path_before(python.parent().unwrap_or(Path::new("")))?);
    workspace::run(&mut maturin)?;
    let wheel = only_file(&fresh)?;
    fs::create_dir_all(out).with_context(|| format!("making `{}`", out.display()))?;
    let target = out.join(wheel.file_name().context("a wheel has a name")?);
    fs::copy(&wheel, &target).with_context(|| format!("writing `{}`", target.display()))?;
    Ok(target)
}

/// The interpreter that has maturin and zig.
pub(crate) fn environment() -> anyhow::Result<PathBuf> {
    let folder = workspace::target_directory()?.join("wheel-venv");
    python::environment(&folder, REQUIREMENTS, "maturin and zig")
}

/// PATH with a folder in front.
fn path_before(folder: &Path) -> anyhow::Result<OsString> {
    let rest = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(env::split_paths(&rest));
    env::join_paths(folders).context("a folder of PATH has the character that stands between folders")
}

fn only_file(folder: &Path) -> anyhow::Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading `{}`", folder.display()))?;
    let files = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    match &files[..] {
        [file] => Ok(file.clone()),
        files => bail!("`{}`: has {} files; one wheel was expected", folder.display(), files.len()),
    }
}
