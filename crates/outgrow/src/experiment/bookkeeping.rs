//! What is remembered of an experiment's runs in their folders: who made them, whether anything ran beside them,
//! whether they are done. And what is in the way of a run, or not needed any more.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    error::{BadInput, Error, Result},
    experiment::{
        cell_record::{CellRecord, Provenance, metrics_sha256, other_run},
        matrix::{Matrix, Place},
    },
    run::run_json::{RunFile, is_finished},
};

/// How the name of a trunk ends that is being removed.
const LEAVING: &str = "leaving";

/// The folders of an experiment's runs.
#[derive(Debug)]
pub(crate) struct Bookkeeping<'a> {
    /// The experiment's folder.
    pub out: &'a Path,
    /// Its runs.
    pub matrix: &'a Matrix,
}

impl Bookkeeping<'_> {
    /// Refuses runs that are there and were made otherwise than they would be now, or moves them aside.
    ///
    /// # Errors
    /// Such runs, in one line, unless they are to be made `again`; folders that can't be moved.
    pub(crate) fn make_room(&self, what: &str, own: &BTreeSet<usize>, again: bool) -> Result<()> {
        let mut others = Vec::new();
        for place in self.places(own) {
            let (run, facts) = self.matrix.at(place);
            let now = Provenance::of(&run.table, facts.compute);
            if let Some(why) = other_run(&self.out.join(&run.folder), &now, &run.table)? {
                others.push((run, why));
            }
        }
        let [(first, why), more @ ..] = others.as_slice() else { return Ok(()) };
        let aside = self.unused_aside();
        if !again {
            let more = match more.len() {
                0 => String::new(),
                1 => "; 1 more run is another, too".to_owned(),
                count => format!("; {count} more runs are others, too"),
            };
            return Err(BadInput(format!(
                "{what}: {}: {why}{more}; give another --out, or --again, which makes them anew and moves what there \
                 is to {}",
                self.out.join(&first.folder).display(),
                aside.display()
            ))
            .into());
        }
        for (run, _) in &others {
            let (from, to) = (self.out.join(&run.folder), aside.join(&run.folder));
            let parent = to.parent().unwrap_or(&aside);
            fs::create_dir_all(parent).map_err(Error::at(parent))?;
            fs::rename(&from, &to).map_err(Error::at(&from))?;
        }
        Ok(())
    }

    /// Whether a cell is done, or has diverged.
    ///
    /// # Errors
    /// When it is done, but on other data than there is now.
    pub(crate) fn is_made(&self, cell: usize) -> Result<bool> {
        self.is_place_made(Place::Cell(cell))
    }

    /// Whether a trunk is.
    ///
    /// # Errors
    /// Likewise.
    pub(crate) fn is_trunk_made(&self, trunk: usize) -> Result<bool> {
        self.is_place_made(Place::Trunk(trunk))
    }

    fn is_place_made(&self, place: Place) -> Result<bool> {
        let (run, facts) = self.matrix.at(place);
        let folder = self.out.join(&run.folder);
        let Some(record) = CellRecord::read(&folder)?.filter(|record| record.done) else { return Ok(false) };
        Ok(record.diverged_at_step.is_some() || is_finished(&folder, &run.recipe, facts.compute)?)
    }

    /// Whether nothing else of the experiment ran beside the run in a folder.
    pub(crate) fn was_alone(folder: &Path) -> bool {
        CellRecord::read(folder).ok().flatten().is_some_and(|record| record.alone)
    }

    /// A run is about to begin or to go on, beside others.
    ///
    /// # Errors
    /// Records that can't be read or written.
    pub(crate) fn begins(&self, place: Place, beside: &[Place], jobs: usize) -> Result<()> {
        let (run, facts) = self.matrix.at(place);
        let folder = self.out.join(&run.folder);
        let before = CellRecord::read(&folder)?;
        let mut record =
            before.unwrap_or_else(|| CellRecord::new(Provenance::of(&run.table, facts.compute), jobs));
        record.jobs = jobs;
        // What it takes over counts as its own.
        let trunk =
            self.matrix.branch(place).map(|(trunk, _)| self.out.join(&self.matrix.trunks[trunk].run.folder));
        let trunk = trunk.map(|trunk| CellRecord::read(&trunk)).transpose()?.flatten();
        record.alone &= beside.is_empty() && trunk.is_none_or(|trunk| trunk.alone);
        record.write(&folder)?;
        for other in beside {
            let folder = self.out.join(&self.matrix.at(*other).0.folder);
            if let Some(mut record) = CellRecord::read(&folder)?.filter(|record| record.alone) {
                record.alone = false;
                record.write(&folder)?;
            }
        }
        Ok(())
    }

    /// A run is done, or has diverged.
    ///
    /// # Errors
    /// Likewise.
    pub(crate) fn is_done(&self, place: Place) -> Result<()> {
        let (run, _) = self.matrix.at(place);
        let folder = self.out.join(&run.folder);
        let diverged_at_step = RunFile::read(&folder).diverged_at_step();
        if let Some(step) = diverged_at_step {
            crate::terminal::output::say!("warning: {}: diverged at step {step}", run.name);
        }
        let Some(mut record) = CellRecord::read(&folder)? else { return Ok(()) };
        (record.done, record.diverged_at_step) = (true, diverged_at_step);
        record.metrics_sha256 = metrics_sha256(&folder);
        record.write(&folder)
    }

    /// Removes the trunks that nothing will branch off any more.
    ///
    /// # Errors
    /// A folder that can't be removed.
    pub(crate) fn remove_trunks(&self, own: &BTreeSet<usize>) -> Result<()> {
        let remove = |folder: &Path| match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(Error::at(folder)),
        };
        for trunk in &self.matrix.trunks {
            if !trunk.members.iter().all(|member| own.contains(member)) {
                continue;
            }
            let folder = self.out.join(&trunk.run.folder);
            // A kill may come in the middle: what is left then has another name, and is no trunk that was changed.
            let leaving = folder.with_extension(LEAVING);
            remove(&leaving)?;
            let made = trunk.members.iter().map(|member| self.is_made(*member));
            if folder.exists() && made.collect::<Result<Vec<_>>>()?.into_iter().all(|is_made| is_made) {
                fs::rename(&folder, &leaving).map_err(Error::at(&folder))?;
                remove(&leaving)?;
            }
            // The last one takes the folder of all with it.
            let _ = folder.parent().map(fs::remove_dir);
        }
        Ok(())
    }

    /// The cells that are made here, and their trunks.
    fn places(&self, own: &BTreeSet<usize>) -> Vec<Place> {
        let trunks: BTreeSet<usize> =
            own.iter().filter_map(|cell| self.matrix.cells[*cell].branch).map(|(trunk, _)| trunk).collect();
        let cells = own.iter().map(|cell| Place::Cell(*cell));
        cells.chain(trunks.into_iter().map(Place::Trunk)).collect()
    }

    fn unused_aside(&self) -> PathBuf {
        let mut number = 1;
        loop {
            let folder = self.out.join(format!("set-aside-{number}"));
            if !folder.exists() {
                return folder;
            }
            number += 1;
        }
    }
}
