//! The command line of `gpu`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use outgrow_kernels::DeviceName;

use super::part::Part;

/// Measures what a device can do, part by part, for the design of what is to run on it.
#[derive(Debug, Parser)]
#[command(name = "gpu")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the parts one after the other, each as a process with a deadline. Exit status 1 where one failed.
    Measure(Measure),
    /// Runs one part in this process; measurements go to standard output, a line of JSON each.
    Part(One),
    /// Prints one table of all results in a file, other programs' included.
    Table {
        /// results.jsonl
        results: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Measure {
    /// cpu, wgpu, cuda or cuda:INDEX
    #[arg(long, default_value = "cuda")]
    pub(crate) device: DeviceName,
    /// The parts, by default all.
    #[arg(long = "part", value_name = "PART", num_args = 1..)]
    pub(crate) parts: Vec<Part>,
    /// Small sizes everywhere: whether it works, not how fast.
    #[arg(long)]
    pub(crate) rehearse: bool,
    /// For all parts together; what is left when a part begins bounds it.
    #[arg(long, default_value_t = 480)]
    pub(crate) seconds: u64,
    /// The file that results are appended to; what parts say beside goes to a .log of the same name.
    #[arg(long, value_name = "FILE", default_value = "gpu-results/results.jsonl")]
    pub(crate) results: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// Which part.
    pub(crate) part: Part,
    /// cpu, wgpu, cuda or cuda:INDEX
    #[arg(long, default_value = "cuda")]
    pub(crate) device: DeviceName,
    /// Small sizes everywhere.
    #[arg(long)]
    pub(crate) rehearse: bool,
}
