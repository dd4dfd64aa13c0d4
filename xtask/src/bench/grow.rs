//! `cargo xtask bench grow`: a stack of four on disk against mergekit's passthrough and against cp of the same bytes,
//! and a width growth against cp of its output. Every time includes syncing what was written.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde_json::json;

use super::{
    measure::{self, measure},
    model::Shape,
    peer,
    report::{self, Contestant, Mark, Measurement},
};
use crate::{experiment, workspace};

const FACTOR: u64 = 4;
/// From this size on, the disk limits mergekit and us alike.
const LARGE_BYTES: u64 = 2_000_000_000;
/// Growing in depth holds no tensor in memory; what is left is the program.
const PEAK_MEBIBYTES: f64 = 64.0;
/// Configurations, indices and the file system's own need, beside the weights.
const SLACK_BYTES: u64 = 500_000_000;

/// Arguments of `cargo xtask bench grow`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Sizes of the checkpoints that are grown, in GB.
    #[arg(long, num_args = 1.., default_values_t = [0.8, 3.8], value_name = "GB")]
    size_gb: Vec<f64>,
    /// Rounds, of which the median is reported.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Only some of the tasks.
    #[arg(long, value_enum, num_args = 1.., default_values_t = [Task::Stack, Task::Width])]
    only: Vec<Task>,
    /// Write the numbers to this file as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The program to measure; without it, it is built in release.
    #[arg(long, value_name = "PROGRAM")]
    outgrow: Option<PathBuf>,
    /// A mergekit-yaml that is there already; without it, mergekit is installed into the target directory.
    #[arg(long, value_name = "PROGRAM")]
    mergekit: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Task {
    /// `stack --factor 4` against mergekit and cp.
    Stack,
    /// `split` to twice the hidden size against cp.
    Width,
}

/// A folder that is gone when the benchmark ends, however it ends.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed now is removed by the next run, or by `cargo clean`.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What is measured, and where.
struct Bench<'a> {
    outgrow: PathBuf,
    folder: &'a Path,
    rounds: u64,
}

/// Measures at all sizes, printing each table when it is there.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let target = workspace::target_directory()?.join("bench");
    let scratch = Scratch(target.join("grow"));
    remove(&scratch.0)?;
    fs::create_dir_all(&scratch.0).with_context(|| format!("creating `{}`", scratch.0.display()))?;
    let sizes = arguments.size_gb.iter().map(|size| Shape::of_bytes((size * 1e9) as u64)).collect::<Vec<_>>();
    check_space(&scratch.0, &sizes, &arguments.only)?;
    let mergekit = match &arguments.mergekit {
        _ if !arguments.only.contains(&Task::Stack) => None,
        Some(program) => Some(program.clone()),
        None => Some(peer::mergekit(&target.join("venv"))?),
    };
    let outgrow = arguments.outgrow.clone().map_or_else(|| experiment::build(None), Ok)?;
    let bench = Bench { outgrow, folder: &scratch.0, rounds: arguments.rounds };

    let mut measurements = Vec::new();
    for shape in sizes {
        let source = bench.folder.join("source");
        remove(&source)?;
        shape.write(&source)?;
        let mut add = |measurement: Measurement| {
            println!("{}\n", measurement.table());
            measurements.push(measurement);
        };
        if let Some(mergekit) = &mergekit {
            add(bench.stack(shape, &source, mergekit)?);
        }
        if arguments.only.contains(&Task::Width) {
            add(bench.width(shape, &source)?);
        }
    }
    if let Some(file) = &arguments.json {
        let numbers = json!({
            "benchmark": "grow",
            "rounds": arguments.rounds,
            "cores": std::thread::available_parallelism().map_or(0, usize::from),
            "mergekit": mergekit.as_deref().map(peer::version).transpose()?,
            "measurements": measurements.iter().map(Measurement::json).collect::<Vec<_>>(),
        });
        fs::write(file, format!("{numbers:#}\n")).with_context(|| format!("writing `{}`", file.display()))?;
    }
    Ok(())
}

