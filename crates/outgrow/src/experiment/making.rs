//! The runs of an experiment made: what is done skipped, what several begin with trained once, the rest run. What was
//! made by another recipe or another program is never taken for what would be made now.

use std::{collections::BTreeSet, fs, num::NonZero, path::Path};

use outgrow_checkpoint::write_file_atomically;
use outgrow_kernels::DeviceName;
use outgrow_train::resume::checkpoint_folders;

use crate::{
    error::{BadInput, Error, Result},
    experiment::{
        bookkeeping::Bookkeeping,
        cells::PlannedRun,
        estimate::{Measured, seconds},
        matrix::{Matrix, Place, RunFacts},
        processes::{Happened, interrupted, run_all},
        queue::Job,
        shard::Shard,
    },
    machine::compute::ComputeFlags,
    model::tokenizer::Tokenizers,
    run::{resolve::ResolvedRecipe, run_json::RunFile},
    terminal::{
        figures::{about_time, counted},
        interrupt::Interrupt,
        notes,
    },
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
    /// Which part of the runs is made here.
    pub shard: Shard,
    /// Whether runs of another recipe or program are moved aside and made anew.
    pub again: bool,
    /// Whether what several runs begin with stays when nothing needs it any more.
    pub keep_trunks: bool,
    /// Tokenizers of the shards that recipes name: most name the same.
    pub tokenizers: Tokenizers,
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

    /// Makes the runs that aren't done, of those that are made on this machine. Gives how many are left to others.
    /// `begin` is called once nothing is refused any more, and before the first run.
    ///
    /// # Errors
    /// Runs of another recipe or program, before anything is written; when one fails, with its name; when interrupted;
    /// and what `begin` fails with.
    pub(crate) fn make(
        &self,
        what: &str,
        runs: &[PlannedRun],
        begin: impl FnOnce() -> Result<()>,
    ) -> Result<usize> {
        let matrix = self.matrix(runs)?;
        let own = matrix.shard(self.shard);
        let books = Bookkeeping { out: self.out, matrix: &matrix };
        books.make_room(what, &own, self.again)?;
        begin()?;
        let pending = self.pending(&books, &own)?;
        notes::print(matrix.cells.iter().find_map(|cell| cell.facts.compute.note()));
        let at_once = self.at_once(&matrix).min(pending.len().max(1));
        let (mut jobs, places) = self.jobs(&matrix, &books, &pending)?;
        let estimate = self.estimate(&matrix, &mut jobs, &places, at_once)?;
        say(
            what,
            &matrix,
            &Share {
                own: own.len(),
                pending: pending.len(),
                trunks: jobs.len() - pending.len(),
                at_once,
                seconds: estimate,
            },
        );
        run_all(&jobs, at_once, self.compute, self.interrupt, &mut |happened, index, beside| {
            let beside: Vec<Place> = beside.iter().map(|index| places[*index]).collect();
            match happened {
                Happened::Begins => books.begins(places[index], &beside, at_once),
                Happened::IsDone => books.is_done(places[index]),
            }
        })?;
        if !self.keep_trunks {
            books.remove_trunks(&own)?;
        }
        let not_own = (0..matrix.cells.len()).filter(|index| !own.contains(index));
        let missing = not_own.map(|index| books.is_made(index));
        Ok(missing.collect::<Result<Vec<_>>>()?.into_iter().filter(|is_made| !is_made).count())
    }

    /// Whether what a run is computed on is there.
    pub(crate) fn can_run(&self, run: &PlannedRun) -> bool {
        self.compute.resolve(run.recipe.device.as_deref(), run.recipe.dtype).is_ok()
    }

    /// Whether nothing else of the experiment ran beside a run.
    pub(crate) fn was_alone(&self, run: &PlannedRun) -> bool {
        Bookkeeping::was_alone(&self.out.join(&run.folder))
    }

    /// Whether a run that is made came to no end.
    pub(crate) fn has_diverged(&self, run: &PlannedRun) -> bool {
        RunFile::read(&self.out.join(&run.folder)).diverged_at_step().is_some()
    }

    /// The runs with what several of them begin with.
    pub(crate) fn matrix(&self, runs: &[PlannedRun]) -> Result<Matrix> {
        Matrix::new(runs.to_vec(), |run| {
            // Many runs take a while to plan.
            if self.interrupt.is_set() {
                return Err(interrupted());
            }
            Ok(RunFacts::of(&self.resolve(run)?))
        })
    }

    /// What a run's recipe comes to.
    fn resolve(&self, run: &PlannedRun) -> Result<ResolvedRecipe> {
        let folder = self.out.join(&run.folder);
        let compute = self.compute.resolve(run.recipe.device.as_deref(), run.recipe.dtype);
        let resolved = compute
            .map_err(Error::from)
            .and_then(|compute| ResolvedRecipe::with(run.recipe.clone(), compute, &folder, &self.tokenizers));
        resolved.map_err(|error| error.within(run.name.as_str()))
    }

    /// The cells that aren't done.
    fn pending(&self, books: &Bookkeeping<'_>, own: &BTreeSet<usize>) -> Result<Vec<usize>> {
        let mut pending = Vec::new();
        for index in own {
            if self.interrupt.is_set() {
                return Err(interrupted());
            }
            if !books.is_made(*index)? {
                pending.push(*index);
            }
        }
        Ok(pending)
    }

    /// What is to be run: the cells, and the trunks of those that have no checkpoint of their own. Their recipes are
    /// written.
    fn jobs(
        &self,
        matrix: &Matrix,
        books: &Bookkeeping<'_>,
        pending: &[usize],
    ) -> Result<(Vec<Job>, Vec<Place>)> {
        let needs_trunk = |index: &&usize| {
            let folder = self.out.join(&matrix.cells[**index].run.folder);
            checkpoint_folders(&folder).is_empty()
        };
        let trunks = pending.iter().filter(needs_trunk).filter_map(|index| matrix.cells[*index].branch);
        let trunks: BTreeSet<usize> = trunks.map(|(trunk, _)| trunk).collect();
        let mut places = Vec::new();
        for trunk in trunks {
            if !books.is_trunk_made(trunk)? {
                places.push(Place::Trunk(trunk));
            }
        }
        places.extend(pending.iter().map(|index| Place::Cell(*index)));
        let mut seeds: Vec<u64> = matrix.cells.iter().map(|cell| cell.run.seed).collect();
        seeds.dedup();
        let mut jobs = Vec::new();
        for place in &places {
            let (run, facts) = matrix.at(*place);
            let folder = self.out.join(&run.folder);
            fs::create_dir_all(&folder).map_err(Error::at(&folder))?;
            let recipe = folder.join("recipe.toml");
            let text = toml::to_string_pretty(&run.table)?;
            if fs::read(&recipe).ok().as_deref() != Some(text.as_bytes()) {
                write_file_atomically(&recipe, text.as_bytes())?;
            }
            let branch = matrix.branch(*place);
            let trunk =
                branch.and_then(|(trunk, _)| places.iter().position(|one| *one == Place::Trunk(trunk)));
            jobs.push(Job {
                name: run.name.clone(),
                recipe,
                folder,
                branch_from: branch.map(|(trunk, step)| self.out.join(matrix.trunks[trunk].checkpoint(step))),
                after: trunk,
                tokens: facts.tokens,
                cost: matrix.own_flops(*place),
                round: seeds.iter().position(|seed| *seed == run.seed).unwrap_or(0),
                is_trunk: matches!(place, Place::Trunk(_)),
            });
        }
        Ok((jobs, places))
    }

    fn estimate(
        &self,
        matrix: &Matrix,
        jobs: &mut [Job],
        places: &[Place],
        at_once: usize,
    ) -> Result<Option<f64>> {
        let measured = |place: &Place| {
            let (run, facts) = matrix.at(*place);
            Measured { facts, table: &run.table }
        };
        seconds(jobs, &places.iter().map(measured).collect::<Vec<_>>(), at_once, self.compute)
    }

    /// Runs at a time.
    pub(crate) fn at_once(&self, matrix: &Matrix) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let on_gpu = matrix.cells.iter().any(|cell| cell.facts.compute.device != DeviceName::Flex);
        self.jobs.map_or(if on_gpu { 1 } else { cores }, NonZero::get)
    }
}

