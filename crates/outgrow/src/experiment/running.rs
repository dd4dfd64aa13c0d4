//! A definition run: what is refused is refused before anything is written; then the sweeps that choose learning rates,
//! then the runs that count, then the report. How runs are made isn't decided here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::write_file_atomically;
use outgrow_report::{ExperimentDescription, Program, RunRecord};

use crate::{
    error::{BadInput, Error, Result},
    experiment::{
        cells::{Cells, PlannedRun, Sources},
        corpus::prepare_bundled,
        definition::Definition,
        describe::{Asked, describe},
        lock::FolderLock,
        making::{Making, is_whole},
        results::{REPORT, report_experiment},
        scale::Scale,
        sweep::RunningSweep,
    },
    terminal::notes,
};

/// What the runs are called by which learning rates are chosen.
const SWEEPS: &str = "sweeps of learning rates";
/// What an experiment consists of.
pub(crate) const DESCRIPTION: &str = "experiment.json";
/// The corpus that comes with the program, in an experiment's folder.
const DATA: &str = "data";

/// What is asked for beside the definition.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The scale.
    pub scale: &'a Scale,
    /// The seeds that count.
    pub seeds: Vec<u64>,
    /// The folder of token shards, if one is given.
    pub data: Option<PathBuf>,
    /// The folder of benchmarks' documents, likewise.
    pub benchmarks: Option<PathBuf>,
    /// The command that makes it again.
    pub command: String,
}

/// Makes an experiment by its definition. Gives its report, unless runs are left to other machines.
///
/// # Errors
/// What is wrong with the definition, or with what is in the folder already, before anything is written; then what
/// making runs fails with.
pub(crate) fn run_definition(
    definition: &Definition,
    request: &Request<'_>,
    making: &Making<'_>,
) -> Result<Option<PathBuf>> {
    let Request { scale, seeds, .. } = request;
    let cells = Cells::new(definition, scale)?;
    if definition.needs_benchmarks && request.benchmarks.is_none() {
        let problem =
            format!("{} scores benchmarks: give --eval-data DIR with their documents", definition.name);
        return Err(BadInput(problem).into());
    }
    let data = data_folder(request, making.out)?;
    let sources = Sources { data: Some(&data), benchmarks: request.benchmarks.as_deref() };
    let plan = |factors: &BTreeMap<String, f64>| cells.runs(seeds, factors, sources);
    let asked = Asked { scale, command: request.command.clone(), program: program() };
    let described = |sweeps: &[RunningSweep], runs: &[PlannedRun]| {
        describe(definition, &cells, &asked, sweeps, runs, |run| making.was_alone(run))
    };

    // What is refused doesn't hang on the seed, nor on rates: it is refused before anything runs.
    let first = plan(&BTreeMap::new())?;
    let mut sweeps = RunningSweep::all(definition, &cells.swept, |kind| cells.rate(kind));
    let now = described(&sweeps, &first)?;
    let _lock = begin(making, request, &now, &first[..first.len() / seeds.len()])?;

    // Rates are chosen by the loss alone.
    if !choose_rates(&mut sweeps, &cells, making, Sources { benchmarks: None, ..sources })? {
        return Ok(None);
    }
    let factors = sweeps.iter().filter_map(|sweep| Some((sweep.name.clone(), sweep.best()?))).collect();
    let runs = plan(&factors)?;
    let write = || write_description(described(&sweeps, &runs)?, making.out);
    let missing = making.make(&definition.name, &runs, write)?;
    // Which runs had the machine for themselves is known only now.
    write()?;
    if !is_whole(&definition.name, missing) {
        return Ok(None);
    }
    let report = making.out.join(REPORT);
    report_experiment(&[making.out], &report)?;
    Ok(Some(report))
}

/// Takes the folder, makes the corpus and checks that each kind of run could be made. Where it couldn't, nothing is
/// left of what was made here.
fn begin(
    making: &Making<'_>,
    request: &Request<'_>,
    now: &ExperimentDescription,
    of_one_seed: &[PlannedRun],
) -> Result<Option<FolderLock>> {
    let out = making.out;
    refuse_another(now, out)?;
    let (had_folder, had_data) = (out.exists(), out.join(DATA).exists());
    let lock = FolderLock::take(out, making.shard)?;
    let check = || {
        if request.data.is_none() {
            prepare_bundled(&out.join(DATA))?;
        }
        of_one_seed.iter().try_for_each(|run| making.check(run))
    };
    let checked = check();
    if checked.is_err() {
        if request.data.is_none() && !had_data {
            // What can't be removed is no reason to say anything but what is refused.
            let _ = fs::remove_dir_all(out.join(DATA));
        }
        if !had_folder {
            if let Some(lock) = lock {
                lock.remove(out);
            }
            let _ = fs::remove_dir(out);
        }
        return checked.map(|()| None);
    }
    notes::print(other_seeds(now, out));
    Ok(lock)
}

