//! The workspace's own commands, run as `cargo xtask COMMAND`.
//!
//! Links nothing of the workspace: it starts cargo and the runner as processes, so that it builds in seconds.

mod bench;
mod check;
mod compare;
mod dist;
mod experiment;
mod golden;
mod python;
mod scripts;
mod tidy;
mod wheel;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The workspace's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the runner in release and run an experiment with it.
    Experiment(experiment::Arguments),
    /// Measure the program against its peers, which are installed into the target directory.
    Bench(bench::Arguments),
    /// Run the one gate that a change has to pass.
    Check(check::Arguments),
    /// Check what the compiler and the linters can't see: crate direction, module docs, backends, sizes.
    Tidy,
    /// Make the golden files anew, in a Python environment of its own.
    Golden(golden::Arguments),
    /// Hold the program against other tools, in the same environment.
    Compare(compare::Arguments),
    /// Build the Python wheel, with the program in it, for systems with an old glibc.
    Wheel(wheel::Arguments),
    /// Make everything that could be handed out: wheel, archive with licences, checksums.
    Dist(dist::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Experiment(arguments) => experiment::run(arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Check(arguments) => Ok(check::run(&arguments)),
        Command::Tidy => tidy::run().map(|()| ExitCode::SUCCESS),
        Command::Golden(arguments) => golden::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Wheel(arguments) => wheel::run(&arguments),
        Command::Dist(arguments) => dist::run(&arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
