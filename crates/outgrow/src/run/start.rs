//! Where a run begins or goes on, before it does: looked at, compared with what is to be run now, and accepted or
//! refused with nothing changed. Then what is newer is put aside. Whether the folder is a run's, the folder knows;
//! which checkpoints are whole and which differences may be, outgrow-train says.

use std::{fs, path::Path};

use outgrow_checkpoint::COST_FILE;
use outgrow_kernels::DeviceName;
use outgrow_train::{
    Training,
    resume::{
        self, Comparison, Difference, Field, Resumption, Rule, Standing, checkpoint_folders, checkpoint_name,
        shown,
    },
};

use crate::{
    error::{BadInput, Error, Result},
    run::{
        benchmarks::Benchmarks,
        branch::Beginning,
        folder::{RUN_FILE, RunFolder},
        metrics::{METRICS_FILE, last_step},
        resolve::ResolvedRecipe,
        run_json::{History, Rewind, RunFile, other_benchmarks, write_run_file},
    },
};

/// Where a run is to begin, if not anew.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StartFrom<'a> {
    /// Its newest checkpoint, where it has one.
    Newest,
    /// That after so many steps.
    Step(u64),
    /// Where another run stands, or one of its checkpoints; once it has its own, from the newest of these.
    Branch(&'a Path),
}

/// Where a run begins or goes on, accepted; nothing was changed to find out.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    /// What the trainer takes.
    pub run: resume::Start<'a>,
    /// What the run remembers, with what changes now.
    pub history: History,
    /// What should be said before the first step.
    pub notes: Vec<String>,
    /// The lines that it takes over of the run that it branches off.
    pub lines: Option<String>,
    /// Whether there are metrics of an attempt that came to no checkpoint.
    has_old_metrics: bool,
}

/// Looks where the run stands, or where it is to be taken back to or to branch off, and compares it with what is to
/// be run now. A run that has a checkpoint of its own goes on from that.
///
/// # Errors
/// Everything that speaks against it, in one line.
pub(crate) fn start<'a>(
    folder: &RunFolder,
    resolved: &ResolvedRecipe,
    training: &'a Training<'a>,
    from: StartFrom<'_>,
) -> Result<Start<'a>> {
    let (standing, unneeded) = match from {
        StartFrom::Newest => (Standing::newest(training)?, None),
        StartFrom::Step(step) => (Standing::at_step(training, step)?, None),
        StartFrom::Branch(other) => {
            refuse_itself(folder, other)?;
            if checkpoint_folders(folder.path()).is_empty() {
                let standing = Standing::branch(training, other)?;
                return start_branch(folder, resolved, standing);
            }
            (Standing::newest(training)?, not_branched_off(folder, other))
        }
    };
    start_own(folder, resolved, standing, unneeded)
}

fn start_own<'a>(
    folder: &RunFolder,
    resolved: &ResolvedRecipe,
    mut standing: Standing<'a>,
    note: Option<String>,
) -> Result<Start<'a>> {
    let more = standing.resumption().map(|from| more_differences(folder.file(), resolved, from.comparison()));
    standing.add(more.into_iter().flatten());
    let run = standing.check()?;
    let (mut history, mut notes, has_old_metrics) = match run.resumption() {
        Some(from) => (history(folder, from), notes(folder, from), false),
        None => (History::default(), Vec::new(), last_step_without_checkpoint(folder)?.is_some()),
    };
    notes.extend(note);
    if let Some(benchmarks) = &resolved.benchmarks {
        history.evaluation.extend(benchmarks.asked());
    }
    Ok(Start { run, history, notes, lines: None, has_old_metrics })
}

/// A run without a checkpoint of its own begins, each time, where the other one stands.
fn start_branch<'a>(
    folder: &RunFolder,
    resolved: &ResolvedRecipe,
    mut standing: Standing<'a>,
) -> Result<Start<'a>> {
    let from = standing.resumption().expect("a branch begins at a checkpoint");
    let file = RunFile::read(from.checkpoint().parent().unwrap_or(Path::new("")));
    let mut more = more_differences(&file, resolved, from.comparison());
    let Beginning { mut history, lines, differences, lost } = Beginning::read(from, resolved)?;
    // Where the beginnings differ, so do the rates of their steps.
    let agrees = from.comparison().differences.iter().all(|one| one.rule() != Rule::Refused);
    more.extend(differences.into_iter().filter(|_| agrees));
    let step = from.position().step;
    standing.add(more);
    let run = standing.check()?;
    if let Some(lost) = lost {
        return Err(BadInput(format!("{lost}; a run that branches off takes them over")).into());
    }
    let mut notes = Vec::new();
    if let Some(from) = run.resumption() {
        history.go_on(step, from.comparison());
        notes.extend(recorded(from));
    }
    if let Some(benchmarks) = &resolved.benchmarks {
        history.evaluation.extend(benchmarks.asked());
    }
    // Of an attempt that came to no checkpoint, what goes beyond the branch is kept.
    let has_old_metrics = last_step_without_checkpoint(folder)?.is_some_and(|last| last > step);
    Ok(Start { run, history, notes, lines: Some(lines), has_old_metrics })
}

/// # Errors
/// When a run is to branch off its own checkpoints.
fn refuse_itself(folder: &RunFolder, other: &Path) -> Result<(), BadInput> {
    let Ok(own) = folder.path().canonicalize() else { return Ok(()) };
    if other.canonicalize().is_ok_and(|other| other.starts_with(&own)) {
        let (run, other) = (folder.path().display(), other.display());
        return Err(BadInput(format!(
            "{run}: can't branch off from itself ({other}); give --out another folder"
        )));
    }
    Ok(())
}

