//! How long an experiment takes here: its FLOPs, by the speed of models of its widths. The speed is measured by a
//! process like those that will train, with as many threads.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    error::{Error, Result},
    experiment::{
        matrix::RunFacts,
        queue::{Job, makespan},
    },
    machine::compute::ComputeFlags,
};

/// So few aren't worth a measurement: half a minute or less on any machine.
const FEW_FLOPS: f64 = 3e11;
/// Kinds of models that are measured; others are taken to be as fast as these.
const MOST_MEASURED: usize = 5;

/// What a run is measured by.
pub(crate) struct Measured<'a> {
    /// What it comes to.
    pub facts: &'a RunFacts,
    /// Its recipe.
    pub table: &'a toml::Table,
}

/// Seconds that jobs take, so many at a time; `None` where they are few. Each job's cost becomes its seconds.
///
/// # Errors
/// When no process can be started. One that fails measures nothing.
pub(crate) fn seconds(
    jobs: &mut [Job],
    measured: &[Measured<'_>],
    at_once: usize,
    compute: &ComputeFlags,
) -> Result<Option<f64>> {
    if jobs.iter().map(|job| job.cost).sum::<f64>() < FEW_FLOPS {
        return Ok(None);
    }
    let mut speeds: BTreeMap<&BTreeSet<usize>, f64> = BTreeMap::new();
    for Measured { facts, table } in measured {
        if speeds.len() == MOST_MEASURED || speeds.contains_key(&facts.widths) {
            continue;
        }
        if let Some(seconds) = seconds_of(table, at_once, compute)? {
            speeds.insert(&facts.widths, facts.flops / seconds);
        }
    }
    let (count, sum) = (speeds.len() as f64, speeds.values().sum::<f64>());
    if count == 0.0 {
        return Ok(None);
    }
    for (job, Measured { facts, .. }) in jobs.iter_mut().zip(measured) {
        job.cost /= speeds.get(&facts.widths).copied().unwrap_or(sum / count);
    }
    Ok(Some(makespan(jobs, at_once)))
}

/// What the plan of a run says, measured by itself.
pub(crate) fn seconds_of(table: &toml::Table, at_once: usize, compute: &ComputeFlags) -> Result<Option<f64>> {
    let folder = tempfile::tempdir().map_err(Error::at("the folder of temporary files"))?;
    let recipe = &folder.path().join("recipe.toml");
    fs::write(recipe, toml::to_string_pretty(table)?).map_err(Error::at(recipe))?;
    let program = std::env::current_exe().map_err(Error::at("can't find this program's own file"))?;
    let mut command = Command::new(program);
    command.arg("train").arg(recipe).args(["--plan", "--json"]).args(compute.arguments());
    command.env("RAYON_NUM_THREADS", threads(at_once).to_string());
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = output.map_err(Error::at(recipe))?;
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    Ok(plan["seconds"].as_f64().filter(|seconds| *seconds > 0.0))
}

/// Threads of each of several processes.
pub(crate) fn threads(at_once: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / at_once).max(1)
}