/// Whether nothing is left to other machines; else it is said.
pub(crate) fn is_whole(what: &str, missing: usize) -> bool {
    if missing > 0 {
        let missing = counted(missing as u64, "run");
        crate::terminal::output::say!(
            "{what}: {missing} of other machines aren't done; when they are, the same command makes the report"
        );
    }
    missing == 0
}

/// What of a matrix is made now.
struct Share {
    own: usize,
    pending: usize,
    trunks: usize,
    at_once: usize,
    seconds: Option<f64>,
}

/// Says what is about to be made.
fn say(what: &str, matrix: &Matrix, share: &Share) {
    let Share { own, pending, trunks, at_once, seconds } = *share;
    if pending == 0 {
        crate::terminal::output::say!("{what}: {} done already", counted(own as u64, "run"));
        return;
    }
    let mut words = vec![format!("{}, {at_once} at a time", counted(pending as u64, "run"))];
    if own > pending {
        words.push(format!("{} of {own} done already", own - pending));
    }
    if matrix.cells.len() > own {
        words.push(format!("{} on other machines", matrix.cells.len() - own));
    }
    if trunks > 0 {
        let saved = 100.0 * matrix.saved();
        words.push(format!(
            "{} trained once for several of them, which saves {saved:.0} % of the FLOPs",
            counted(trunks as u64, "beginning")
        ));
    }
    words.extend(seconds.map(|seconds| format!("about {}", about_time(seconds))));
    crate::terminal::output::say!("{what}: {}", words.join("; "));
}