/// What is said of a run that is to branch off where it began otherwise.
fn not_branched_off(folder: &RunFolder, other: &Path) -> Option<String> {
    let (run, other) = (folder.path().display(), other.display());
    let branched = folder.file().history().branch.is_some();
    (!branched).then(|| format!("{run}: has a checkpoint of its own and goes on from that, not from {other}"))
}

fn history(folder: &RunFolder, from: &Resumption) -> History {
    let step = from.position().step;
    let mut history = folder.file().history();
    history.go_on(step, from.comparison());
    history.checkpoint = Some(checkpoint_name(step));
    history
}

/// A run without a checkpoint begins anew, and keeps what the metrics hold of an attempt that came to none: up to
/// which step that is.
fn last_step_without_checkpoint(folder: &RunFolder) -> Result<Option<u64>> {
    let Some(step) = last_step(folder.path())? else { return Ok(None) };
    if folder.file().has_written_checkpoints() != Some(false) {
        let (metrics, run) = (folder.path().join(METRICS_FILE), folder.path().display());
        let last = folder.file().value()["checkpoint"].as_str().map(|name| format!(" ({name} was the last)"));
        let problem = format!(
            "{}: holds steps up to {step}, but {run} has no checkpoint to go on from{}: put it back, or begin \
             anew with another --out",
            metrics.display(),
            last.unwrap_or_default()
        );
        return Err(BadInput(problem).into());
    }
    Ok(Some(step))
}

fn notes(folder: &RunFolder, from: &Resumption) -> Vec<String> {
    let mut notes = Vec::new();
    if from.comparison().unknown.contains(&Field::ValidationData) {
        notes.push(format!(
            "{}: is of a version that didn't record the validation data: whether it is still the same isn't known",
            from.checkpoint().display()
        ));
    }
    if !matches!(folder.file(), RunFile::OfRun(_)) {
        let file = folder.path().join(RUN_FILE);
        notes.push(format!("{}: is gone or can't be read; it is written anew", file.display()));
    }
    notes.extend(recorded(from));
    notes
}

/// What only run.json tells of a run that is gone on from: its benchmarks, and of earlier versions its device.
fn more_differences(file: &RunFile, resolved: &ResolvedRecipe, comparison: &Comparison) -> Vec<Difference> {
    let benchmarks = resolved.benchmarks.as_ref().map(Benchmarks::asked);
    let benchmarks = benchmarks.map(|asked| other_benchmarks(file, &asked, &resolved.recipe));
    benchmarks.into_iter().flatten().chain(other_device(file, resolved, comparison)).collect()
}

/// Earlier versions wrote the device into run.json only.
fn other_device(file: &RunFile, resolved: &ResolvedRecipe, comparison: &Comparison) -> Option<Difference> {
    let saved = DeviceName::as_shown(file.value()["device"].as_str()?);
    let now = resolved.compute.device.to_string();
    let field = Field::Device;
    let differs = comparison.unknown.contains(&field) && saved != now;
    differs.then(|| Difference { field, what: field.key().to_owned(), saved: saved.into(), now: now.into() })
}

/// A line for each difference that is allowed.
fn recorded(from: &Resumption) -> impl Iterator<Item = String> {
    let step = from.position().step;
    from.comparison().differences.iter().map(move |one| {
        let change = one.after(step);
        let (from, to) = (shown(&change.from), shown(&change.to));
        format!("{} = {to} from step {step} on, where it was {from}; run.json records it", change.field)
    })
}

impl Start<'_> {
    /// Takes over what a recipe says otherwise of a run that is done, and that no number of it depends on. Gives what
    /// is to be said of that.
    ///
    /// # Errors
    /// When a file can't be read or written.
    pub(crate) fn amend(&self, folder: &Path, resolved: &ResolvedRecipe) -> Result<String> {
        let updated = self.run.update_costs()?;
        write_run_file(folder, resolved, &self.history, true)?;
        Ok(if updated.is_empty() {
            format!("this run is done; its {RUN_FILE} has the recipe as it is now")
        } else {
            let checkpoints = updated.join(", ");
            format!(
                "this run is done; {RUN_FILE}, and {COST_FILE} in {checkpoints}, say now what its base has cost"
            )
        })
    }

    /// The steps of the checkpoint that the run goes back to, and of the newest one.
    fn rewind(&self) -> Option<(u64, u64)> {
        let from = self.run.resumption()?;
        Some((from.position().step, from.newer().last()?.step))
    }

    /// Puts aside what is newer than where the run goes on from. Copies come first and the newest checkpoint is moved
    /// first, so that this can be cut short at any moment and begun again.
    ///
    /// # Errors
    /// When something can't be copied or moved.
    pub(crate) fn put_aside(&mut self, folder: &Path) -> Result<()> {
        let rewind = self.rewind();
        if rewind.is_none() && !self.has_old_metrics {
            return Ok(());
        }
        let mut number = 1;
        while folder.join(set_aside_name(number)).exists() {
            number += 1;
        }
        let name = set_aside_name(number);
        let aside = folder.join(&name);
        fs::create_dir(&aside).map_err(Error::at(&aside))?;
        let mut held = Vec::new();
        for file in [RUN_FILE, METRICS_FILE] {
            let from = folder.join(file);
            if from.is_file() {
                fs::copy(&from, aside.join(file)).map_err(Error::at(&from))?;
                held.push(file.to_owned());
            }
        }
        if let Some((to_step, from_step)) = rewind {
            held.extend(self.run.set_aside_newer(&aside)?);
            self.history.rewinds.push(Rewind { from_step, to_step, set_aside: name });
        }
        self.notes.push(format!("{}: holds what was set aside: {}", aside.display(), held.join(", ")));
        Ok(())
    }
}

fn set_aside_name(number: u32) -> String {
    format!("set-aside-{number}")
}
