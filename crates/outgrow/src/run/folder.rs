//! The folder of a run before the run begins or goes on: whether it is one, whose it is, where the run stands, and
//! taking it back. All that speaks against going on is found here, before anything in the folder is changed. Which
//! checkpoints are whole is outgrow-train's to say.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use outgrow_checkpoint::COST_FILE;
use outgrow_kernels::DeviceName;
use outgrow_train::{
    Training,
    resume::{
        self, Comparison, Difference, Field, Resumption, Standing, checkpoint_folders, checkpoint_name, shown,
    },
};

use crate::{
    error::{BadInput, Error, Result},
    run::{
        benchmarks::Benchmarks,
        metrics::{METRICS_FILE, last_step},
        resolve::ResolvedRecipe,
        run_json::{History, Rewind, RunFile, other_benchmarks, write_run_file},
    },
};

const RUN_FILE: &str = "run.json";
/// Files by which a folder is known to be a model's or a corpus'.
const SOMETHING_ELSE: [(&str, &str); 2] =
    [("config.json", "a model's folder"), ("manifest.json", "a folder of token shards")];
/// What a run or an experiment leaves in a folder.
const BESIDE_A_RUN: [&str; 3] = [METRICS_FILE, "log.txt", "final"];
/// Recipes, scripts, notes and logs, by how their names end.
const KINDS_BESIDE_A_RUN: [&str; 7] = ["toml", "md", "sh", "log", "out", "err", "slurm"];
/// Files and folders that are named in a message.
const SHOWN: usize = 3;

/// A folder that a run may be in. While this lives, no other process trains there.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    file: RunFile,
    /// Held for its lock. `None` where there is no folder yet, and where folders can't be locked.
    lock: Option<File>,
    /// Whether there was nothing when it was looked at.
    was_absent: bool,
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
    /// Whether there are metrics of an attempt that came to no checkpoint.
    has_old_metrics: bool,
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
        Ok(Self { path: path.to_owned(), file, lock, was_absent: !is_something })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its run says that it is finished.
    pub(crate) fn is_finished(&self) -> bool {
        self.file.is_finished()
    }

    /// Whether a run that is finished still has the checkpoint that it ended with. One that has none at all was moved
    /// away as a whole, and is done.
    ///
    /// # Errors
    /// When others are there, and that one is gone.
    pub(crate) fn check_end(&self) -> Result<(), BadInput> {
        let found = checkpoint_folders(&self.path);
        let last = self.file.value()["checkpoint"].as_str();
        let (Some(last), Some(newest)) = (last, found.last()) else { return Ok(()) };
        if found.iter().any(|one| checkpoint_name(one.step) == last) {
            return Ok(());
        }
        let (folder, step) = (self.path.display(), newest.step);
        Err(BadInput(format!(
            "{folder}: the run ended with {last}, which is gone; put it back, or take the run back with --rewind-to \
             step-{step}"
        )))
    }

    /// Where there was nothing, nobody could be kept out. What another process has begun there since was not looked at,
    /// and isn't touched.
    ///
    /// # Errors
    /// When there is something now.
    pub(crate) fn refuse_if_begun_meanwhile(&self) -> Result<(), BadInput> {
        if self.was_absent && self.path.exists() {
            let folder = self.path.display();
            return Err(BadInput(format!("{folder}: another process has just begun in this folder")));
        }
        Ok(())
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
    pub(crate) fn start<'a>(
        &self,
        resolved: &ResolvedRecipe,
        training: &'a Training<'a>,
        rewind_to: Option<u64>,
    ) -> Result<Start<'a>> {
        let mut standing = match rewind_to {
            Some(step) => Standing::at_step(training, step)?,
            None => Standing::newest(training)?,
        };
        let more = standing.resumption().map(|from| self.more_differences(resolved, from.comparison()));
        standing.add(more.into_iter().flatten());
        let run = standing.check()?;
        let (mut history, notes, has_old_metrics) = match run.resumption() {
            Some(from) => (self.history(from), self.notes(from), false),
            None => (History::default(), Vec::new(), self.has_old_metrics()?),
        };
        if let Some(benchmarks) = &resolved.benchmarks {
            history.evaluation.extend(benchmarks.asked());
        }
        Ok(Start { run, history, notes, has_old_metrics })
    }

    /// What only run.json tells of a run that goes on: its benchmarks, and of earlier versions its device.
    fn more_differences(&self, resolved: &ResolvedRecipe, comparison: &Comparison) -> Vec<Difference> {
        let benchmarks = resolved.benchmarks.as_ref().map(Benchmarks::asked);
        let benchmarks = benchmarks.map(|asked| other_benchmarks(&self.file, &asked, &resolved.recipe));
        benchmarks.into_iter().flatten().chain(self.other_device(resolved, comparison)).collect()
    }

    fn history(&self, from: &Resumption) -> History {
        let step = from.position().step;
        let mut history = self.file.history();
        history.go_on(step, from.comparison());
        history.checkpoint = Some(checkpoint_name(step));
        history
    }

    /// A run without a checkpoint begins anew, and keeps what the metrics hold of an attempt that came to none.
    fn has_old_metrics(&self) -> Result<bool> {
        let Some(step) = last_step(&self.path)? else { return Ok(false) };
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
        Ok(true)
    }

    /// Earlier versions wrote the device into run.json only.
    fn other_device(&self, resolved: &ResolvedRecipe, comparison: &Comparison) -> Option<Difference> {
        let saved = DeviceName::as_shown(self.file.value()["device"].as_str()?);
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

    fn notes(&self, from: &Resumption) -> Vec<String> {
        let mut notes = Vec::new();
        if from.comparison().unknown.contains(&Field::ValidationData) {
            notes.push(format!(
                "{}: is of a version that didn't record the validation data: whether it is still the same isn't known",
                from.checkpoint().display()
            ));
        }
        if !matches!(self.file, RunFile::OfRun(_)) {
            let file = self.path.join(RUN_FILE);
            notes.push(format!("{}: is gone or can't be read; it is written anew", file.display()));
        }
        let step = from.position().step;
        let said = |one: &Difference| {
            let change = one.after(step);
            let (from, to) = (shown(&change.from), shown(&change.to));
            format!("{} = {to} from step {step} on, where it was {from}; run.json records it", change.field)
        };
        notes.extend(from.comparison().differences.iter().map(said));
        notes
    }
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

/// Whether a file is such as people keep beside a run, or what is left of one.
fn may_lie_beside_a_run(file: &Path) -> bool {
    let (name, extension) = (file.file_name(), file.extension());
    let is_left = BESIDE_A_RUN.iter().any(|own| name.is_some_and(|name| name == *own));
    is_left || KINDS_BESIDE_A_RUN.iter().any(|kind| extension.is_some_and(|extension| extension == *kind))
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
    let is_foreign = |path: &Path| path.is_dir() || !may_lie_beside_a_run(path);
    let foreign = entries.filter(|entry| is_foreign(&entry.path()));
    let names = foreign.map(|entry| entry.file_name().to_string_lossy().into_owned());
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
