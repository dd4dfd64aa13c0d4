//! Reads an experiment's folder, or several that have parts of it: `experiment.json` and the runs that it names, as far
//! as they are there. What they come to is in outcome.rs.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    error::ReportError,
    experiment::{
        cell::{Cell, CellState, SweepCell},
        description::{ExperimentDescription, RunKind, SweepRun},
        outcome::over_seeds::LeftOut,
        parts,
        references::problems,
        unplanned::unplanned,
    },
    report::{
        curve::Curve,
        mismatch::{Mismatch, mismatches},
    },
    run::record::{Cost, RunRecord},
};

/// The format of `experiment.json` that is read here.
pub(crate) const FORMAT: u32 = 1;

/// An experiment's folder, read, or several that have parts of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    folder: PathBuf,
    description: ExperimentDescription,
    cells: Vec<Cell>,
    sweeps: Vec<Vec<SweepCell>>,
    unplanned: Vec<String>,
}

/// The pairs of finished runs of two kinds, and the seeds without one.
pub(crate) struct Pairing<'a> {
    /// The seed, the run of the first kind, and that of the second.
    pub(crate) pairs: Vec<(u64, &'a RunRecord, &'a RunRecord)>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// The part that tells whether the rest can be read.
#[derive(Deserialize)]
struct FormatOnly {
    format: u64,
}

impl Experiment {
    /// Reads `folder/experiment.json` and the runs that are there. A run that is missing or not finished is no error.
    ///
    /// # Errors
    /// All problems at once, one line each: an `experiment.json` that isn't one, of another format, or that names what
    /// it doesn't have; seeds that don't pair; a run whose files can't be read or have no metrics; a run that is
    /// another than the file says; and runs of a kind and its baseline that were measured on different data.
    pub fn read(folder: &Path) -> Result<Self, ReportError> {
        Self::read_parts(&[folder])
    }

    /// Reads one experiment from several folders, of machines without a shared disk: the same `experiment.json` in
    /// each, and the runs of all. Where a run stands in several, the one that has come furthest counts.
    ///
    /// # Errors
    /// As [`Self::read`], and of two folders whose experiments differ, or that have two different runs in one place.
    pub fn read_parts(folders: &[impl AsRef<Path>]) -> Result<Self, ReportError> {
        let folders: Vec<&Path> = folders.iter().map(AsRef::as_ref).collect();
        let (first, others) = folders.split_first().ok_or(ReportError::NoRuns)?;
        let file = first.join("experiment.json");
        let mut description = read_description(&file)?;
        let of_file = |problem: String| format!("{}: {problem}", file.display());
        let mut found: Vec<String> = problems(&description).into_iter().map(of_file).collect();
        let mut descriptions = vec![description.clone()];
        for folder in others {
            let other = read_description(&folder.join("experiment.json"))?;
            if let Some(differs) = parts::difference(&other, &description) {
                found.push(format!(
                    "{}: is another experiment than {}: {differs}",
                    folder.display(),
                    first.display()
                ));
            }
            descriptions.push(other);
        }
        // Other experiments have other runs: nothing more is to be said.
        if !others.is_empty() && !found.is_empty() {
            return Err(ReportError::Experiment { problems: found });
        }
        let mut read = |run: &str, seed: u64| {
            let states = folders.iter().map(|folder| read_run(folder, run, seed, &mut found)).collect();
            parts::joined(states, &mut found)
        };
        let mut cells = Vec::new();
        for (index, planned) in description.runs.iter_mut().enumerate() {
            let (part, state) = read(&planned.folder, planned.seed);
            planned.alone = descriptions[part.unwrap_or(0)].runs.get(index).is_some_and(|run| run.alone);
            cells.push(Cell { planned: planned.clone(), state });
        }
        let mut of_sweep = |planned: &SweepRun| {
            let (_, state) = read(&planned.folder, planned.seed);
            SweepCell { planned: planned.clone(), state }
        };
        let sweeps =
            description.sweeps.iter().map(|sweep| sweep.runs.iter().map(&mut of_sweep).collect()).collect();
        let unplanned = folders.iter().flat_map(|folder| unplanned(folder, &description)).collect();
        let experiment = Self { folder: first.to_path_buf(), description, cells, sweeps, unplanned };
        found.extend(experiment.measured_differently());
        if found.is_empty() {
            return Ok(experiment);
        }
        Err(ReportError::Experiment { problems: found })
    }

    /// Where it was read; of several folders the first.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it consists of.
    pub fn description(&self) -> &ExperimentDescription {
        &self.description
    }

    /// Runs of its kinds that lie in its folder, with seeds that it hasn't.
    pub(crate) fn unplanned(&self) -> &[String] {
        &self.unplanned
    }

    /// The runs that count, in the order of the file.
    pub fn all_cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The runs of sweeps, in the order of the file.
    pub(crate) fn sweep_cells(&self) -> &[Vec<SweepCell>] {
        &self.sweeps
    }

    /// The runs of one kind, by seed.
    pub(crate) fn cells<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Cell> {
        let mut cells: Vec<&Cell> = self.cells.iter().filter(|cell| cell.planned.kind == kind).collect();
        cells.sort_by_key(|cell| cell.planned.seed);
        cells.into_iter()
    }

    /// The kind of this name. `read` has seen that whatever is named is there.
    pub(crate) fn kind(&self, name: &str) -> Option<&RunKind> {
        self.description.kinds.iter().find(|kind| kind.name == name)
    }

