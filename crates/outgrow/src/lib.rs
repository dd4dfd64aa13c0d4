//! Outgrow's runner: reads a recipe or an experiment and assembles the other crates. The binary is a few lines over
//! [`run`].
//!
//! It holds no method, no operator and no loss: it connects files, signals and a terminal to the crates that do.
#![doc = include_str!("../README.md")]
#![recursion_limit = "256"]

mod commands;

mod recipe;
mod run;
mod experiment;
mod verify;
mod model;

mod terminal;
mod machine;
mod error;
mod problems;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::terminal::{examples, exit, output};

pub use error::{BadInput, Error};
pub use machine::compute::MatrixDtype;
pub use problems::Problems;
pub use recipe::{
    BaseRecipe, BlocksRecipe, DataRecipe, EvaluationRecipe, GStackRecipe, GradualRecipe, LateRecipe,
    LearnedRecipe, LlamaProRecipe, ModelRecipe, ModelSizes, RandomMaskRecipe, Recipe, RecycleRecipe,
    ScheduleRecipe, StackbertRecipe, Stacking2Recipe, StageRecipe, StagedRecipe, StagedTrainingRecipe,
    TrainingRecipe,
};

/// Pre-train language models by growing them.
#[derive(Debug, Parser)]
#[command(name = "outgrow", version, after_help = examples::ALL)]
struct Arguments {
    /// Say nothing on standard error but errors and warnings: no notes, no progress.
    #[arg(long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say when to grow, and by what factor, for a model and a budget.
    #[command(after_help = examples::ADVISE)]
    Advise(Box<commands::advise::Arguments>),
    /// Write two first recipes for a corpus: scratch and G_stack, at equal FLOPs, for the time that there is.
    #[command(after_help = examples::INIT)]
    Init(commands::init::Arguments),
    /// Say which keys a recipe has, for people and for editors.
    #[command(after_help = examples::RECIPE)]
    Recipe(commands::recipe::Arguments),
    /// Train a model by a recipe: from scratch, or in stages with growth between them.
    #[command(after_help = examples::TRAIN)]
    Train(commands::train::Arguments),
    /// Grow a Hugging Face folder into a larger one.
    #[command(after_help = examples::GROW)]
    Grow(Box<commands::grow::Arguments>),
    /// Fold the mask of a masked folder, or of a checkpoint from within a ramp, into its weights.
    #[command(after_help = examples::EXPORT)]
    Export(commands::export::Arguments),
    /// Compare a grown folder with its source: loss, logits, gradients, bytes.
    #[command(after_help = examples::VERIFY)]
    Verify(commands::verify::Arguments),
    /// Score a Hugging Face folder's model by benchmarks, as lm-evaluation-harness does.
    #[command(after_help = examples::EVAL)]
    Eval(Box<commands::eval::Arguments>),
    /// Write text behind a prompt, with the model of a Hugging Face folder.
    #[command(after_help = examples::GENERATE)]
    Generate(commands::generate::Arguments),
    /// Prepare and look at training data.
    #[command(after_help = examples::DATA)]
    Data(commands::data::Arguments),
    /// Run an experiment: several recipes, compared.
    #[command(after_help = examples::EXPERIMENT)]
    Experiment(commands::experiment::Arguments),
    /// Make the report of finished runs.
    #[command(after_help = examples::REPORT)]
    Report(commands::report::Arguments),
    /// List the devices that this build can use.
    #[command(after_help = examples::DEVICES)]
    Devices(commands::devices::Arguments),
    /// Print what a shell completes of these commands.
    #[command(after_help = examples::COMPLETIONS)]
    Completions(commands::shell::Completions),
    /// Write a man page for each command.
    #[command(after_help = examples::MAN)]
    Man(commands::shell::ManPages),
}

/// Runs the command line and gives the status to exit with: 0 done, 2 bad input or usage, 1 anything else.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error),
    };
    output::set_quiet(arguments.quiet);
    let result = match arguments.command {
        Command::Advise(arguments) => commands::advise::run(&arguments),
        Command::Init(arguments) => commands::init::run(&arguments),
        Command::Recipe(arguments) => commands::recipe::run(&arguments),
        Command::Train(arguments) => commands::train::run(&arguments),
        Command::Grow(arguments) => commands::grow::run(&arguments),
        Command::Export(arguments) => commands::export::run(&arguments),
        Command::Verify(arguments) => commands::verify::run(&arguments),
        Command::Eval(arguments) => commands::eval::run(&arguments),
        Command::Generate(arguments) => commands::generate::run(&arguments),
        Command::Data(arguments) => commands::data::run(&arguments),
        Command::Experiment(arguments) => commands::experiment::run(&arguments),
        Command::Report(arguments) => commands::report::run(&arguments),
        Command::Devices(arguments) => commands::devices::run(&arguments),
        Command::Completions(arguments) => commands::shell::complete(&arguments, Arguments::command()),
        Command::Man(arguments) => commands::shell::write_man_pages(&arguments, Arguments::command()),
    };
    exit::status(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands among the examples of a help text. What is said of one stands behind several blanks.
    fn examples_of(command: &clap::Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let commands = help.lines().filter_map(|line| line.strip_prefix("  outgrow "));
        commands
            .map(|line| line.split("   ").next().unwrap().split(" > ").next().unwrap().to_owned())
            .collect()
    }

    fn check(command: &clap::Command, path: &str) {
        let examples = examples_of(command);
        assert!(!examples.is_empty(), "outgrow{path}: no examples");
        let is_of_it = |example: &String| example.starts_with(path.trim());
        assert!(examples.iter().any(is_of_it), "outgrow{path}: {examples:?}");
        for example in examples {
            let words = example.split_whitespace().map(|word| word.trim_matches('"'));
            // A prompt in quotes is several words here and one to a shell.
            let quoted = example.contains('"');
            let read = Arguments::try_parse_from(std::iter::once("outgrow").chain(words));
            assert!(quoted || read.is_ok(), "outgrow {example}: {}", read.unwrap_err());
        }
        for within in command.get_subcommands().filter(|within| within.get_name() != "help") {
            check(within, &format!("{path} {}", within.get_name()));
        }
    }

    #[test]
    fn every_help_ends_in_examples_that_the_program_reads() {
        let mut command = Arguments::command();
        command.build();
        check(&command, "");
    }
}
