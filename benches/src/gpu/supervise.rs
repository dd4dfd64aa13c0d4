//! A part in a process of its own, with a deadline: what it measured is written to the results while it runs.
//!
//! How it ended is one more line, whether it ended by itself, by a signal or by its deadline.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde_json::{Value, json};

use super::{part::Part, record::one_line};

/// How often a process is asked whether it has ended.
const INTERVAL: Duration = Duration::from_millis(20);

/// How a part ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All was measured.
    Done,
    /// Something wasn't, for this reason.
    Failed(String),
    /// It was ended when its time was over.
    OutOfTime,
}

impl Ending {
    /// The line of the results.
    pub(crate) fn json(&self, part: Part, seconds: f64) -> Value {
        let (ending, error) = match self {
            Self::Done => ("done", None),
            Self::Failed(reason) => ("failed", Some(reason.as_str())),
            Self::OutOfTime => ("out of time", None),
        };
        json!({ "program": "outgrow", "part": part.to_string(), "ending": ending, "seconds": seconds, "error": error })
    }
}

/// The file of results, a line of JSON each, which other programs append to as well.
pub(crate) fn append(results: &Path, line: &Value) -> anyhow::Result<()> {
    let file = OpenOptions::new().create(true).append(true).open(results);
    let written = file.and_then(|mut file| writeln!(file, "{line}"));
    written.with_context(|| format!("writing `{}`", results.display()))
}

/// Runs a part of this program by the arguments, until it ends or has taken too long.
pub(crate) fn run(
    part: Part,
    arguments: &[String],
    limit: Duration,
    results: &Path,
) -> anyhow::Result<Ending> {
    let mut command = Command::new(env::current_exe().context("finding this program")?);
    command.args(arguments).env("CUBECL_AUTOTUNE_LEVEL", part.tuning_level());
    supervise(command, limit, results)
}

fn supervise(mut command: Command, limit: Duration, results: &Path) -> anyhow::Result<Ending> {
    let start = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("starting a part")?;
    let lines = child.stdout.take().map(|stdout| {
        let results = results.to_owned();
        thread::spawn(move || copy_lines(stdout, &results))
    });
    let log = log_beside(results)?;
    let words = child.stderr.take().map(|stderr| thread::spawn(move || last_line(stderr, log)));
    let status = wait(&mut child, limit.saturating_sub(start.elapsed()))?;
    if let Some(lines) = lines {
        lines.join().map_err(|_| anyhow::anyhow!("the thread that reads results panicked"))??;
    }
    let last = words.and_then(|words| words.join().ok()).unwrap_or_default();
    Ok(match status {
        None => Ending::OutOfTime,
        Some(status) if status.success() => Ending::Done,
        Some(status) if last.is_empty() => Ending::Failed(status.to_string()),
        Some(_) => Ending::Failed(last),
    })
}

/// What the part and the libraries below it say, kept for whoever wonders.
fn log_beside(results: &Path) -> anyhow::Result<File> {
    let log = results.with_extension("log");
    let file = OpenOptions::new().create(true).append(true).open(&log);
    file.with_context(|| format!("writing `{}`", log.display()))
}

/// The status, or nothing where the time was over and the process has been ended.
fn wait(child: &mut Child, limit: Duration) -> anyhow::Result<Option<ExitStatus>> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(INTERVAL);
    }
    child.kill().context("ending a part")?;
    child.wait()?;
    Ok(None)
}

/// Only what is JSON: a library may print to standard output too.
fn copy_lines(stdout: impl Read, results: &Path) -> anyhow::Result<()> {
    for line in BufReader::new(stdout).lines() {
        if let Ok(value @ Value::Object(_)) = serde_json::from_str(&line?) {
            append(results, &value)?;
        }
    }
    Ok(())
}

/// Copies all to the log, and gives the line that says most: a panic's message, else the last.
fn last_line(stderr: impl Read, mut log: impl Write) -> String {
    let (mut last, mut follows_panic) = (String::new(), false);
    let mut panic = None;
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        // A log that can't be written is no reason to lose the measurement.
        let _ = writeln!(log, "{line}");
        if follows_panic && panic.is_none() {
            panic = Some(line.clone());
        }
        follows_panic = line.starts_with("thread '") && line.contains("panicked at");
        if !line.trim().is_empty() {
            last = line;
        }
    }
    one_line(&if last.starts_with("error: ") { last } else { panic.unwrap_or(last) })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn ending_of(script: &str, limit: Duration) -> (Ending, String) {
        let folder = tempfile::tempdir().unwrap();
        let results = folder.path().join("results.jsonl");
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let ending = supervise(command, limit, &results).unwrap();
        (ending, std::fs::read_to_string(results).unwrap_or_default())
    }

    #[test]
    fn measurements_of_a_part_that_hangs_are_kept() {
        let script = r#"echo '{"measurement":"first"}'; echo no JSON; exec sleep 60"#;
        let (ending, results) = ending_of(script, Duration::from_millis(500));
        assert_eq!((ending, results.as_str()), (Ending::OutOfTime, "{\"measurement\":\"first\"}\n"));
    }

    #[test]
    fn a_part_that_panics_failed_for_what_the_panic_said() {
        let script = r#"echo "thread 'main' panicked at x.rs:1:1:" >&2; echo "no driver" >&2; echo "note: run with" >&2; exit 101"#;
        let (ending, _) = ending_of(script, Duration::from_secs(30));
        assert_eq!(ending, Ending::Failed("no driver".to_owned()));
    }

    #[test]
    fn a_part_that_a_signal_ends_failed() {
        let (ending, _) = ending_of("kill -9 $$", Duration::from_secs(30));
        assert!(matches!(&ending, Ending::Failed(reason) if reason.contains("signal")), "{ending:?}");
    }

    #[test]
    fn a_part_that_succeeds_is_done() {
        assert_eq!(ending_of("true", Duration::from_secs(30)).0, Ending::Done);
    }
}