impl Bench<'_> {
    /// Stacks with both programs in turn, and copies what ours made.
    fn stack(&self, shape: Shape, source: &Path, mergekit: &Path) -> anyhow::Result<Measurement> {
        let [ours, theirs, copy] = ["ours", "theirs", "copy"].map(|name| self.folder.join(name));
        let recipe = self.folder.join("stack.yml");
        fs::write(&recipe, peer::stack_recipe(source, shape.layers, FACTOR))?;
        let (mut outgrow, mut peer, mut cp) =
            (Contestant::new("outgrow"), Contestant::new("mergekit"), Contestant::new("cp"));
        for round in 0..self.rounds {
            // Who comes first finds the disk quiet, so they take turns at that.
            for turn in [round % 2, (round + 1) % 2] {
                if turn == 0 {
                    let factor = FACTOR.to_string();
                    let grow = ["--operator", "stack", "--factor", &factor];
                    outgrow.runs.push(self.measure(&mut self.grow(source, &ours, &grow), &ours)?);
                    cp.runs.push(self.measure(&mut copy_of(&ours, &copy), &copy)?);
                    remove(&ours)?;
                    remove(&copy)?;
                } else {
                    peer.runs.push(self.measure(&mut peer::stack(mergekit, &recipe, &theirs), &theirs)?);
                    remove(&theirs)?;
                }
            }
        }
        let bound = if shape.bytes() >= LARGE_BYTES { 0.6 } else { 0.25 };
        let mut marks = vec![
            Mark::at_most("time, of mergekit's", outgrow.seconds() / peer.seconds(), bound, ""),
            Mark::at_most("time, of cp's", outgrow.seconds() / cp.seconds(), 1.2, ""),
        ];
        let peak = outgrow.peak().map(report::in_mebibytes);
        marks.extend(peak.map(|peak| Mark::at_most("peak memory", peak, PEAK_MEBIBYTES, " MiB")));
        Ok(Measurement {
            title: self.title(&format!("stack ×{FACTOR}"), shape),
            contestants: vec![outgrow, peer, cp],
            marks,
        })
    }

    /// Doubles the hidden size, and copies what that made.
    fn width(&self, shape: Shape, source: &Path) -> anyhow::Result<Measurement> {
        let [ours, copy] = ["ours", "copy"].map(|name| self.folder.join(name));
        let (mut outgrow, mut cp) = (Contestant::new("outgrow"), Contestant::new("cp"));
        let hidden = (2 * shape.hidden_size()).to_string();
        let grow = ["--operator", "split", "--axis", "width", "--hidden-size", &hidden];
        for _ in 0..self.rounds {
            outgrow.runs.push(self.measure(&mut self.grow(source, &ours, &grow), &ours)?);
            cp.runs.push(self.measure(&mut copy_of(&ours, &copy), &copy)?);
            remove(&ours)?;
            remove(&copy)?;
        }
        let mut marks =
            vec![Mark::at_least("bandwidth, of cp's", outgrow.bandwidth() / cp.bandwidth(), 0.5, "")];
        // The largest tensor of the grown model has twice as many columns.
        let bound = (3.0 * report::in_mebibytes(2 * shape.largest_tensor()) + PEAK_MEBIBYTES).round();
        let peak = outgrow.peak().map(report::in_mebibytes);
        marks.extend(peak.map(|peak| Mark::at_most("peak memory", peak, bound, " MiB")));
        Ok(Measurement { title: self.title("hidden size ×2", shape), contestants: vec![outgrow, cp], marks })
    }

    fn title(&self, task: &str, shape: Shape) -> String {
        format!("{task} of {:.2} GB in bf16, median of {}", shape.bytes() as f64 / 1e9, self.rounds)
    }

    fn grow(&self, source: &Path, target: &Path, how: &[&str]) -> Command {
        let mut command = Command::new(&self.outgrow);
        command.arg("grow").args([source, target]).args(how);
        command
    }

    fn measure(&self, command: &mut Command, target: &Path) -> anyhow::Result<measure::Run> {
        // What the disk still has to do for those who ran before is not this one's. Where there is no `sync`, it is.
        let _ = Command::new("sync").status();
        measure(command, target, &self.folder.join("log.txt"))
    }
}

fn copy_of(source: &Path, target: &Path) -> Command {
    let mut command = Command::new("cp");
    command.arg("-r").args([source, target]);
    command
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing `{}`", folder.display()))?;
    }
    Ok(())
}

/// Refuses to start what the disk can't hold: the source, what is made of it, and its copy.
fn check_space(folder: &Path, sizes: &[Shape], tasks: &[Task]) -> anyhow::Result<()> {
    let needed = sizes.iter().map(|shape| space(*shape, tasks)).max().unwrap_or(0);
    let answer = workspace::output(Command::new("df").arg("-Pk").arg(folder))?;
    let free = free_bytes(&answer).with_context(|| format!("`df` says what isn't understood: {answer:?}"))?;
    if free < needed {
        let [free, needed] = [free, needed].map(|bytes| bytes as f64 / 1e9);
        bail!("`{}` has {free:.1} GB free, {needed:.1} GB are needed: see --size-gb", folder.display());
    }
    Ok(())
}

fn space(shape: Shape, tasks: &[Task]) -> u64 {
    let grown = |task: &Task| match task {
        Task::Stack => shape.bytes() + (FACTOR - 1) * shape.layers * shape.layer_bytes(),
        Task::Width => 2 * shape.bytes(),
    };
    shape.bytes() + 2 * tasks.iter().map(grown).max().unwrap_or(0) + SLACK_BYTES
}

/// The free bytes in the answer of `df -Pk`: a heading, then a line whose fourth word is in KiB.
fn free_bytes(answer: &str) -> Option<u64> {
    let kibibytes = answer.lines().nth(1)?.split_whitespace().nth(3)?.parse::<u64>().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_read_from_what_df_prints() {
        let answer = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 100 40 60 40% /\n";
        assert_eq!(free_bytes(answer), Some(60 * 1024));
        assert_eq!(free_bytes("nonsense"), None);
    }

    #[test]
    fn the_space_for_both_tasks_is_that_of_the_larger() {
        let shape = Shape::of_bytes(3_800_000_000);
        assert!(space(shape, &[Task::Stack]) > space(shape, &[Task::Width]));
        assert_eq!(space(shape, &[Task::Width, Task::Stack]), space(shape, &[Task::Stack]));
        assert!((30.0..32.5).contains(&(space(shape, &[Task::Stack]) as f64 / 1e9)));
    }
}
