//! The runs of an experiment made: recipes written and checked, what is done skipped, the rest run.

use std::{fs, num::NonZero, path::Path};

use outgrow_checkpoint::write_file_atomically;
use outgrow_kernels::DeviceName;

use crate::{
    error::{BadInput, Error, Result},
    experiment::{
        cells::PlannedRun,
        processes::{Job, interrupted, run_all},
    },
    machine::compute::{Compute, ComputeFlags},
    run::{resolve::ResolvedRecipe, run_json::is_finished},
    terminal::{interrupt::Interrupt, notes},
};

/// Where and how runs are made.
#[derive(Debug)]
pub(crate) struct Making<'a> {
    /// The experiment's folder.
    pub out: &'a Path,
    /// What to compute on and in.
    pub compute: &'a ComputeFlags,
    /// Runs at a time, if that was asked for.
    pub jobs: Option<NonZero<usize>>,
    /// Whether to stop.
    pub interrupt: &'a Interrupt,
}

impl Making<'_> {
    /// Checks that a run could be made, and has enough to read.
    ///
    /// # Errors
    /// What is wrong with it, with its name.
    pub(crate) fn check(&self, run: &PlannedRun) -> Result<()> {
        let resolved = self.resolve(run)?;
        let (needed, there) = (resolved.schedule.tokens(), resolved.training.shards().manifest().tokens);
        if needed <= there {
            return Ok(());
        }
        let folder = resolved.recipe.data.training.display();
        Err(BadInput(format!(
            "{}: trains on {needed} tokens, and {folder} has {there}: no text may come twice; give more text, or a \
             smaller --scale",
            run.name
        ))
        .into())
    }

    /// Makes the runs that aren't done.
    ///
    /// # Errors
    /// When one fails, with its name; and when interrupted.
    pub(crate) fn make(&self, what: &str, runs: &[PlannedRun]) -> Result<()> {
        let planned = runs.iter().map(|run| {
            // Many runs take a while to plan.
            if self.interrupt.is_set() { Err(interrupted()) } else { self.job(run) }
        });
        let planned = planned.collect::<Result<Vec<_>>>()?;
        notes::print(planned.iter().find_map(|(_, compute, _)| compute.note()));
        let waiting: Vec<Job> =
            planned.iter().filter(|(.., done)| !done).map(|(job, ..)| job.clone()).collect();
        let at_once = self.at_once().min(waiting.len().max(1));
        let done = planned.len() - waiting.len();
        let skipped =
            if done > 0 { format!(", {done} of {} done already", planned.len()) } else { String::new() };
        crate::terminal::output::say!("{what}: {} run(s), {at_once} at a time{skipped}", waiting.len());
        run_all(&waiting, at_once, self.compute, self.interrupt)
    }

    /// What a run's recipe comes to.
    fn resolve(&self, run: &PlannedRun) -> Result<ResolvedRecipe> {
        let folder = self.out.join(&run.folder);
        let compute = self.compute.resolve(run.recipe.device.as_deref(), run.recipe.dtype);
        let resolved = compute
            .map_err(Error::from)
            .and_then(|compute| ResolvedRecipe::new(run.recipe.clone(), compute, &folder));
        resolved.map_err(|error| error.within(run.name.as_str()))
    }

    /// Writes a run's recipe and checks it, so that a bad one is found before any run starts. Also says what it is
    /// computed in, and whether it is done.
    fn job(&self, run: &PlannedRun) -> Result<(Job, Compute, bool)> {
        let folder = self.out.join(&run.folder);
        fs::create_dir_all(&folder).map_err(Error::at(&folder))?;
        let recipe = folder.join("recipe.toml");
        write_file_atomically(&recipe, toml::to_string_pretty(&run.table)?.as_bytes())?;
        let resolved = self.resolve(run)?;
        let is_done = is_finished(&folder, &resolved.recipe, resolved.compute)?;
        let job = Job { name: run.name.clone(), recipe, folder, tokens: resolved.schedule.tokens() };
        Ok((job, resolved.compute, is_done))
    }

    /// Runs at a time.
    pub(crate) fn at_once(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let device = self.compute.device.as_deref().and_then(|device| device.parse().ok());
        let on_gpu = device.is_some_and(|device: DeviceName| device != DeviceName::Flex);
        self.jobs.map_or(if on_gpu { 1 } else { cores }, NonZero::get)
    }
}
