//! `outgrow experiment`: the runs of an experiment, and their report. Here are flags, and what `list`, `--plan` and
//! `--power` print.

use std::{
    num::NonZero,
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::json;

use crate::{
    error::{BadInput, Error, Result},
    experiment::{
        definition::Definition,
        making::Making,
        overview::{Overview, overview, overview_of},
        recipes_folder::run_recipes,
        results::print_power,
        running::{DESCRIPTION, Request, run_definition},
        scale::Scale,
        shard::Shard,
    },
    machine::compute::ComputeFlags,
    model::tokenizer::Tokenizers,
    terminal::{
        figures::{counted, time},
        interrupt::Interrupt,
        output,
    },
};

/// More are a slip of the hand.
const MOST_SEEDS: u64 = 10_000;

/// Flags of `outgrow experiment`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
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
    /// With --plan or `list`: print one JSON value.
    #[arg(long)]
    json: bool,
    /// Make this part of the runs only, of so many: for several machines that share the folder of --out.
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    shard: Shard,
    /// Make runs anew that are there by another recipe or another program; what there is is moved aside.
    #[arg(long)]
    again: bool,
    /// Keep the beginnings that several runs share, in DIR/trunks. Without it they are removed when no run needs them
    /// any more; a run that is added later then trains its beginning anew.
    #[arg(long)]
    keep_trunks: bool,
    /// Run nothing: say how many seeds each claim would need, by the spread of the runs that are there.
    #[arg(long)]
    power: bool,
    #[command(flatten)]
    compute: ComputeFlags,
}

/// Runs the experiment, or lists those that there are.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let interrupt = Interrupt::from_signals()?;
    let is_list = arguments.name == "list";
    if arguments.json && !is_list && !arguments.plan {
        let problem = "--json is of `list` and --plan; a report has its numbers beside it, in report.json";
        return Err(BadInput(problem.to_owned()).into());
    }
    if is_list {
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
        let definition = definition(path, arguments)?;
        if arguments.plan {
            return plan(&definition, arguments, &interrupt);
        }
        let report = of_definition(&definition, arguments, &interrupt)?;
        (definition.name, report)
    };
    if let Some(report) = report {
        output::say!("{name} in {}: {}", time(start.elapsed().as_secs_f64()), report.display());
    }
    Ok(())
}

/// The definition that is named, or in a file of one's own.
fn definition(path: &Path, arguments: &Arguments) -> Result<Definition> {
    let is_file = path.extension().is_some_and(|extension| extension == "toml");
    if is_file { Definition::of_file(path) } else { Definition::named(&arguments.name) }
}

/// What an experiment would take.
fn plan(definition: &Definition, arguments: &Arguments, interrupt: &Interrupt) -> Result<()> {
    let scale = Scale::named(arguments.scale.as_deref().unwrap_or(&definition.scale))?;
    let data = arguments.data.as_deref().map(absolute).transpose()?;
    let seeds = seeds_of(definition, &scale, arguments)?.len() as u64;
    let making = making(Path::new(""), arguments, interrupt);
    let overview = overview_of(definition, &scale, seeds, data.as_deref(), &making)?;
    if arguments.json {
        let mut value = serde_json::to_value(&overview)?;
        value["scale"] = json!(scale.name);
        value["seeds"] = json!(seeds);
        return output::line(serde_json::to_string_pretty(&value)?);
    }
    let Overview { name, runs, sweep_runs, flops, saved, .. } = &overview;
    let (runs, seeds) = (counted(*runs as u64, "run"), counted(seeds, "seed"));
    let sweeps = match sweep_runs {
        0 => String::new(),
        swept => format!(", and {} that choose learning rates", counted(*swept as u64, "run")),
    };
    output::line(format_args!("{name} at {}: {runs} on {seeds}{sweeps}; {flops:.2e} FLOPs", scale.name))?;
    if *saved > 0.0 {
        let saved = 100.0 * saved;
        output::line(format_args!(
            "what several runs begin with is trained once, which saves {saved:.0} % of the FLOPs of all"
        ))?;
    }
    match overview.time() {
        Some(time) => output::line(format_args!("about {time} on this machine")),
        None => output::line("not on this machine"),
    }
}

