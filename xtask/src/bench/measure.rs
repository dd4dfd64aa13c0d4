//! How long a process takes until its files are on the disk, how much memory it holds at most, and what it says of
//! itself.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::workspace;

/// How often a process is looked at: often while it could end at once, then seldom enough to cost it nothing.
const GLANCES: [(Duration, Duration); 2] =
    [(Duration::from_secs(1), Duration::from_millis(1)), (Duration::MAX, Duration::from_millis(10))];

/// One run of a program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// From its start until every file that it made is synced.
    pub seconds: f64,
    /// The most memory that was resident, mapped pages of files included, in bytes; where the system tells.
    pub peak: Option<u64>,
    /// Bytes of the files that it made.
    pub output: u64,
}

/// Runs `command`, which makes the folder `target`, and syncs what it made. Its output goes to the file `log`, whose
/// last line is in the error if it fails.
pub(super) fn measure(command: &mut Command, target: &Path, log: &Path) -> anyhow::Result<Run> {
    let program =
        Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = File::create(log).with_context(|| format!("creating `{}`", log.display()))?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);

    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("starting `{program}`"))?;
    let mut peak = None;
    let status = loop {
        peak = resident_peak(child.id()).max(peak);
        if let Some(status) = child.try_wait().with_context(|| format!("waiting for `{program}`"))? {
            break status;
        }
        let elapsed = start.elapsed();
        let pause =
            GLANCES.iter().find(|(until, _)| elapsed < *until).map_or(Duration::ZERO, |(_, pause)| *pause);
        thread::sleep(pause);
    };
    if !status.success() {
        bail!("`{program}` failed ({status}): {}", last_line(log));
    }
    let output = sync(target)?;
    Ok(Run { seconds: start.elapsed().as_secs_f64(), peak, output })
}

/// The high-water mark that Linux keeps for a process; nothing once it has ended, or on another system.
fn resident_peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    high_water_mark(&status)
}

fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes = line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?;
    Some(kibibytes * 1024)
}

/// Makes sure that a folder and its files are on the disk; gives the files' bytes.
pub(super) fn sync(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    let entries = fs::read_dir(folder).with_context(|| format!("reading `{}`", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            bytes += sync(&path)?;
            continue;
        }
        let file = File::open(&path).with_context(|| format!("opening `{}`", path.display()))?;
        file.sync_all().with_context(|| format!("syncing `{}`", path.display()))?;
        bytes += file.metadata()?.len();
    }
    File::open(folder)?.sync_all().with_context(|| format!("syncing `{}`", folder.display()))?;
    Ok(bytes)
}

/// What a program says in the line of JSON that it prints last.
pub(super) fn answer(command: &mut Command) -> anyhow::Result<Value> {
    last_line_as_json(&workspace::output(command)?)
}

/// The same, of a text that was printed.
pub(super) fn last_line_as_json(text: &str) -> anyhow::Result<Value> {
    let line = text.lines().last().context("a run printed nothing")?;
    serde_json::from_str(line).with_context(|| format!("reading `{line}`"))
}

/// The last line with something in it.
fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it printed nothing").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read_in_bytes() {
        let status = "Name:\tcp\nVmPeak:\t    5000 kB\nVmHWM:\t    1412 kB\nVmRSS:\t     900 kB\n";
        assert_eq!(high_water_mark(status), Some(1412 * 1024));
        assert_eq!(high_water_mark("Name:\tcp\n"), None);
    }
}
