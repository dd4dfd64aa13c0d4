//! The folder of a run before the run begins or goes on: whether it is one, whose it is, where the run stands, and
//! taking it back. All that speaks against going on is found here, before anything in the folder is changed. Which
//! checkpoints are whole is outgrow-train's to say.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use outgrow_schedules::Stage;
use outgrow_train::{
    Position, Training,
    resume::{
        CheckpointFolder, Comparison, Condition, Difference, Field, Rule, checkpoint_at, checkpoint_folders,
        checkpoint_name, checkpoint_to_go_on_from, move_checkpoints_after, shown,
    },
};

use crate::{
    error::{BadInput, Error, Result},
    run::{
        metrics::{METRICS_FILE, last_step},
        resolve::ResolvedRecipe,
        run_json::{History, Rewind, RunFile, other_benchmarks},
    },
};

const RUN_FILE: &str = "run.json";
/// Files by which a folder is known to be a model's or a corpus'.
const SOMETHING_ELSE: [(&str, &str); 2] =
    [("config.json", "a model's folder"), ("manifest.json", "a folder of token shards")];
/// Folders that are named in a message.
const SHOWN: usize = 3;

/// A folder that a run may be in. While this lives, no other process trains there.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    file: RunFile,
    /// Held for its lock. `None` where there is no folder yet, and where folders can't be locked.
    lock: Option<File>,
}

/// Where a run begins or goes on; nothing was changed to find out.
#[derive(Debug)]
pub(crate) struct Start {
    /// What the run remembers, with what changes now.
    pub history: History,
    /// What should be said before the first step.
    pub notes: Vec<String>,
    /// What has to be put aside first.
    aside: Option<Aside>,
}

/// What is newer than where a run goes on from, and isn't to be lost.
#[derive(Debug)]
struct Aside {
    /// Of the checkpoint that is gone on from; `None` where the run begins anew.
    step: Option<u64>,
    /// That of the newest checkpoint.
    from_step: u64,
}

impl RunFolder {
    /// Takes a folder for a run.
    ///
    /// # Errors
    /// Where another process trains, a file, and a folder that is something else.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let is_something = fs::symlink_metadata(path).is_ok();
        if is_something && !path.is_dir() {
            return Err(
                BadInput(format!("{}: is no folder; a run takes one, or makes it", path.display())).into()
            );
        }
        let lock = if is_something { lock(path)? } else { None };
        let file = RunFile::read(path);
        if is_something && checkpoint_folders(path).is_empty() {
            refuse_something_else(path, &file)?;
        }
        Ok(Self { path: path.to_owned(), file, lock })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder if it isn't there, and keeps others out of it.
    ///
    /// # Errors
    /// When it can't be made, or another process was faster.
    pub(crate) fn make(&mut self) -> Result<()> {
        fs::create_dir_all(&self.path).map_err(Error::at(&self.path))?;
        if self.lock.is_none() {
            self.lock = lock(&self.path)?;
        }
        Ok(())
    }

    /// Looks where the run stands, or where it is to be taken back to, and compares it with what is to be run now.
    ///
    /// # Errors
    /// Everything that speaks against it, in one line.
    pub(crate) fn start(
        &self,
        resolved: &ResolvedRecipe,
        training: &Training<'_>,
        rewind_to: Option<u64>,
    ) -> Result<Start> {
        let checkpoint = match rewind_to {
            Some(step) => Some(checkpoint_at(&self.path, step)?),
            None => checkpoint_to_go_on_from(&self.path)?,
        };
        let mut start = match checkpoint {
            Some(checkpoint) => self.go_on(&checkpoint, resolved, training)?,
            None => self.begin()?,
        };
        if let Some(benchmarks) = &resolved.benchmarks {
            start.history.evaluation.extend(benchmarks.asked());
        }
        Ok(start)
    }

    fn go_on(&self, checkpoint: &Path, resolved: &ResolvedRecipe, training: &Training<'_>) -> Result<Start> {
        let mut comparison = Comparison::new(checkpoint, training)?;
        if let Some(benchmarks) = &resolved.benchmarks {
            comparison.differences.extend(other_benchmarks(
                &self.file,
                &benchmarks.asked(),
                &resolved.recipe,
            ));
        }
        comparison.differences.extend(self.other_device(resolved, &comparison));
        comparison.check(checkpoint, training.extend)?;
        let found = checkpoint_folders(&self.path);
        let from = found.iter().find(|one| one.path == checkpoint);
        if let Some(Condition::Whole { position }) = from.map(CheckpointFolder::condition) {
            check_extension(checkpoint, position, &comparison, resolved.schedule.stages())?;
        }
        let step = from.map_or(0, |one| one.step);
        let mut history = self.file.history();
        history.go_on(step, &comparison);
        history.checkpoint = Some(checkpoint_name(step));
        let mut notes = self.notes(checkpoint, &comparison);
        let said = |one: &Difference| {
            let change = one.after(step);
            let (from, to) = (shown(&change.from), shown(&change.to));
            format!("{} = {to} from step {step} on, where it was {from}; run.json records it", change.field)
        };
        notes.extend(comparison.differences.iter().map(said));
        let newest = found.last().map_or(0, |one| one.step);
        let aside = (newest > step).then_some(Aside { step: Some(step), from_step: newest });
        Ok(Start { history, notes, aside })
    }

