//! The list of experiments: what each compares, and what it takes at a scale on this machine. It makes no runs.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Serialize;
use tempfile::TempDir;

use crate::{
    error::{Error, Result},
    experiment::{
        cells::{Cells, PlannedRun, Sources},
        corpus::prepare_little,
        definition::Definition,
        estimate::seconds_of,
        making::Making,
        scale::Scale,
        sweep::RunningSweep,
    },
    terminal::{figures::about_time, output},
};

/// Sequences of a batch.
const MOST_SEQUENCES: usize = 8;

/// What an experiment takes at a scale.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Overview {
    /// Its name.
    pub name: String,
    /// What it compares.
    pub description: String,
    /// Runs that count.
    pub runs: usize,
    /// Those of the sweeps before them.
    pub sweep_runs: usize,
    /// FLOPs of all of them.
    pub flops: f64,
    /// The part of the FLOPs of the runs that count that is saved because beginnings are trained once.
    pub saved: f64,
    /// How long that is here, where it could be measured.
    pub seconds: Option<f64>,
}

impl Overview {
    /// How long it is here, in words.
    pub(crate) fn time(&self) -> Option<String> {
        self.seconds.map(about_time)
    }
}

/// All experiments at a scale, with the seeds that they have there.
///
/// # Errors
/// When `data` can't be read or, without it, the corpus that comes with the program can't be written to a temporary
/// folder.
pub(crate) fn overview(scale: &Scale, data: Option<&Path>, making: &Making<'_>) -> Result<Vec<Overview>> {
    let data = Data::new(data)?;
    let mut speed = None;
    let seeds = |definition: &Definition| definition.seeds.unwrap_or(scale.seeds);
    let all = Definition::all();
    all.iter().map(|one| of_definition(one, scale, seeds(one), data.path(), making, &mut speed)).collect()
}

/// One of them, with so many seeds.
///
/// # Errors
/// Likewise.
pub(crate) fn overview_of(
    definition: &Definition,
    scale: &Scale,
    seeds: u64,
    data: Option<&Path>,
    making: &Making<'_>,
) -> Result<Overview> {
    of_definition(definition, scale, seeds, Data::new(data)?.path(), making, &mut None)
}

/// What recipes are resolved on.
enum Data {
    Given(PathBuf),
    /// The corpus that comes with the program, for as long as this lives.
    Bundled(TempDir),
}

impl Data {
    fn new(given: Option<&Path>) -> Result<Self> {
        if let Some(folder) = given {
            return Ok(Self::Given(folder.to_owned()));
        }
        let folder = tempfile::tempdir().map_err(Error::at("the folder of temporary files"))?;
        prepare_little(folder.path())?;
        Ok(Self::Bundled(folder))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Given(folder) => folder,
            Self::Bundled(folder) => folder.path(),
        }
    }
}

/// `flops_per_second` is measured once.
fn of_definition(
    definition: &Definition,
    scale: &Scale,
    seeds: u64,
    data: &Path,
    making: &Making<'_>,
    flops_per_second: &mut Option<f64>,
) -> Result<Overview> {
    let cells = Cells::new(definition, scale)?;
    let (mut runs, swept) = runs_of(definition, &cells, data)?;
    // Nobody lists experiments to learn that a device isn't compiled in; FLOPs don't hang on it.
    let can_run = making.can_run(&runs[0]);
    for run in &mut runs {
        shrink_batches(run)?;
        if !can_run {
            (run.recipe.device, run.recipe.dtype) = (None, None);
        }
    }
    let facts = making.matrix(&runs[..cells.kinds.len()])?;
    let of_sweeps = making.matrix(&runs[cells.kinds.len()..])?;
    let flops = seeds as f64 * facts.flops() + of_sweeps.flops();
    if can_run && flops_per_second.is_none() {
        output::say!("measuring how fast this machine trains …");
        let at_once = making.at_once(&facts);
        let seconds = seconds_of(&runs[0].table, at_once, making.compute)?;
        *flops_per_second = seconds.map(|seconds| facts.cells[0].facts.flops / seconds * at_once as f64);
    }
    Ok(Overview {
        name: definition.name.clone(),
        description: definition.description.clone(),
        runs: cells.kinds.len() * seeds as usize,
        sweep_runs: swept,
        flops,
        saved: facts.saved(),
        seconds: flops_per_second.map(|speed| flops / speed),
    })
}

/// The runs of one seed and those of the sweeps, with how many the latter are.
fn runs_of(definition: &Definition, cells: &Cells<'_>, data: &Path) -> Result<(Vec<PlannedRun>, usize)> {
    let sources = Sources { data: Some(data), benchmarks: None };
    let mut runs = cells.runs(&[1], &BTreeMap::new(), sources)?;
    let kinds = runs.len();
    for sweep in RunningSweep::all(definition, &cells.swept, |kind| cells.rate(kind)) {
        for (factor, seed, folder) in sweep.runs() {
            runs.push(cells.run_named(&sweep.kind, seed, &sweep.rate_factors(factor), sources, folder)?);
        }
    }
    let swept = runs.len() - kinds;
    Ok((runs, swept))
}

/// The corpus that comes with the program holds no large batch, and FLOPs hardly hang on it.
fn shrink_batches(run: &mut PlannedRun) -> Result<()> {
    let training = &mut run.recipe.training;
    training.batch_sequences = training.batch_sequences.min(MOST_SEQUENCES);
    training.validation_sequences = training.validation_sequences.min(MOST_SEQUENCES);
    training.micro_batch_sequences = None;
    run.table = toml::Table::try_from(&run.recipe)?;
    Ok(())
}
