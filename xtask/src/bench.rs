//! `cargo xtask bench`: what the program is measured against, both sides in turn in one call.
//!
//! Prints and writes numbers; what they were on a given day stands in the documentation. No check and no test runs it.

mod eval;
mod grow;
mod measure;
mod model;
mod peer;
mod report;
mod step;
mod step_sizes;

use std::process::ExitCode;

use clap::Subcommand;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Subcommand)]
enum Benchmark {
    /// Evaluate and generate on the CPU, against lm-evaluation-harness and transformers.
    Eval(eval::Arguments),
    /// Grow checkpoints on disk, against mergekit's passthrough and against cp.
    Grow(grow::Arguments),
    /// Take training steps on the CPU, against PyTorch.
    Step(step::Arguments),
}

/// Runs a benchmark and prints its table.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.benchmark {
        Benchmark::Eval(arguments) => eval::run(arguments)?,
        Benchmark::Grow(arguments) => grow::run(arguments)?,
        Benchmark::Step(arguments) => step::run(arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}