    /// A run without a checkpoint begins anew, and keeps what the metrics hold of an attempt that came to none.
    fn begin(&self) -> Result<Start> {
        let Some(step) = last_step(&self.path)? else { return Ok(Start::of_a_new_run()) };
        if self.file.has_written_checkpoints() != Some(false) {
            let (metrics, folder) = (self.path.join(METRICS_FILE), self.path.display());
            let last = self.file.value()["checkpoint"].as_str().map(|name| format!(" ({name} was the last)"));
            let problem = format!(
                "{}: holds steps up to {step}, but {folder} has no checkpoint to go on from{}: put it back, or begin \
                 anew with another --out",
                metrics.display(),
                last.unwrap_or_default()
            );
            return Err(BadInput(problem).into());
        }
        let aside = Some(Aside { step: None, from_step: step });
        Ok(Start { aside, ..Start::of_a_new_run() })
    }

    /// Earlier versions wrote the device into run.json only.
    fn other_device(&self, resolved: &ResolvedRecipe, comparison: &Comparison) -> Option<Difference> {
        let saved = self.file.value()["device"].as_str()?;
        let now = resolved.compute.device.to_string();
        let field = Field::Device;
        let differs = comparison.unknown.contains(&field) && saved != now;
        differs.then(|| Difference {
            field,
            what: field.key().to_owned(),
            saved: saved.into(),
            now: now.into(),
        })
    }

    fn notes(&self, checkpoint: &Path, comparison: &Comparison) -> Vec<String> {
        let mut notes = Vec::new();
        if comparison.unknown.contains(&Field::ValidationData) {
            notes.push(format!(
                "{}: is of a version that didn't record the validation data: whether it is still the same isn't known",
                checkpoint.display()
            ));
        }
        if !matches!(self.file, RunFile::OfRun(_)) {
            let file = self.path.join(RUN_FILE);
            notes.push(format!("{}: is gone or can't be read; it is written anew", file.display()));
        }
        notes
    }
}

impl Start {
    fn of_a_new_run() -> Self {
        Self { history: History::default(), notes: Vec::new(), aside: None }
    }

    /// Whether checkpoints have to be put aside, so that the run goes on from an older one.
    pub(crate) fn takes_back(&self) -> bool {
        self.aside.as_ref().is_some_and(|aside| aside.step.is_some())
    }

    /// Puts aside what is newer than where the run goes on from. Copies come first and the newest checkpoint is moved
    /// first, so that this can be cut short at any moment and begun again.
    ///
    /// # Errors
    /// When something can't be copied or moved.
    pub(crate) fn put_aside(&mut self, folder: &Path) -> Result<()> {
        let Some(Aside { step, from_step }) = self.aside.take() else { return Ok(()) };
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
        if let Some(to_step) = step {
            held.extend(move_checkpoints_after(folder, to_step, &aside)?);
            self.history.rewinds.push(Rewind { from_step, to_step, set_aside: name });
        }
        self.notes.push(format!("{}: holds what was set aside: {}", aside.display(), held.join(", ")));
        Ok(())
    }
}

fn set_aside_name(number: u32) -> String {
    format!("set-aside-{number}")
}

/// Refuses an extension without a step: what it changes would stand in run.json, and no number would have come of it.
fn check_extension(
    checkpoint: &Path,
    position: Position,
    comparison: &Comparison,
    stages: &[Stage],
) -> Result<(), BadInput> {
    let is_at_the_end = position.stage + 1 == stages.len()
        && stages.last().is_some_and(|stage| position.stage_tokens >= stage.tokens);
    let extends = |one: &&Difference| one.rule() == Rule::Extension;
    let extended: Vec<_> = comparison.differences.iter().filter(extends).map(ToString::to_string).collect();
    if !is_at_the_end || extended.is_empty() {
        return Ok(());
    }
    Err(BadInput(format!(
        "{}: no step would follow {}; the last stage has had {} tokens: give it more, or leave the rest as it was",
        checkpoint.display(),
        extended.join("; "),
        position.stage_tokens
    )))
}

/// Keeps other processes from training in the folder for as long as the handle lives.
fn lock(folder: &Path) -> Result<Option<File>, BadInput> {
    let Ok(handle) = File::open(folder) else { return Ok(None) };
    match handle.try_lock() {
        Ok(()) => Ok(Some(handle)),
        Err(TryLockError::WouldBlock) => {
            Err(BadInput(format!("{}: another process is training in this folder", folder.display())))
        }
        // Some file systems know no locks.
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// A run makes no mess in a folder that holds something else. Recipes, logs and notes may be in it.
fn refuse_something_else(path: &Path, file: &RunFile) -> Result<()> {
    let refused = |problem: String| Err(BadInput(format!("{}: {problem}", path.display())).into());
    let end = "give --out a folder of the run's own";
    match file {
        RunFile::OfRun(_) | RunFile::Unreadable => return Ok(()),
        RunFile::Foreign => return refused(format!("holds a {RUN_FILE} that is not of a run; {end}")),
        RunFile::Absent => {}
    }
    for (name, kind) in SOMETHING_ELSE {
        if path.join(name).exists() {
            return refused(format!("is {kind}; {end}"));
        }
    }
    let entries = fs::read_dir(path).map_err(Error::at(path))?.flatten();
    let is_folder = |entry: &fs::DirEntry| entry.path().is_dir();
    let names = entries.filter(is_folder).map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    if names.is_empty() {
        return Ok(());
    }
    let more = names.len().saturating_sub(SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    names.truncate(SHOWN);
    refused(format!("is no run's folder, it holds {}{more}; {end}", names.join(", ")))
}
