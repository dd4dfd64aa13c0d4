//! `cargo xtask check`: the one gate. Runs every step, also after one has failed, and sums them up.
//!
//! What a step does is in `check/steps.rs`, how long it may take in `check/budget.rs`. Installs nothing: a missing tool
//! is named with the command that installs it.

mod step;

mod budget;
mod outside;
mod steps;

use std::{process::ExitCode, time::Instant};

use clap::ValueEnum;

use step::{Outcome, Step, name};

/// Arguments of `cargo xtask check`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Leave these steps out.
    #[arg(long, value_enum, value_name = "STEP", num_args = 1.., value_delimiter = ',', conflicts_with = "only")]
    skip: Vec<Step>,
    /// Run these steps alone.
    #[arg(long, value_enum, value_name = "STEP", num_args = 1.., value_delimiter = ',', conflicts_with = "all")]
    only: Vec<Step>,
    /// Run the steps for wgpu and cuda too, which build burn once more each.
    #[arg(long)]
    all: bool,
    /// Fail when a share of the gate's minutes is overdrawn, too.
    #[arg(long)]
    strict: bool,
}

/// Runs the chosen steps. Failure of any is failure of the whole.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut summary = Vec::new();
    for step in Step::value_variants() {
        let outcome = if is_chosen(*step, arguments) { perform(*step) } else { Outcome::Skipped };
        summary.push((*step, outcome));
    }
    println!("\n{}\n\n{}", budget::steps(&summary), budget::table(&summary));
    let over = budget::over(&summary);
    if !over.is_empty() {
        println!("\nOVER BUDGET: {} (minutes of a first run on two cores)", over.join(", "));
    }
    let failed = summary.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
    if failed || (arguments.strict && !over.is_empty()) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn is_chosen(step: Step, arguments: &Arguments) -> bool {
    if !arguments.only.is_empty() {
        return arguments.only.contains(&step);
    }
    let by_default = !matches!(step, Step::Cuda | Step::Wgpu);
    (by_default || arguments.all) && !arguments.skip.contains(&step)
}

fn perform(step: Step) -> Outcome {
    println!("\n=== {}", name(step));
    let start = Instant::now();
    let result = match step {
        Step::Fmt => steps::fmt(),
        Step::Tidy => crate::tidy::run(),
        Step::Typos => steps::typos(),
        Step::Deny => steps::deny(),
        Step::Clippy => steps::clippy(),
        Step::Test => steps::test(),
        Step::Docs => steps::docs(),
        Step::Outside => outside::run_programs(),
        Step::Cuda => steps::cuda(),
        Step::Wgpu => steps::wgpu(),
    };
    let time = start.elapsed();
    match result {
        Ok(()) => {
            println!("=== {}: passed in {} {}", name(step), budget::minutes(time), budget::share_of(step));
            Outcome::Passed(time)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            println!("=== {}: FAILED after {} {}", name(step), budget::minutes(time), budget::share_of(step));
            Outcome::Failed(time)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let arguments =
            CommandLine::parse_from(std::iter::once("check").chain(line.split_whitespace())).arguments;
        let chosen = Step::value_variants().iter().filter(|step| is_chosen(**step, &arguments));
        assert_eq!(chosen.map(|step| name(*step)).collect::<Vec<_>>().join(" "), expected);
    }

    #[test]
    fn the_gate_is_every_step_but_the_two_that_build_burn_once_more() {
        check("", "fmt tidy typos deny clippy test docs outside");
        check("--all", "fmt tidy typos deny clippy test docs outside cuda wgpu");
    }

    #[test]
    fn steps_are_left_out_and_picked_by_name() {
        check("--skip test typos", "fmt tidy deny clippy docs outside");
        check("--skip test,typos --all", "fmt tidy deny clippy docs outside cuda wgpu");
        check("--only wgpu tidy", "tidy wgpu");
    }

    #[test]
    fn a_misspelt_step_is_refused() {
        assert!(CommandLine::try_parse_from(["check", "--skip", "tests"]).is_err());
    }
}
