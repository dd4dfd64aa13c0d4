//! `outgrow experiment`: the runs of an experiment, and their report.

use std::{
    collections::BTreeMap,
    fs,
    num::NonZero,
    path::{Path, PathBuf},
    time::Instant,
};

use outgrow_checkpoint::write_file_atomically;
use outgrow_report::{ExperimentDescription, Program, Report, RunRecord};

use crate::{
    error::{BadInput, Error, Result},
    experiment::{
        cells::{Cells, PlannedRun, Sources},
        corpus::prepare_bundled,
        definition::Definition,
        describe::{Asked, describe},
        making::Making,
        overview::{Overview, overview, overview_of},
        recipes_folder::runs_of_recipes,
        results::{print_power, report_experiment},
        scale::Scale,
        shard::Shard,
        sweep::RunningSweep,
    },
    machine::compute::ComputeFlags,
    terminal::{
        figures::{counted, time},
        interrupt::Interrupt,
        output,
    },
};

/// What the runs are called by which learning rates are chosen.
const SWEEPS: &str = "sweeps of learning rates";
/// The report's page.
const REPORT: &str = "report.html";
/// More are a slip of the hand.
const MOST_SEEDS: u64 = 10_000;

/// Flags of `outgrow experiment`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The experiment, or a file of one's own (docs/EXPERIMENT_FILES.md), or a folder of recipes, or `list`.
    name: String,
    /// The folder of runs and report; by default `runs/NAME`. The same command again skips what is done.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How large the models are and how long they train; `list` has all scales.
    #[arg(long, value_name = "NAME")]
    scale: Option<String>,
    /// Token shards in DIR/training and DIR/validation, made by `outgrow data prepare`; small scales have a corpus that
    /// comes with the program.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Documents of the paper's eight benchmarks, as `outgrow eval --list` names them: every run is scored at its end.
    #[arg(long, value_name = "DIR")]
    eval_data: Option<PathBuf>,
    /// How many seeds, instead of the scale's; a folder of recipes has one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_SEEDS))]
    seeds: Option<u64>,
    /// The first of these seeds.
    #[arg(long, value_name = "N", default_value_t = 1)]
    first_seed: u64,
    /// Runs at a time; by default one for each core of the CPU, and one on a GPU.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    /// Print how many runs the experiment has, and about how long they take here; make nothing.
    #[arg(long)]
    plan: bool,
    /// Make this part of the runs only, of so many: for several machines that share the folder of --out.
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    shard: Shard,
    /// Make runs anew that are there by another recipe or another program; what there is is moved aside.
    #[arg(long)]
    again: bool,
    /// Run nothing: say how many seeds each claim would need, by the spread of the runs that are there.
    #[arg(long)]
    power: bool,
    #[command(flatten)]
    compute: ComputeFlags,
}

/// Runs the experiment, or lists those that there are.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let interrupt = Interrupt::from_signals()?;
    if arguments.name == "list" {
        return list(arguments, &interrupt);
    }
    let path = Path::new(&arguments.name);
    if arguments.power {
        return power(path, arguments);
    }
    let start = Instant::now();
    // In a folder of results an experiment's name is a folder's, too.
    let is_known = Definition::all().iter().any(|definition| definition.name == arguments.name);
    let is_recipes = path.is_dir() && !is_known;
    if is_recipes && arguments.plan {
        let folder = path.display();
        let problem = format!(
            "{folder}: --plan is of experiments; `outgrow train {folder}/RECIPE --plan` is of one recipe"
        );
        return Err(BadInput(problem).into());
    }
    let (name, report) = if is_recipes {
        of_recipes(path, arguments, &interrupt)?
    } else {
        let is_file = path.extension().is_some_and(|extension| extension == "toml");
        let definition =
            if is_file { Definition::of_file(path)? } else { Definition::named(&arguments.name)? };
        if arguments.plan {
            return plan(&definition, arguments, &interrupt);
        }
        let report = of_definition(&definition, arguments, &interrupt)?;
        (definition.name, report)
    };
    if let Some(report) = report {
        crate::terminal::output::say!(
            "{name} in {}: {}",
            time(start.elapsed().as_secs_f64()),
            report.display()
        );
    }
    Ok(())
}

/// What an experiment would take.
fn plan(definition: &Definition, arguments: &Arguments, interrupt: &Interrupt) -> Result<()> {
    let scale = Scale::named(arguments.scale.as_deref().unwrap_or(&definition.scale))?;
    let data = arguments.data.as_deref().map(absolute).transpose()?;
    let seeds = seeds(arguments, definition.seeds.unwrap_or(scale.seeds)).len() as u64;
    let making = making(Path::new(""), arguments, interrupt);
    let Overview { name, runs: [counting, swept], flops, saved, time, .. } =
        overview_of(definition, &scale, seeds, data.as_deref(), &making)?;
    let (runs, seeds) = (counted(counting as u64, "run"), counted(seeds, "seed"));
    let sweeps = match swept {
        0 => String::new(),
        swept => format!(", and {} that choose learning rates", counted(swept as u64, "run")),
    };
    output::line(format_args!("{name} at {}: {runs} on {seeds}{sweeps}; {flops:.2e} FLOPs", scale.name))?;
    if saved > 0.0 {
        let saved = 100.0 * saved;
        output::line(format_args!(
            "what several runs begin with is trained once, which saves {saved:.0} % of the FLOPs of all"
        ))?;
    }
    match time {
        Some(time) => output::line(format_args!("about {time} on this machine")),
        None => output::line("not on this machine"),
    }
}