/// What there is, and what it takes at a scale.
fn list(arguments: &Arguments, interrupt: &Interrupt) -> Result<()> {
    let scale = Scale::named(arguments.scale.as_deref().unwrap_or(Definition::USUAL_SCALE))?;
    let data = arguments.data.as_deref().map(absolute).transpose()?;
    let all = overview(&scale, data.as_deref(), &making(Path::new(""), arguments, interrupt))?;
    if arguments.json {
        let scales: Vec<_> = Scale::all()
            .into_iter()
            .map(|scale| json!({ "name": scale.name, "description": scale.description }))
            .collect();
        let value = json!({ "scale": scale.name, "experiments": all, "scales": scales });
        return output::line(serde_json::to_string_pretty(&value)?);
    }
    output::line(format_args!(
        "{:<13} {:>5} {:>12}  {:<22} compares",
        "experiment", "runs", "FLOPs", "here"
    ))?;
    for overview in all {
        let time = overview.time().unwrap_or_else(|| "not on this machine".to_owned());
        let Overview { name, description, runs, sweep_runs, flops, .. } = overview;
        let runs = runs + sweep_runs;
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
    let definition = definition(path, arguments)?;
    let out = out(arguments, &definition.name);
    if !out.join(DESCRIPTION).is_file() {
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
    let making = making(&out, arguments, interrupt);
    let report = run_recipes(&name, &folder, &seeds(arguments, 1), data.as_deref(), &making)?;
    Ok((name, report))
}

/// An experiment by its definition. Gives its report, unless runs are left to other machines.
fn of_definition(
    definition: &Definition,
    arguments: &Arguments,
    interrupt: &Interrupt,
) -> Result<Option<PathBuf>> {
    let scale = Scale::named(arguments.scale.as_deref().unwrap_or(&definition.scale))?;
    let seeds = seeds_of(definition, &scale, arguments)?;
    let out = out(arguments, &definition.name);
    let request = Request {
        command: command(arguments, &scale, &seeds),
        scale: &scale,
        seeds,
        data: arguments.data.as_deref().map(absolute).transpose()?,
        benchmarks: arguments.eval_data.as_deref().map(absolute).transpose()?,
    };
    run_definition(definition, &request, &making(&out, arguments, interrupt))
}

fn making<'a>(out: &'a Path, arguments: &'a Arguments, interrupt: &'a Interrupt) -> Making<'a> {
    let Arguments { compute, jobs, shard, again, keep_trunks, .. } = arguments;
    Making {
        out,
        compute,
        jobs: *jobs,
        shard: *shard,
        again: *again,
        keep_trunks: *keep_trunks,
        tokenizers: Tokenizers::default(),
        interrupt,
    }
}

fn out(arguments: &Arguments, name: &str) -> PathBuf {
    arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(name))
}

fn seeds(arguments: &Arguments, default: u64) -> Vec<u64> {
    let count = arguments.seeds.unwrap_or(default);
    (0..count).map(|nth| arguments.first_seed.saturating_add(nth)).collect()
}

/// The seeds of a definition: as many as it says, or else its scale, unless others are asked for.
fn seeds_of(definition: &Definition, scale: &Scale, arguments: &Arguments) -> Result<Vec<u64>, BadInput> {
    let count = definition.seeds.unwrap_or(scale.seeds);
    if (1..=MOST_SEEDS).contains(&count) {
        return Ok(seeds(arguments, count));
    }
    Err(BadInput(format!("{}: seeds = {count}: 1 to {MOST_SEEDS} are possible", definition.name)))
}

/// The command that makes it again, with the defaults that may change.
fn command(arguments: &Arguments, scale: &Scale, seeds: &[u64]) -> String {
    let Arguments { name, data, eval_data, first_seed, .. } = arguments;
    let first_seed = if *first_seed == 1 { String::new() } else { format!(" --first-seed {first_seed}") };
    let data = data.as_ref().map_or("", |_| " --data DIR");
    let eval_data = eval_data.as_ref().map_or("", |_| " --eval-data DIR");
    let (scale, seeds) = (&scale.name, seeds.len());
    format!("outgrow experiment {name} --scale {scale} --seeds {seeds}{first_seed}{data}{eval_data}")
}

fn absolute(folder: &Path) -> Result<PathBuf> {
    folder.canonicalize().map_err(|error| BadInput(format!("{}: {error}", folder.display())).into())
}
