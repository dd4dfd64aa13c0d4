//! `outgrow train`: one run by a recipe.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use outgrow_train::{
    Outcome, TrainError, Training, measure_speeds,
    resume::{CheckpointFolder, Condition, checkpoint_folders, checkpoint_to_go_on_from},
    train,
};
use serde_json::json;

use crate::{
    error::{Error, Result},
    machine::compute::ComputeFlags,
    recipe::{Recipe, Setting},
    run::{
        benchmarks::Benchmarks,
        final_name,
        folder::RunFolder,
        plan::{FORMAT, PlannedStart, RunPlan},
        resolve::ResolvedRecipe,
        run_json::{is_finished, write_run_file},
        start::{Start, StartFrom, start},
        watcher::{WatchedRun, Watcher},
    },
    terminal::{
        interrupt::{Interrupt, stopping},
        next::{after_a_climb, after_training},
        notes, output,
        progress::training::TrainingProgress,
    },
};

/// How long `--plan` measures this machine's speed.
const MEASURING: Duration = Duration::from_millis(1500);

/// Flags of `outgrow train`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct Arguments {
    /// The recipe, a TOML file. Its `[model]` names sizes, or with `from = "FOLDER"` a model to begin with.
    recipe: PathBuf,
    /// The run's folder. The same command again goes on where the run stopped. A run that Ctrl-C or SIGTERM
    /// stops has exit status 0, too; only one that is done has DIR/final.
    #[arg(long, value_name = "DIR", required_unless_present = "plan")]
    out: Option<PathBuf>,
    /// Check all that training checks, print what the run would do and what it would take, and write nothing. Without
    /// --out it is the plan of a new run.
    #[arg(long)]
    plan: bool,
    /// With --plan: print one JSON object (docs/PLANNING.md).
    #[arg(long, requires = "plan")]
    json: bool,
    /// With --plan: don't measure how fast this machine trains, which takes two seconds. The plan then has no times.
    #[arg(long, requires = "plan")]
    no_measure: bool,
    /// Set a key of the recipe to another value than the file has; may be given several times. It is checked as the
    /// file is, and the run's folder remembers it. The same command goes on, and without it the run is another.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<Setting>,
    /// Make the run longer, finished or not: the recipe's last stage may have more tokens, and another horizon of its
    /// learning rate.
    #[arg(long)]
    extend: bool,
    /// Take the run back to one of its checkpoints and go on from there. What is newer is set aside in the run's
    /// folder.
    #[arg(long, value_name = "step-N", value_parser = step_of_name, requires = "out")]
    rewind_to: Option<u64>,
    /// Begin where another run with the same beginning stands: its folder, or one of its checkpoints. The run becomes
    /// what it would be had it trained all of that itself.
    #[arg(long, value_name = "RUN[/step-N]", requires = "out", conflicts_with = "rewind_to")]
    branch_from: Option<PathBuf>,
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
    let recipe = Recipe::read_with(&arguments.recipe, &arguments.settings)?;
    let of_recipe = arguments.compute.device.is_none() && recipe.device.is_some();
    let compute = arguments.compute.resolve(recipe.device.as_deref(), recipe.dtype);
    let compute = compute.map_err(|error| match Error::from(error) {
        error if of_recipe => error.within(format!("{}: device", arguments.recipe.display())),
        error => error,
    })?;
    let with_name = |error: Error| match error {
        Error::Input(_) => error.within(arguments.recipe.display().to_string()),
        Error::Recipe(problems) => problems.located(&arguments.recipe).into(),
        error => error,
    };
    let Some(out) = &arguments.out else {
        let resolved = ResolvedRecipe::new(recipe, compute, Path::new("")).map_err(with_name)?;
        let training = resolved.training(Path::new(""), arguments.extend);
        training.check()?;
        return print_plan(&resolved, &training, PlannedStart::Begins, arguments);
    };
    let folder = RunFolder::open(out)?;
    if arguments.rewind_to.is_none() && is_finished(folder.path(), &recipe, compute)? {
        folder.check_end()?;
        check_last_checkpoint(folder.path())?;
        crate::terminal::output::say!("{}: this run is done", out.display());
        return if arguments.json { output::line(finished(&recipe)) } else { Ok(()) };
    }
    let resolved = ResolvedRecipe::new(recipe, compute, out).map_err(with_name)?;
    let path = folder.path().to_owned();
    let training = resolved.training(&path, arguments.extend);
    // All that is refused is refused here, whether it is planned or trained.
    let from = match (arguments.rewind_to, &arguments.branch_from) {
        (Some(step), _) => StartFrom::Step(step),
        (None, Some(other)) => StartFrom::Branch(other),
        (None, None) => StartFrom::Newest,
    };
    let start = start(&folder, &resolved, &training, from)?;
    if arguments.rewind_to.is_none() && folder.is_finished() && start.run.is_at_the_end() {
        return amend(&path, &resolved, &start, arguments);
    }
    let planned_start = PlannedStart::of(&start);
    if arguments.plan {
        return print_plan(&resolved, &training, planned_start, arguments);
    }
    let plan = RunPlan::of(&resolved, planned_start, Vec::new());
    let (outcome, is_above_the_first) = run_resolved(&resolved, &plan, folder, start, arguments)?;
    match outcome {
        Outcome::Finished { checkpoint } => {
            output::line(checkpoint.display())?;
            let next = if is_above_the_first {
                after_a_climb(&arguments.recipe)
            } else {
                after_training(&path, resolved.recipe.evaluation.as_ref())
            };
            crate::terminal::output::say!("{next}");
        }
        Outcome::Stopped { checkpoint } => {
            crate::terminal::output::say!(
                "stopped; {} holds all so far, the same command goes on",
                checkpoint.display()
            );
        }
    }
    Ok(())
}