/// What there is, and what it takes at a scale.
fn list(arguments: &Arguments, interrupt: &Interrupt) -> Result<()> {
    let scale = Scale::named(arguments.scale.as_deref().unwrap_or(Definition::USUAL_SCALE))?;
    let data = arguments.data.as_deref().map(absolute).transpose()?;
    let all = overview(&scale, data.as_deref(), &making(Path::new(""), arguments, interrupt))?;
    output::line(format_args!(
        "{:<13} {:>5} {:>12}  {:<22} compares",
        "experiment", "runs", "FLOPs", "here"
    ))?;
    for Overview { name, description, runs: [counting, swept], flops, time, .. } in all {
        let time = time.unwrap_or_else(|| "not on this machine".to_owned());
        let runs = counting + swept;
        output::line(format_args!("{name:<13} {runs:>5} {flops:>12.2e}  {time:<22} {description}"))?;
    }
    let (name, seeds) = (&scale.name, scale.seeds);
    output::line(format_args!(
        "\nat scale {name} with its {} ({}), sweeps of learning rates included. The scales:",
        counted(seeds, "seed"),
        scale.description
    ))?;
    for scale in Scale::all() {
        output::line(format_args!("{:<13} {}", scale.name, scale.description))?;
    }
    Ok(())
}

/// How many seeds the claims of an experiment would need.
fn power(path: &Path, arguments: &Arguments) -> Result<()> {
    let is_file = path.extension().is_some_and(|extension| extension == "toml");
    let definition = if is_file { Definition::of_file(path)? } else { Definition::named(&arguments.name)? };
    let out = out(arguments, &definition.name);
    if !out.join("experiment.json").is_file() {
        let problem = format!(
            "{}: no runs of {} are there, whose spread would say it: run it with two seeds or three first",
            out.display(),
            definition.name
        );
        return Err(BadInput(problem).into());
    }
    print_power(&out)
}

/// The recipes of a folder, each with its own data unless other is given.
fn of_recipes(
    folder: &Path,
    arguments: &Arguments,
    interrupt: &Interrupt,
) -> Result<(String, Option<PathBuf>)> {
    let folder = folder.canonicalize().map_err(Error::at(folder))?;
    let name =
        folder.file_name().map_or_else(|| "recipes".into(), |name| name.to_string_lossy().into_owned());
    let out = out(arguments, &name);
    let data = arguments.data.as_deref().map(absolute).transpose()?;
    let runs = runs_of_recipes(&folder, &seeds(arguments, 1), data.as_deref())?;
    let making = making(&out, arguments, interrupt);
    if !is_whole(&name, making.make(&name, &runs)?) {
        return Ok((name, None));
    }
    for sentence in write_report(&runs, &out)?.sentences() {
        output::line(sentence)?;
    }
    Ok((name, Some(out.join(REPORT))))
}

/// An experiment by its definition: sweeps, then the runs that count. Gives its report, unless runs are left to other
/// machines.
fn of_definition(
    definition: &Definition,
    arguments: &Arguments,
    interrupt: &Interrupt,
) -> Result<Option<PathBuf>> {
    let scale = Scale::named(arguments.scale.as_deref().unwrap_or(&definition.scale))?;
    let cells = Cells::new(definition, &scale)?;
    let out = out(arguments, &definition.name);
    let count = definition.seeds.unwrap_or(scale.seeds);
    if !(1..=MOST_SEEDS).contains(&count) {
        let problem = format!("{}: seeds = {count}: 1 to {MOST_SEEDS} are possible", definition.name);
        return Err(BadInput(problem).into());
    }
    let seeds = seeds(arguments, count);
    let asked = Asked { scale: &scale, command: command(arguments, &scale, &seeds), program: program() };
    let benchmarks = arguments.eval_data.as_deref().map(absolute).transpose()?;
    if definition.needs_benchmarks && benchmarks.is_none() {
        let problem =
            format!("{} scores benchmarks: give --eval-data DIR with their documents", definition.name);
        return Err(BadInput(problem).into());
    }
    let data = data_folder(&scale, arguments.data.as_deref(), &out)?;
    let making = making(&out, arguments, interrupt);
    let sources = Sources { data: Some(&data), benchmarks: benchmarks.as_deref() };
    let plan = |factors: &BTreeMap<String, f64>| cells.runs(&seeds, factors, sources);

    // What is refused doesn't hang on the seed, nor on rates: it is refused before anything runs.
    let first = plan(&BTreeMap::new())?;
    let mut sweeps = RunningSweep::all(definition, &cells.swept, |kind| cells.rate(kind));
    let described = |sweeps: &[RunningSweep], runs: &[PlannedRun]| {
        describe(definition, &cells, &asked, sweeps, runs, |run| making.was_alone(run))
    };
    described(&sweeps, &first)?;
    first[..first.len() / seeds.len()].iter().try_for_each(|run| making.check(run))?;

    // Rates are chosen by the loss alone.
    if !choose_rates(&mut sweeps, &cells, &making, Sources { benchmarks: None, ..sources })? {
        return Ok(None);
    }
    let factors = sweeps.iter().filter_map(|sweep| Some((sweep.name.clone(), sweep.best()?))).collect();
    let runs = plan(&factors)?;
    write_description(described(&sweeps, &runs)?, &out)?;
    let missing = making.make(&definition.name, &runs)?;
    // Which runs had the machine for themselves is known only now.
    write_description(described(&sweeps, &runs)?, &out)?;
    if !is_whole(&definition.name, missing) {
        return Ok(None);
    }
    let report = out.join(REPORT);
    report_experiment(&out, &report)?;
    Ok(Some(report))
}

