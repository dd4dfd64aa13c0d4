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

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::terminal::exit;

pub use error::{BadInput, Error};
pub use machine::compute::MatrixDtype;
pub use recipe::{
    BaseRecipe, BlocksRecipe, DataRecipe, EvaluationRecipe, GStackRecipe, GradualRecipe, LateRecipe,
    LearnedRecipe, LlamaProRecipe, ModelRecipe, ModelSizes, RandomMaskRecipe, Recipe, RecycleRecipe,
    ScheduleRecipe, StackbertRecipe, Stacking2Recipe, StageRecipe, StagedRecipe, StagedTrainingRecipe,
    TrainingRecipe,
};

/// Pre-train language models by growing them.
#[derive(Debug, Parser)]
#[command(name = "outgrow", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say when to grow, and by what factor, for a model and a budget.
    Advise(Box<commands::advise::Arguments>),
    /// Write two first recipes for a corpus: scratch and G_stack, at equal FLOPs, for the time that there is.
    Init(commands::init::Arguments),
    /// Say which keys a recipe has, for people and for editors.
    Recipe(commands::recipe::Arguments),
    /// Train a model by a recipe: from scratch, or in stages with growth between them.
    Train(commands::train::Arguments),
    /// Grow a Hugging Face folder into a larger one.
    Grow(Box<commands::grow::Arguments>),
    /// Fold the mask of a masked folder, or of a checkpoint from within a ramp, into its weights.
    Export(commands::export::Arguments),
    /// Compare a grown folder with its source: loss, logits, gradients, bytes.
    Verify(commands::verify::Arguments),
    /// Score a Hugging Face folder's model by benchmarks, as lm-evaluation-harness does.
    Eval(Box<commands::eval::Arguments>),
    /// Write text behind a prompt, with the model of a Hugging Face folder.
    Generate(commands::generate::Arguments),
    /// Prepare and look at training data.
    Data(commands::data::Arguments),
    /// Run an experiment: several recipes, compared.
    Experiment(commands::experiment::Arguments),
    /// Make the report of finished runs.
    Report(commands::report::Arguments),
    /// List the devices that this build can use.
    Devices,
}

/// Runs the command line and gives the status to exit with: 0 done, 2 bad input or usage, 1 anything else.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error),
    };
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
        Command::Devices => commands::devices::run(),
    };
    exit::status(result)
}