/// Runs all sweeps to their end. Gives whether they have come to it: other machines may have runs to make first.
fn choose_rates(
    sweeps: &mut [RunningSweep],
    cells: &Cells<'_>,
    making: &Making<'_>,
    sources: Sources<'_>,
) -> Result<bool> {
    loop {
        let mut planned = Vec::new();
        for (index, sweep) in sweeps.iter().enumerate() {
            for (factor, seed, folder) in sweep.runs() {
                let factors = sweep.rate_factors(factor);
                let run = cells.run_named(&sweep.kind, seed, &factors, sources, folder)?;
                planned.push((index, factor, seed, run));
            }
        }
        if planned.is_empty() {
            return Ok(true);
        }
        let runs: Vec<PlannedRun> = planned.iter().map(|(.., run)| run.clone()).collect();
        if !is_whole(SWEEPS, making.make(SWEEPS, &runs, || Ok(()))?) {
            return Ok(false);
        }
        for (index, factor, seed, run) in planned {
            let record = RunRecord::read(&making.out.join(&run.folder))?;
            let loss = record.final_point().map(|point| point.loss).filter(|_| !making.has_diverged(&run));
            sweeps[index].add(factor, seed, loss);
        }
        // All of them, and not only the first that has more to run.
        let extended = sweeps.iter_mut().filter_map(|sweep| sweep.extend().then_some(())).count();
        if extended == 0 {
            return Ok(true);
        }
    }
}

fn program() -> Program {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Program { version, training_code: env!("OUTGROW_TRAINING_CODE").to_owned() }
}

/// The shards' folder, absolute, as the recipes lie elsewhere. That of the corpus that comes with the program may not
/// be there yet.
fn data_folder(request: &Request<'_>, out: &Path) -> Result<PathBuf> {
    match &request.data {
        Some(folder) => Ok(folder.clone()),
        None if request.scale.bundled => Ok(std::path::absolute(out).map_err(Error::at(out))?.join(DATA)),
        None => {
            let problem = format!(
                "scale {} needs more text than comes with the program: give --data DIR, with shards made by `outgrow \
                 data prepare` in DIR/training and DIR/validation",
                request.scale.name
            );
            Err(BadInput(problem).into())
        }
    }
}

/// The experiment whose runs are in a folder, where it can be read.
fn description_in(out: &Path) -> Option<ExperimentDescription> {
    serde_json::from_slice(&fs::read(out.join(DESCRIPTION)).ok()?).ok()
}

/// Refuses a folder that has the runs of another experiment.
fn refuse_another(now: &ExperimentDescription, out: &Path) -> Result<(), BadInput> {
    match description_in(out).filter(|before| before.name != now.name) {
        None => Ok(()),
        Some(before) => Err(BadInput(format!(
            "{}: holds the experiment `{}`; give `{}` an --out of its own",
            out.display(),
            before.name,
            now.name
        ))),
    }
}

/// Says which seeds that are in the folder are left out this time.
fn other_seeds(now: &ExperimentDescription, out: &Path) -> Option<String> {
    let seeds = |of: &ExperimentDescription| of.runs.iter().map(|run| run.seed).collect::<BTreeSet<u64>>();
    let there = seeds(&description_in(out)?);
    let asked = seeds(now);
    let left_out: Vec<u64> = there.difference(&asked).copied().collect();
    if left_out.is_empty() {
        return None;
    }
    let [left_out, asked] = [left_out, asked.into_iter().collect()].map(|seeds| in_words(&seeds));
    Some(format!(
        "{}: the runs of {left_out} stay, and the report is of {asked} alone: --seeds and --first-seed choose them",
        out.display()
    ))
}

/// `seed 3`, `seeds 1 to 5` or `seeds 1, 3, 4`; they rise.
fn in_words(seeds: &[u64]) -> String {
    match seeds {
        [seed] => format!("seed {seed}"),
        [first, .., last] if last - first + 1 == seeds.len() as u64 => format!("seeds {first} to {last}"),
        several => {
            let several: Vec<String> = several.iter().map(ToString::to_string).collect();
            format!("seeds {}", several.join(", "))
        }
    }
}

/// What is claimed has to stand before there are results: where it was changed later, the report says so for good.
fn write_description(mut description: ExperimentDescription, out: &Path) -> Result<()> {
    const CHANGED: &str = "The claims, or their rules, were changed after the first runs.";
    fs::create_dir_all(out).map_err(Error::at(out))?;
    if description_in(out).is_some_and(|before| {
        before.claims != description.claims || before.notes.iter().any(|note| note == CHANGED)
    }) {
        description.notes.push(CHANGED.to_owned());
    }
    let mut text = serde_json::to_string_pretty(&description)?;
    text.push('\n');
    write_file_atomically(&out.join(DESCRIPTION), text.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_said_as_a_range_where_they_are_one() {
        assert_eq!([&[4][..], &[1, 2, 3], &[1, 3]].map(in_words), ["seed 4", "seeds 1 to 3", "seeds 1, 3"]);
    }
}
