//! Reads an experiment's folder: `experiment.json` and the runs that it names, as far as they are there. What they come
//! to is in outcome.rs.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    error::ReportError,
    experiment::{
        description::{ExperimentDescription, PlannedCell, RunKind, SweepRun},
        outcome::over_seeds::LeftOut,
        references::problems,
    },
    report::{
        curve::Curve,
        mismatch::{Mismatch, mismatches},
    },
    run::record::{Cost, RunRecord},
};

/// The format of `experiment.json` that is read here.
pub(crate) const FORMAT: u32 = 1;

/// An experiment's folder, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    folder: PathBuf,
    description: ExperimentDescription,
    cells: Vec<Cell>,
    sweeps: Vec<Vec<SweepCell>>,
}

/// A run that is planned, and what there is of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Which it is.
    pub planned: PlannedCell,
    /// What there is of it.
    pub state: CellState,
}

/// A run of a sweep, and what there is of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SweepCell {
    pub(crate) planned: SweepRun,
    pub(crate) state: CellState,
}

/// What there is of a planned run.
#[derive(Clone, Debug, PartialEq)]
pub enum CellState {
    /// Its folder isn't there, or has no run.json yet.
    Missing,
    /// It hasn't reached its last token.
    Unfinished(Box<RunRecord>),
    /// It is done.
    Finished(Box<RunRecord>),
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
        let file = folder.join("experiment.json");
        let description = read_description(&file)?;
        let of_file = |problem: String| format!("{}: {problem}", file.display());
        let mut found: Vec<String> = problems(&description).into_iter().map(of_file).collect();
        let cells: Vec<Cell> = description
            .runs
            .iter()
            .map(|planned| {
                let state = read_run(folder, &planned.folder, planned.seed, &mut found);
                Cell { planned: planned.clone(), state }
            })
            .collect();
        let sweeps = description
            .sweeps
            .iter()
            .map(|sweep| {
                let mut read = |planned: &SweepRun| {
                    let state = read_run(folder, &planned.folder, planned.seed, &mut found);
                    SweepCell { planned: planned.clone(), state }
                };
                sweep.runs.iter().map(&mut read).collect()
            })
            .collect();
        let experiment = Self { folder: folder.to_path_buf(), description, cells, sweeps };
        found.extend(experiment.measured_differently());
        if found.is_empty() {
            return Ok(experiment);
        }
        Err(ReportError::Experiment { problems: found })
    }

    /// Where it was read.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it consists of.
    pub fn description(&self) -> &ExperimentDescription {
        &self.description
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
                    self.folder.join(&cell.planned.folder).display(),
                    other.planned.folder,
                    said.join("; ")
                ));
            }
        }
        lines
    }
}

impl Cell {
    /// Its run, finished or not.
    pub fn run(&self) -> Option<&RunRecord> {
        self.state.run()
    }

    /// Its run, if it is done.
    pub fn finished(&self) -> Option<&RunRecord> {
        self.state.finished()
    }
}

impl CellState {
    pub(crate) fn run(&self) -> Option<&RunRecord> {
        match self {
            Self::Missing => None,
            Self::Unfinished(run) | Self::Finished(run) => Some(run),
        }
    }

    pub(crate) fn finished(&self) -> Option<&RunRecord> {
        match self {
            Self::Missing | Self::Unfinished(_) => None,
            Self::Finished(run) => Some(run),
        }
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
