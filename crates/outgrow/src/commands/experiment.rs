//! `outgrow experiment`: the runs of an experiment, and their report.

use std::{
    fs,
    num::NonZero,
    path::{Path, PathBuf},
    time::Instant,
};

use outgrow_checkpoint::write_file_atomically;
use outgrow_kernels::DeviceName;
use outgrow_report::{Report, RunRecord};

use crate::{
    error::{BadInput, Error, Result},
    experiment::{
        corpus::prepare_bundled,
        definition::{Data, Definition, PlannedRun},
        processes::{Job, interrupted, run_all},
    },
    machine::compute::{Compute, ComputeFlags},
    run::{resolve::ResolvedRecipe, run_json::is_finished},
    terminal::{figures::time, interrupt::Interrupt, notes, output},
};

/// More are a slip of the hand.
const MOST_SEEDS: u64 = 10_000;

/// Flags of `outgrow experiment`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The experiment, or a folder of recipes, or `list`.
    name: String,
    /// The folder of runs and report; by default `runs/NAME`. The same command again skips what is done.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Token shards in DIR/training and DIR/validation, for experiments that bring no text of their own.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How many seeds, instead of the experiment's; a folder of recipes has one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_SEEDS))]
    seeds: Option<u64>,
    /// The first of these seeds.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "seeds")]
    first_seed: u64,
    /// Runs at a time; by default one for each core of the CPU, and one on a GPU.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    #[command(flatten)]
    compute: ComputeFlags,
}

/// Runs the experiment, or lists those that there are.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.name == "list" {
        for definition in Definition::all() {
            output::line(format_args!("{:<28} {}", definition.name, definition.description))?;
        }
        return Ok(());
    }
    let folder = Path::new(&arguments.name);
    let definition =
        if folder.is_dir() { Definition::of_recipes(folder)? } else { Definition::named(&arguments.name)? };
    let interrupt = Interrupt::from_signals()?;
    let start = Instant::now();
    let out = arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(&definition.name));
    let data = data_folder(&definition, arguments.data.as_deref(), &out)?;
    let seeds: Vec<u64> = match arguments.seeds {
        Some(count) => (0..count).map(|nth| arguments.first_seed.saturating_add(nth)).collect(),
        None => definition.seeds.clone(),
    };
    let runs = definition.runs(&seeds, data.as_deref())?;
    // A recipe that is refused leaves no folders; what is refused does not hang on the seed.
    for run in &runs[..runs.len() / seeds.len()] {
        resolve(run, &out.join(&run.name), &arguments.compute)?;
    }
    let planned = runs.iter().map(|run| {
        // Many runs take a while to plan.
        if interrupt.is_set() { Err(interrupted()) } else { job(run, &out, &arguments.compute) }
    });
    let planned = planned.collect::<Result<Vec<_>>>()?;
    notes::print(planned.iter().find_map(|(_, compute, _)| compute.note()));
    let waiting: Vec<Job> = planned.iter().filter(|(.., done)| !done).map(|(job, ..)| job.clone()).collect();
    let jobs: Vec<Job> = planned.into_iter().map(|(job, ..)| job).collect();
    let at_once = at_once(arguments, waiting.len());
    let done = jobs.len() - waiting.len();
    let skipped = if done > 0 { format!(", {done} of {} done already", jobs.len()) } else { String::new() };
    crate::terminal::output::say!(
        "{}: {} run(s), {at_once} at a time{skipped}",
        definition.name,
        waiting.len()
    );
    run_all(&waiting, at_once, &arguments.compute, &interrupt)?;
    write_report(&jobs, &out)?;
    crate::terminal::output::say!(
        "{} in {}: {}",
        definition.name,
        time(start.elapsed().as_secs_f64()),
        out.join("report.html").display()
    );
    Ok(())
}

/// The shards' folder, absolute, as the recipes lie elsewhere; none where they name their own.
fn data_folder(definition: &Definition, given: Option<&Path>, out: &Path) -> Result<Option<PathBuf>> {
    let folder = match (definition.data, given) {
        (Data::Bundled, None) => {
            let folder = out.join("data");
            prepare_bundled(&folder)?;
            folder
        }
        (_, Some(folder)) => folder.to_owned(),
        (Data::OfRecipes, None) => return Ok(None),
        (Data::Given, None) => {
            let problem = format!(
                "{} brings no text: give --data DIR, with shards made by `outgrow data prepare` in DIR/training and \
                 DIR/validation",
                definition.name
            );
            return Err(BadInput(problem).into());
        }
    };
    let absolute = folder.canonicalize();
    absolute.map(Some).map_err(|error| BadInput(format!("{}: {error}", folder.display())).into())
}

/// What a run's recipe comes to.
fn resolve(run: &PlannedRun, folder: &Path, flags: &ComputeFlags) -> Result<ResolvedRecipe> {
    let compute = flags.resolve(run.recipe.device.as_deref(), run.recipe.dtype).map_err(Error::from);
    let resolved = compute.and_then(|compute| ResolvedRecipe::new(run.recipe.clone(), compute, folder));
    resolved.map_err(|error| error.within(run.name.as_str()))
}

/// Writes a run's recipe and checks it, so that a bad one is found before any run starts. Also says what it is computed
/// in, and whether it is done.
fn job(run: &PlannedRun, out: &Path, flags: &ComputeFlags) -> Result<(Job, Compute, bool)> {
    let folder = out.join(&run.name);
    fs::create_dir_all(&folder).map_err(Error::at(&folder))?;
    let recipe = folder.join("recipe.toml");
    write_file_atomically(&recipe, toml::to_string_pretty(&run.table)?.as_bytes())?;
    let resolved = resolve(run, &folder, flags)?;
    let is_done = is_finished(&folder, &resolved.recipe, resolved.compute)?;
    let job = Job { name: run.name.clone(), recipe, folder, tokens: resolved.schedule.tokens() };
    Ok((job, resolved.compute, is_done))
}

fn at_once(arguments: &Arguments, waiting: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let device = arguments.compute.device.as_deref().and_then(|device| device.parse().ok());
    let on_gpu = device.is_some_and(|device: DeviceName| device != DeviceName::Flex);
    let wanted = arguments.jobs.map_or(if on_gpu { 1 } else { cores }, NonZero::get);
    wanted.min(waiting.max(1))
}

fn write_report(jobs: &[Job], out: &Path) -> Result<()> {
    let runs = jobs.iter().map(|job| RunRecord::read(&job.folder)).collect::<Result<Vec<_>, _>>()?;
    let report = Report::new(&runs)?;
    write_file_atomically(&out.join("report.html"), report.html().as_bytes())?;
    write_file_atomically(
        &out.join("report.json"),
        serde_json::to_string_pretty(&report.to_json())?.as_bytes(),
    )?;
    write_file_atomically(&out.join("loss.svg"), report.loss_chart_svg().as_bytes())?;
    for sentence in report.sentences() {
        output::line(sentence)?;
    }
    Ok(())
}
