//! Where the workspace is, and how to start cargo and other programs in it. Decides nothing.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::OnceLock,
};

use anyhow::{Context, bail};

/// The folder of the workspace's `Cargo.toml`: where cargo says it is now, which after a move isn't where it was when
/// xtask was built.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let package =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        Path::new(&package).parent().expect("xtask lies in the workspace's root").to_owned()
    })
}

/// The cargo that runs us, to be started in the workspace's root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs a command to its end, with its output shown; an error names it when it fails.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs a command to its end, with its output shown, and gives its exit status.
pub(crate) fn status(command: &mut Command) -> anyhow::Result<ExitStatus> {
    command.status().with_context(|| format!("starting `{}`", shown(command)))
}

/// Runs a command to its end and gives what it printed; stderr is in the error when it fails.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("starting `{}`", shown(command)))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed ({}): {}", shown(command), output.status, stderr.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("reading the output of `{}`", shown(command)))
}

/// Whether a program can be started and answers `arguments` with success.
pub(crate) fn answers(command: &mut Command) -> anyhow::Result<bool> {
    match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) => Ok(status.success()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("starting `{}`", shown(command))),
    }
}

/// Cargo's description of the workspace's own packages, and of nothing else.
pub(crate) fn metadata() -> anyhow::Result<serde_json::Value> {
    let text = output(cargo().args(["metadata", "--no-deps", "--format-version", "1", "--locked"]))?;
    serde_json::from_str(&text).context("reading the output of `cargo metadata`")
}

/// Where cargo builds, which `CARGO_TARGET_DIR` and configuration files may have moved.
pub(crate) fn target_directory() -> anyhow::Result<PathBuf> {
    let metadata = metadata()?;
    let folder =
        metadata["target_directory"].as_str().context("`cargo metadata` names no target directory")?;
    Ok(PathBuf::from(folder))
}

/// A command as one would type it, for messages.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_answers_no_and_is_no_error() {
        assert!(!answers(&mut Command::new("a-program-that-nobody-has")).unwrap());
    }

    #[test]
    fn a_failed_command_is_named_in_its_error() {
        let error = run(Command::new("/usr/bin/env").args(["sh", "-c", "exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`env sh -c exit 3` failed (exit status: 3)");
    }
}
