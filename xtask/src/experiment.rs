//! `cargo xtask experiment`: builds the runner in release and hands an experiment over to it.
//!
//! Knows no experiment and no flag of theirs: the runner has definitions and results.

use std::{
    ffi::OsString,
    io::Read,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::workspace;

/// How long a build may take before a line tells that it is under way: long enough for one that has nothing to do.
const QUIET: Duration = Duration::from_secs(2);
/// How often a build that goes on says so.
const REMINDER: Duration = Duration::from_mins(1);

/// Arguments of `cargo xtask experiment`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// `list`, or an experiment's name and its flags, passed on as they are (`NAME --help` explains them). `--features
    /// wgpu|cuda` isn't passed on: it builds the runner with another backend.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
}

/// Builds the runner, runs it in the caller's working directory and takes on its exit status.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let (features, passed_on) = split_features(arguments.arguments)?;
    let runner = build(features.as_deref())?;
    hand_over(Command::new(runner).arg("experiment").args(passed_on))
}

/// Takes `--features NAMES` out of the arguments. What follows `--` belongs to the runner unread.
fn split_features(arguments: Vec<OsString>) -> anyhow::Result<(Option<String>, Vec<OsString>)> {
    let mut features = Vec::new();
    let mut passed_on = Vec::new();
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        match argument.to_str() {
            Some("--") => {
                passed_on.push(argument);
                passed_on.extend(rest.by_ref());
            }
            Some("--features") => {
                let names = rest.next().and_then(|names| names.into_string().ok());
                features.push(names.context("`--features` needs a value: wgpu or cuda")?);
            }
            Some(text) => match text.strip_prefix("--features=") {
                Some(names) => features.push(names.to_owned()),
                None => passed_on.push(argument),
            },
            None => passed_on.push(argument),
        }
    }
    Ok(((!features.is_empty()).then(|| features.join(",")), passed_on))
}

/// Builds the runner and says where it lies. Cargo's warnings and errors go to stderr.
pub(crate) fn build(features: Option<&str>) -> anyhow::Result<PathBuf> {
    let mut command = workspace::cargo();
    command.args(["build", "--release", "--package", "outgrow", "--bin", "outgrow", "--locked", "--quiet"]);
    command.arg("--message-format=json-render-diagnostics");
    if let Some(features) = features {
        command.args(["--features", features]);
    }
    let mut child = command.stdout(Stdio::piped()).spawn().context("starting `cargo build`")?;
    let mut stdout = child.stdout.take().expect("stdout was piped");

    let (done, wait) = mpsc::channel::<()>();
    let reminder = thread::spawn(move || remind(&wait));
    let mut messages = String::new();
    let read = stdout.read_to_string(&mut messages);
    let status = child.wait();
    drop(done);
    reminder.join().expect("the reminder only prints");

    read.context("reading the output of `cargo build`")?;
    if !status.context("waiting for `cargo build`")?.success() {
        bail!("the runner doesn't build: see cargo's messages above");
    }
    executable(&messages).context("`cargo build` named no executable `outgrow`")
}

/// Tells on stderr that the build goes on, until the channel closes.
fn remind(wait: &mpsc::Receiver<()>) {
    let start = Instant::now();
    if wait.recv_timeout(QUIET) != Err(RecvTimeoutError::Timeout) {
        return;
    }
    eprintln!("building the runner in release: the first build takes several minutes, later ones seconds");
    while wait.recv_timeout(REMINDER) == Err(RecvTimeoutError::Timeout) {
        eprintln!("still building ({} min)", (start.elapsed().as_secs() + 30) / 60);
    }
}

/// The runner's path in cargo's messages, one JSON object a line.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == "outgrow")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

/// Becomes the runner: signals, terminal and exit status are then its own.
#[cfg(unix)]
fn hand_over(command: &mut Command) -> anyhow::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec()).context("starting the runner")
}

/// Runs the runner and takes on its exit status.
#[cfg(not(unix))]
fn hand_over(command: &mut Command) -> anyhow::Result<ExitCode> {
    let code = workspace::status(command)?.code();
    Ok(code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arguments: &str, features: Option<&str>, passed_on: &str) {
        let split = split_features(arguments.split_whitespace().map(OsString::from).collect()).unwrap();
        let expected = passed_on.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(split, (features.map(str::to_owned), expected));
    }

    #[test]
    fn features_are_taken_out_wherever_they_stand() {
        check("quickstart --out runs", None, "quickstart --out runs");
        check("--features wgpu quickstart", Some("wgpu"), "quickstart");
        check(
            "quickstart --features=wgpu --seeds 2 --features cuda",
            Some("wgpu,cuda"),
            "quickstart --seeds 2",
        );
        check("quickstart -- --features wgpu", None, "quickstart -- --features wgpu");
    }

    #[test]
    fn features_without_a_value_are_refused() {
        assert!(split_features(vec!["--features".into()]).is_err());
    }

    #[test]
    fn the_executable_is_the_binary_and_not_the_library_of_the_same_name() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"burn"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"outgrow"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"outgrow"},"executable":"/target/release/outgrow"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages), Some(PathBuf::from("/target/release/outgrow")));
    }
}
