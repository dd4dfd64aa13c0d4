//! `outgrow train`: one run by a recipe.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use outgrow_kernels::open_device;
use outgrow_train::{Control, Event, Outcome, Position, Training, train};

use crate::{
    compute::ComputeFlags,
    evaluation::{self, Benchmarks},
    exit::BadInput,
    interrupt::Interrupt,
    metrics::{Metrics, is_finished, write_run_file},
    output,
    progress::Progress,
    recipe::Recipe,
    resolve::{ResolvedRecipe, resolve},
};

/// Flags of `outgrow train`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The recipe, a TOML file.
    recipe: PathBuf,
    /// The run's folder. The same command again goes on where the run stopped.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print the stages and what they cost, and train nothing.
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    compute: ComputeFlags,
    /// Also stop when standard input is closed: for a parent process that may go away.
    #[arg(long, hide = true)]
    stop_on_closed_stdin: bool,
}

/// Trains, or goes on, or says that all is done.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let recipe = Recipe::read(&arguments.recipe)?;
    let compute = arguments.compute.resolve(recipe.device.as_deref(), recipe.dtype)?;
    if !arguments.plan && is_finished(&arguments.out, &recipe, compute)? {
        eprintln!("{}: this run is done", arguments.out.display());
        return Ok(());
    }
    let resolved = resolve(recipe, &arguments.compute).map_err(|error| {
        if error.is::<BadInput>() { error.context(arguments.recipe.display().to_string()) } else { error }
    })?;
    if arguments.plan {
        return output::line(resolved.schedule.describe(resolved.recipe.data.sequence_length));
    }
    resolved.compute.warn();
    for note in &resolved.tokenizer.notes {
        eprintln!("note: {note}");
    }
    for warning in resolved.benchmarks.iter().flat_map(Benchmarks::warnings) {
        eprintln!("warning: {warning}");
    }
    let interrupt = Interrupt::from_signals()?;
    let interrupt = if arguments.stop_on_closed_stdin { interrupt.or_closed_stdin() } else { interrupt };
    match run_resolved(&resolved, &arguments.out, &interrupt)? {
        Outcome::Finished { checkpoint } => output::line(checkpoint.display()),
        Outcome::Stopped { checkpoint } => {
            eprintln!("stopped; {} holds all so far, the same command goes on", checkpoint.display());
            Ok(())
        }
    }
}

/// Trains a resolved recipe in a folder, with metrics and progress.
pub fn run_resolved(
    resolved: &ResolvedRecipe,
    folder: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    let device = open_device(resolved.compute.device)?;
    let training = Training {
        schedule: &resolved.schedule,
        settings: &resolved.settings,
        initialization: resolved.initialization,
        seed: resolved.recipe.seed,
        training: resolved.training.clone(),
        validation: &resolved.validation,
        device: &device,
        folder,
        side_files: &resolved.tokenizer.files,
    };
    let mut watcher = Watcher {
        resolved,
        folder,
        metrics: None,
        progress: Progress::new(resolved.schedule.tokens()),
        interrupt,
        failure: None,
    };
    let outcome = train(&training, &mut |position, event| watcher.observe(position, event));
    watcher.progress.finish();
    if let Some(failure) = watcher.failure {
        return Err(failure);
    }
    let outcome = outcome?;
    write_run_file(folder, resolved, matches!(outcome, Outcome::Finished { .. }))?;
    Ok(outcome)
}

/// Turns events into metrics and progress.
struct Watcher<'a> {
    resolved: &'a ResolvedRecipe,
    folder: &'a Path,
    metrics: Option<Metrics>,
    progress: Progress,
    interrupt: &'a Interrupt,
    /// Metrics that can't be written end the run: without them it is worth nothing.
    failure: Option<anyhow::Error>,
}

impl Watcher<'_> {
    fn observe(&mut self, position: &Position, event: &Event<'_>) -> Control {
        if let Err(error) = self.record(position, event) {
            self.failure.get_or_insert(error);
        }
        if self.failure.is_some() || self.interrupt.is_set() { Control::Stop } else { Control::Continue }
    }

    fn record(&mut self, position: &Position, event: &Event<'_>) -> anyhow::Result<()> {
        let stages = self.resolved.schedule.stages();
        let stage = &stages[position.stage].name;
        if let Event::Started { resumed_from } = event {
            if let Some(folder) = resumed_from {
                self.progress.note(&format!("going on from {}", folder.display()));
            }
            self.progress.stage(stage);
            // Only now: a run that is refused leaves no folder, and leaves the files of another run as they are.
            fs::create_dir_all(self.folder).with_context(|| self.folder.display().to_string())?;
            write_run_file(self.folder, self.resolved, false)?;
            let begun = resumed_from.map_or(&stages[..0], |_| &stages[..=position.stage]);
            self.metrics = Some(Metrics::open(self.folder, position.step, begun)?);
        }
        let metrics = self.metrics.as_mut().context("a run starts before anything else happens in it")?;
        match event {
            Event::Started { .. } | Event::Saved { .. } => {}
            Event::Step(report) => {
                let batch =
                    self.resolved.settings.batch_sequences * self.resolved.recipe.data.sequence_length;
                let rate = batch as f64 / report.seconds;
                metrics.step(position, stage, report, rate)?;
                self.progress.step(position.tokens, report.loss, rate);
            }
            Event::Evaluated { validation_loss, decoder } => {
                metrics.validation(position, stage, *validation_loss)?;
                let line =
                    format!("{stage}: validation loss {validation_loss:.4} after {} tokens", position.tokens);
                self.progress.note(&line);
                if let Some(benchmarks) = &self.resolved.benchmarks {
                    let ends = position.tokens >= self.resolved.schedule.tokens();
                    // Who wants to stop doesn't wait for benchmarks: they are made up for at the first validation when the run goes on.
                    let due = benchmarks.are_due(metrics.evaluated_tokens(), position.tokens)
                        && !self.interrupt.is_set();
                    // No validation comes after the last one.
                    if ends || due {
                        let results = benchmarks.run(decoder)?;
                        metrics.evaluation(position, stage, &results)?;
                        self.progress.note(&format!("{stage}: {}", evaluation::one_line(&results)));
                    }
                }
            }
            Event::Grown { plan } => {
                let (from, to) = (plan.source.num_hidden_layers, plan.target.num_hidden_layers);
                self.progress.note(&format!("{stage}: grown from {from} to {to} layers"));
                self.progress.stage(stage);
            }
        }
        Ok(())
    }
}
