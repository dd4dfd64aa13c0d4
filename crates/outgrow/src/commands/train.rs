//! `outgrow train`: one run by a recipe.

use std::path::{Path, PathBuf};

use outgrow_train::{
    Control, Event, Outcome, Position,
    resume::{CheckpointFolder, Condition, checkpoint_folders, checkpoint_to_go_on_from},
    train,
};

use crate::{
    error::{Error, Result},
    machine::compute::ComputeFlags,
    recipe::Recipe,
    run::{
        benchmarks::{self, Benchmarks},
        final_name,
        folder::RunFolder,
        metrics::Metrics,
        resolve::ResolvedRecipe,
        run_json::{History, is_finished, write_run_file},
    },
    terminal::{interrupt::Interrupt, notes, output, progress::Progress},
};

/// Flags of `outgrow train`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The recipe, a TOML file. Its `[model]` names sizes, or with `from = "FOLDER"` a model to begin with.
    recipe: PathBuf,
    /// The run's folder. The same command again goes on where the run stopped.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print the stages and what they cost, and train nothing.
    #[arg(long)]
    plan: bool,
    /// Make the run longer, finished or not: the recipe's last stage may have more tokens, and another horizon of its
    /// learning rate.
    #[arg(long)]
    extend: bool,
    /// Take the run back to one of its checkpoints and go on from there. What is newer is set aside in the run's
    /// folder.
    #[arg(long, value_name = "step-N", value_parser = step_of_name)]
    rewind_to: Option<u64>,
    #[command(flatten)]
    compute: ComputeFlags,
    /// Also stop when standard input is closed: for a parent process that may go away.
    #[arg(long, hide = true)]
    stop_on_closed_stdin: bool,
}

/// `step-4` or `step-00000004`; a path could be into another run.
fn step_of_name(name: &str) -> Result<u64, String> {
    let digits = name.strip_prefix("step-").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let step = digits.and_then(|digits| digits.parse().ok());
    step.ok_or_else(|| "expected the name of a checkpoint, as step-00000004".to_owned())
}

/// Trains, or goes on, or says that all is done.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let recipe = Recipe::read(&arguments.recipe)?;
    let compute = arguments.compute.resolve(recipe.device.as_deref(), recipe.dtype)?;
    let with_name = |error: Error| match error {
        Error::Input(_) => error.within(arguments.recipe.display().to_string()),
        error => error,
    };
    let folder = RunFolder::open(&arguments.out)?;
    let is_done = arguments.rewind_to.is_none() && is_finished(folder.path(), &recipe, compute)?;
    if is_done {
        check_last_checkpoint(folder.path())?;
        eprintln!("{}: this run is done", arguments.out.display());
        if !arguments.plan {
            return Ok(());
        }
    }
    let resolved = ResolvedRecipe::new(recipe, compute, &arguments.out).map_err(with_name)?;
    if arguments.plan {
        if !is_done {
            // What would be refused is refused here.
            let training = resolved.training(folder.path(), arguments.extend);
            folder.start(&resolved, &training, arguments.rewind_to)?;
        }
        return output::line(resolved.schedule.describe(resolved.recipe.data.sequence_length));
    }
    let interrupt = Interrupt::from_signals()?;
    let interrupt = if arguments.stop_on_closed_stdin { interrupt.or_closed_stdin() } else { interrupt };
    match run_resolved(&resolved, folder, arguments, &interrupt)? {
        Outcome::Finished { checkpoint } => output::line(checkpoint.display()),
        Outcome::Stopped { checkpoint } => {
            eprintln!("stopped; {} holds all so far, the same command goes on", checkpoint.display());
            Ok(())
        }
    }
}

/// A finished run whose last checkpoint is damaged is not done. One whose training state was removed is.
fn check_last_checkpoint(folder: &Path) -> Result<()> {
    match checkpoint_folders(folder).last().map(CheckpointFolder::condition) {
        Some(Condition::Damaged { .. }) => {
            checkpoint_to_go_on_from(folder)?;
            Ok(())
        }
        Some(Condition::Whole { .. } | Condition::NoTrainingState) | None => Ok(()),
    }
}