    /// Whether the run of a kind and a seed had the machine for itself.
    pub(crate) fn ran_alone(&self, kind: &str, seed: u64) -> bool {
        self.cells(kind).any(|cell| cell.planned.seed == seed && cell.planned.alone)
    }

    /// The finished runs of two kinds, paired by seed.
    pub(crate) fn pairs(&self, of: &str, against: &str) -> Pairing<'_> {
        let seeds: BTreeSet<u64> =
            self.cells(of).chain(self.cells(against)).map(|cell| cell.planned.seed).collect();
        let mut pairing = Pairing { pairs: Vec::new(), left_out: Vec::new() };
        for seed in seeds {
            let of_seed = |kind: &str| {
                let cell = self.cells(kind).find(|cell| cell.planned.seed == seed);
                match cell.map(|cell| &cell.state) {
                    Some(CellState::Finished(run)) => Ok(&**run),
                    Some(CellState::Unfinished(_)) => Err(format!("{kind} isn't finished")),
                    Some(CellState::Missing) => Err(format!("{kind} is missing")),
                    None => Err(format!("{kind} has no such seed")),
                }
            };
            match (of_seed(of), of_seed(against)) {
                (Ok(run), Ok(other)) => pairing.pairs.push((seed, run, other)),
                (Err(why), Ok(_)) | (Ok(_), Err(why)) => pairing.left_out.push(LeftOut { seed, why }),
                (Err(first), Err(second)) => {
                    pairing.left_out.push(LeftOut { seed, why: format!("{first}, {second}") });
                }
            }
        }
        pairing
    }

    /// A line for each pair of a run and its baseline's that can't be compared, and for each that reads other
    /// validation data than the experiment's first run.
    fn measured_differently(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let first = self.cells.iter().find_map(|cell| Some((cell, cell.run()?)));
        for cell in &self.cells {
            let Some(run) = cell.run() else { continue };
            let baseline = self.kind(&cell.planned.kind).and_then(|kind| kind.baseline.as_deref());
            let partner = baseline
                .and_then(|name| self.cells(name).find(|other| other.planned.seed == cell.planned.seed));
            let with_partner = partner
                .and_then(|other| Some((other, mismatches(run, other.run()?))))
                .filter(|(_, mismatches)| !mismatches.is_empty());
            let with_first = || {
                let (other, first) = first?;
                let mut mismatches = mismatches(run, first);
                mismatches.retain(|mismatch| mismatch.kind.is_of_the_measure());
                (!mismatches.is_empty()).then_some((other, mismatches))
            };
            if let Some((other, mismatches)) = with_partner.or_else(with_first) {
                let said: Vec<String> = mismatches.iter().map(Mismatch::of_two_runs).collect();
                lines.push(format!(
                    "{}: can't be compared with {}: {}",
                    run.folder.display(),
                    other.planned.folder,
                    said.join("; ")
                ));
            }
        }
        lines
    }
}

fn read_description(file: &Path) -> Result<ExperimentDescription, ReportError> {
    let wrong = |source| ReportError::ExperimentFile { file: file.to_path_buf(), source };
    let text = fs::read_to_string(file)
        .map_err(|cause| ReportError::UnreadableExperiment { file: file.to_path_buf(), cause })?;
    let format: FormatOnly = serde_json::from_str(&text).map_err(wrong)?;
    if format.format != u64::from(FORMAT) {
        return Err(ReportError::Format {
            file: file.to_path_buf(),
            found: format.format,
            expected: u64::from(FORMAT),
        });
    }
    serde_json::from_str(&text).map_err(wrong)
}

/// Reads a run if it is there. What is wrong with it goes to the problems, and it counts as missing.
fn read_run(folder: &Path, run: &str, seed: u64, problems: &mut Vec<String>) -> CellState {
    let place = folder.join(run);
    match fs::metadata(place.join("run.json")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return CellState::Missing,
        Err(_) | Ok(_) => {}
    }
    let record = match RunRecord::read(&place) {
        Ok(record) => record,
        // Between its first file and its first line.
        Err(ReportError::Unreadable { cause, .. })
            if cause.kind() == io::ErrorKind::NotFound && !says_finished(&place) =>
        {
            return CellState::Missing;
        }
        Err(error) => {
            problems.push(one_line(&error));
            return CellState::Missing;
        }
    };
    if record.seed != seed {
        problems.push(format!(
            "{}: its seed is {}, and experiment.json says {seed}: another run lies in its place",
            place.display(),
            record.seed
        ));
    }
    if record.finished && record.validation.len() < 2 {
        problems.push(format!(
            "{}: the metrics of a finished run have at least 2 evaluations, and these have {}: metrics.jsonl has lost \
             lines",
            place.display(),
            record.validation.len()
        ));
    }
    for cost in Cost::ALL {
        if let Err(error) = Curve::of_run(&record, cost) {
            problems.push(one_line(&error));
            break;
        }
    }
    if record.finished {
        CellState::Finished(Box::new(record))
    } else {
        CellState::Unfinished(Box::new(record))
    }
}

/// Whether a run that can't be read says that it is done.
fn says_finished(run: &Path) -> bool {
    let text = fs::read_to_string(run.join("run.json")).unwrap_or_default();
    let described: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    described["finished"] == true
}

/// An error with its cause.
fn one_line(error: &ReportError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