fn making<'a>(out: &'a Path, arguments: &'a Arguments, interrupt: &'a Interrupt) -> Making<'a> {
    let Arguments { compute, jobs, shard, again, .. } = arguments;
    Making { out, compute, jobs: *jobs, shard: *shard, again: *again, interrupt }
}

/// Whether nothing is left to other machines; else it is said.
fn is_whole(what: &str, missing: usize) -> bool {
    if missing > 0 {
        let missing = counted(missing as u64, "run");
        crate::terminal::output::say!(
            "{what}: {missing} of other machines aren't done; when they are, the same command makes the report"
        );
    }
    missing == 0
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
        if !is_whole(SWEEPS, making.make(SWEEPS, &runs)?) {
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

fn out(arguments: &Arguments, name: &str) -> PathBuf {
    arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(name))
}

fn seeds(arguments: &Arguments, default: u64) -> Vec<u64> {
    let count = arguments.seeds.unwrap_or(default);
    (0..count).map(|nth| arguments.first_seed.saturating_add(nth)).collect()
}

/// The command that makes it again, with the defaults that may change.
fn command(arguments: &Arguments, scale: &Scale, seeds: &[u64]) -> String {
    let Arguments { name, data, eval_data, first_seed, .. } = arguments;
    let first_seed = if *first_seed == 1 { String::new() } else { format!(" --first-seed {first_seed}") };
    let data = data.as_ref().map_or("", |_| " --data DIR");
    let eval_data = eval_data.as_ref().map_or("", |_| " --eval-data DIR");
    let (scale, seeds) = (&scale.name, seeds.len());
    format!("cargo xtask experiment {name} --scale {scale} --seeds {seeds}{first_seed}{data}{eval_data}")
}

fn program() -> Program {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Program { version, training_code: env!("OUTGROW_TRAINING_CODE").to_owned() }
}

/// The shards' folder, absolute, as the recipes lie elsewhere.
fn data_folder(scale: &Scale, given: Option<&Path>, out: &Path) -> Result<PathBuf> {
    match given {
        Some(folder) => absolute(folder),
        None if scale.bundled => {
            let folder = out.join("data");
            prepare_bundled(&folder)?;
            absolute(&folder)
        }
        None => {
            let problem = format!(
                "scale {} needs more text than comes with the program: give --data DIR, with shards made by `outgrow \
                 data prepare` in DIR/training and DIR/validation",
                scale.name
            );
            Err(BadInput(problem).into())
        }
    }
}

fn absolute(folder: &Path) -> Result<PathBuf> {
    folder.canonicalize().map_err(|error| BadInput(format!("{}: {error}", folder.display())).into())
}

/// What is claimed has to stand before there are results: where it was changed later, the report says so for good.
fn write_description(mut description: ExperimentDescription, out: &Path) -> Result<()> {
    const CHANGED: &str = "The claims, or their rules, were changed after the first runs.";
    fs::create_dir_all(out).map_err(Error::at(out))?;
    let before = fs::read(out.join("experiment.json")).ok();
    let before = before.and_then(|bytes| serde_json::from_slice::<ExperimentDescription>(&bytes).ok());
    if before.is_some_and(|before| {
        before.claims != description.claims || before.notes.iter().any(|note| note == CHANGED)
    }) {
        description.notes.push(CHANGED.to_owned());
    }
    let mut text = serde_json::to_string_pretty(&description)?;
    text.push('\n');
    write_file_atomically(&out.join("experiment.json"), text.as_bytes())?;
    Ok(())
}

fn write_report(runs: &[PlannedRun], out: &Path) -> Result<Report> {
    let runs = runs.iter().map(|run| RunRecord::read(&out.join(&run.folder)));
    let runs = runs.collect::<Result<Vec<_>, _>>()?;
    let report = Report::new(&runs)?;
    write_file_atomically(&out.join(REPORT), report.html().as_bytes())?;
    write_file_atomically(
        &out.join("report.json"),
        serde_json::to_string_pretty(&report.to_json())?.as_bytes(),
    )?;
    write_file_atomically(&out.join("loss.svg"), report.loss_chart_svg().as_bytes())?;
    Ok(report)
}