/// Trains a resolved recipe in a folder, with metrics and progress.
fn run_resolved(
    resolved: &ResolvedRecipe,
    mut folder: RunFolder,
    arguments: &Arguments,
    interrupt: &Interrupt,
) -> Result<Outcome> {
    let path = folder.path().to_owned();
    let training = resolved.training(&path, arguments.extend);
    let mut start = folder.start(resolved, &training, arguments.rewind_to)?;
    // A run that is refused says nothing but why.
    notes::print(resolved.compute.note());
    notes::print(resolved.notes());
    notes::warn(resolved.benchmarks.iter().flat_map(Benchmarks::warnings));
    start.put_aside(&path)?;
    let mut watcher = Watcher {
        resolved,
        folder: &mut folder,
        history: start.history,
        notes: start.notes,
        metrics: None,
        progress: Progress::new(resolved.schedule.tokens()),
        interrupt,
        failure: None,
    };
    let outcome = train(start.run, &mut |position, event| watcher.observe(position, event));
    watcher.progress.finish();
    if let Some(failure) = watcher.failure {
        return Err(failure);
    }
    let outcome = outcome?;
    if let Outcome::Finished { checkpoint } = &outcome {
        notes::print(final_name::point_to(&path, checkpoint));
    }
    write_run_file(&path, resolved, &watcher.history, matches!(outcome, Outcome::Finished { .. }))?;
    Ok(outcome)
}

/// Turns events into metrics and progress.
struct Watcher<'a> {
    resolved: &'a ResolvedRecipe,
    folder: &'a mut RunFolder,
    history: History,
    /// What is said once the run has begun.
    notes: Vec<String>,
    metrics: Option<Metrics>,
    progress: Progress,
    interrupt: &'a Interrupt,
    /// Metrics that can't be written end the run: without them it is worth nothing.
    failure: Option<Error>,
}

impl Watcher<'_> {
    fn observe(&mut self, position: &Position, event: &Event<'_>) -> Control {
        if let Err(error) = self.record(position, event) {
            self.failure.get_or_insert(error);
            // Nothing has begun: the folder may be another process's, or of a disk that takes nothing.
            if self.metrics.is_none() {
                return Control::Abandon;
            }
        }
        if self.failure.is_some() || self.interrupt.is_set() { Control::Stop } else { Control::Continue }
    }

    fn record(&mut self, position: &Position, event: &Event<'_>) -> Result<()> {
        let stages = self.resolved.schedule.stages();
        let stage = &stages[position.stage].name;
        if let Event::Started { resumed_from } = event {
            self.begin(position, *resumed_from)?;
        }
        let metrics = self.metrics.as_mut().expect("a run starts before anything else happens in it");
        match event {
            Event::Started { .. } => {}
            Event::Saved { folder } => {
                let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
                self.history.checkpoint = name;
                write_run_file(self.folder.path(), self.resolved, &self.history, false)?;
            }
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
                    // A run that is asked to stop doesn't wait for benchmarks. They are made up for at the first
                    // validation when the run goes on.
                    let due = benchmarks.are_due(metrics.evaluated_tokens(), position.tokens)
                        && !self.interrupt.is_set();
                    // No validation comes after the last one.
                    if ends || due {
                        let results = benchmarks.run(decoder)?;
                        metrics.evaluation(position, stage, &results)?;
                        self.progress.note(&format!("{stage}: {}", benchmarks::one_line(&results)));
                    }
                }
            }
            Event::Grown { plan } => {
                let (from, to) = (plan.source().num_hidden_layers, plan.target().num_hidden_layers);
                self.progress.note(&format!("{stage}: grown from {from} to {to} layers"));
                self.progress.stage(stage);
            }
        }
        Ok(())
    }

    /// Only now are files written: a run that is refused leaves no folder, and leaves the files of another run as
    /// they are.
    fn begin(&mut self, position: &Position, resumed_from: Option<&Path>) -> Result<()> {
        if let Some(folder) = resumed_from {
            self.progress.note(&format!("going on from {}", folder.display()));
        }
        let stages = self.resolved.schedule.stages();
        self.progress.stage(&stages[position.stage].name);
        self.folder.make()?;
        final_name::take_back(self.folder.path())?;
        write_run_file(self.folder.path(), self.resolved, &self.history, false)?;
        let begun = resumed_from.map_or(&stages[..0], |_| &stages[..=position.stage]);
        let metrics = Metrics::open(self.folder.path(), position.step, begun)?;
        let lost = metrics.lost().filter(|_| resumed_from.is_some()).map(str::to_owned);
        for note in self.notes.iter().chain(&lost) {
            self.progress.note(&notes::line(note));
        }
        self.metrics = Some(metrics);
        Ok(())
    }
}