/// Prints what a run would do.
fn print_plan(
    resolved: &ResolvedRecipe,
    training: &Training<'_>,
    start: PlannedStart,
    arguments: &Arguments,
) -> Result<()> {
    say_what_is_unusual(resolved);
    let speeds = if arguments.no_measure { Vec::new() } else { measure_speeds(training, MEASURING)? };
    let plan = RunPlan::of(resolved, start, speeds);
    if arguments.json { output::line(plan.to_json()?) } else { output::line(plan) }
}

/// Takes over what changed in the recipe of a run that is done.
fn amend(path: &Path, resolved: &ResolvedRecipe, start: &Start<'_>, arguments: &Arguments) -> Result<()> {
    say_what_is_unusual(resolved);
    notes::print(&start.notes);
    if arguments.plan {
        crate::terminal::output::say!(
            "{}: this run is done; without --plan, its run.json takes over what the recipe says otherwise now",
            path.display()
        );
        return if arguments.json { output::line(finished(&resolved.recipe)) } else { Ok(()) };
    }
    crate::terminal::output::say!("{}: {}", path.display(), start.amend(path, resolved)?);
    Ok(())
}

/// The plan of a run that is done: its data may be gone.
fn finished(recipe: &Recipe) -> String {
    let start = json!({ "kind": "finished" });
    format!("{:#}", json!({ "format": FORMAT, "name": recipe.name, "start": start }))
}

fn say_what_is_unusual(resolved: &ResolvedRecipe) {
    notes::print(resolved.compute.note());
    notes::print(resolved.notes());
    notes::warn(resolved.benchmarks.iter().flat_map(Benchmarks::warnings));
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

/// Trains a resolved recipe in a folder, with metrics and progress. Also says whether the loss is above the one that
/// its model began with.
fn run_resolved(
    resolved: &ResolvedRecipe,
    plan: &RunPlan,
    mut folder: RunFolder,
    mut start: Start<'_>,
    arguments: &Arguments,
) -> Result<(Outcome, bool)> {
    let path = folder.path().to_owned();
    // A run that is refused says nothing but why.
    say_what_is_unusual(resolved);
    let progress = TrainingProgress::new(plan.steps(), plan.stage_costs());
    let say = progress.speaker();
    let interrupt = Interrupt::announced(move |saved_step| say(&stopping(saved_step)))?;
    let interrupt = if arguments.stop_on_closed_stdin { interrupt.or_closed_stdin() } else { interrupt };
    folder.refuse_if_begun_meanwhile()?;
    start.put_aside(&path)?;
    let Start { run, history, notes, lines, .. } = start;
    let of_run = WatchedRun {
        resolved,
        plan,
        folder: &mut folder,
        history,
        notes,
        lines,
        progress,
        interrupt: &interrupt,
    };
    let mut watcher = Watcher::new(of_run);
    let outcome = train(run, &mut |position, event| watcher.observe(position, event));
    let is_above_the_first = watcher.loss_is_above_the_first();
    let WatchedRun { mut history, .. } = watcher.finish()?;
    let outcome = match outcome {
        Err(error @ (TrainError::NotFinite { step, .. } | TrainError::ValidationNotFinite { step, .. })) => {
            history.diverged_at_step = Some(step);
            write_run_file(&path, resolved, &history, false)?;
            return Err(Error::Failed(format!("{error}; {}", kept(&path))));
        }
        outcome => outcome?,
    };
    if let Outcome::Finished { checkpoint } = &outcome {
        notes::print(final_name::point_to(&path, checkpoint));
    }
    write_run_file(&path, resolved, &history, matches!(outcome, Outcome::Finished { .. }))?;
    Ok((outcome, is_above_the_first))
}

/// What a run leaves whose loss is no number any more.
fn kept(run: &Path) -> String {
    match checkpoint_folders(run).last() {
        Some(last) => format!("{} is from before that, and is kept", last.path.display()),
        None => "no checkpoint had been written yet".to_owned(),
    }
}
