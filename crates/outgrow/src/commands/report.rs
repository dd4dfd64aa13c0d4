//! `outgrow report`: one page about runs, or about an experiment.

mod live;

use std::{
    fs,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{folder::CONFIG_FILE, write_file_atomically};
use outgrow_report::{Experiment, Report, RunRecord};

use crate::{
    error::{BadInput, Result},
    experiment::results::report_experiment,
    terminal::{next::quoted, notes, output},
};

/// By this file an experiment is known.
const EXPERIMENT_FILE: &str = "experiment.json";
/// By this file a run is known.
const RUN_FILE: &str = "run.json";

/// Flags of `outgrow report`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run folders, as `outgrow train` made them; or the folder of one experiment; or several, in which machines
    /// without a shared disk made parts of one experiment. Runs are told apart by method, name and seed: no two may
    /// have all three alike, and only runs of one seed are compared with each other. Experiments among runs are passed
    /// over.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The page to write; its numbers go beside it as .json.
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
    /// Serve the page at 127.0.0.1 while the runs go on, and follow them; nothing is written. Ctrl-C ends it.
    #[arg(long, conflicts_with = "out")]
    live: bool,
    /// The port of --live; 0 is any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 0, requires = "live")]
    port: u16,
}

/// Reads the runs, writes the page and prints a sentence for each comparison.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let runs = without_experiments(&arguments.runs);
    let is_experiment = is_experiment(&runs)?;
    if arguments.live {
        return live::serve(arguments.port, || {
            if is_experiment {
                return Ok(Experiment::read_parts(&runs)?.outcome().html());
            }
            Ok(report(&runs)?.html())
        });
    }
    if is_experiment {
        return report_experiment(&runs, &arguments.out);
    }
    let report = report(&runs)?;
    write_file_atomically(&arguments.out, report.html().as_bytes())?;
    let json = serde_json::to_string_pretty(&report.to_json())?;
    write_file_atomically(&arguments.out.with_extension("json"), json.as_bytes())?;
    for sentence in report.sentences() {
        output::line(sentence)?;
    }
    Ok(())
}

/// Experiments lie beside runs, and `runs/*` names both: where there is a run, they are passed over, with a note.
fn without_experiments(folders: &[PathBuf]) -> Vec<PathBuf> {
    if !folders.iter().any(|folder| folder.join(RUN_FILE).is_file()) {
        return folders.to_vec();
    }
    let is_experiment = |folder: &&PathBuf| folder.join(EXPERIMENT_FILE).is_file();
    let (experiments, others): (Vec<_>, Vec<_>) = folders.iter().partition(is_experiment);
    notes::print(experiments.into_iter().map(|experiment| {
        format!(
            "{0}: is an experiment and passed over; `outgrow report {0}` makes its page",
            experiment.display()
        )
    }));
    others.into_iter().cloned().collect()
}

/// Whether the folders are of an experiment.
///
/// # Errors
/// An experiment among folders of runs.
fn is_experiment(folders: &[PathBuf]) -> Result<bool> {
    let is_experiment = |folder: &&PathBuf| folder.join(EXPERIMENT_FILE).is_file();
    match (folders.iter().find(is_experiment), folders.iter().find(|folder| !is_experiment(folder))) {
        (None, _) => Ok(false),
        (Some(_), None) => Ok(true),
        (Some(experiment), Some(other)) => {
            let problem = format!(
                "{}: is an experiment, and {} isn't (no {EXPERIMENT_FILE}): a report takes runs, or the folders of one \
                 experiment",
                experiment.display(),
                other.display()
            );
            Err(BadInput(problem).into())
        }
    }
}

/// What runs say together.
fn report(folders: &[PathBuf]) -> Result<Report> {
    let runs = folders.iter().map(|folder| read(folder)).collect::<Result<Vec<_>>>()?;
    Ok(Report::new(&runs)?)
}

/// The folders of a kind that lie in a folder, as one would type them.
fn within(folder: &Path, is_of_the_kind: impl Fn(&Path) -> bool) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| is_of_the_kind(path)).collect();
    found.sort();
    found.iter().map(|path| quoted(path)).collect()
}

/// Reads a run.
///
/// # Errors
/// As [`RunRecord::read`]; of a model's folder also whose it is.
fn read(folder: &Path) -> Result<RunRecord> {
    let is_run = |folder: &Path| folder.join(RUN_FILE).is_file();
    if is_run(folder) {
        return Ok(RunRecord::read(folder)?);
    }
    if !folder.join(CONFIG_FILE).is_file() {
        let experiments = || within(folder, |folder| folder.join(EXPERIMENT_FILE).is_file());
        let holds = match within(folder, is_run) {
            runs if !runs.is_empty() => format!("is no run, but holds some; give these: {}", runs.join(" ")),
            _ => match experiments() {
                experiments if experiments.is_empty() => return Ok(RunRecord::read(folder)?),
                experiments => {
                    format!("is no run, but holds experiments; give one: {}", experiments.join(" "))
                }
            },
        };
        return Err(BadInput(format!("{}: {holds}", folder.display())).into());
    }
    let parent =
        folder.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    let what = match parent.filter(|parent| is_run(parent)) {
        Some(run) => format!("is a checkpoint; give its run, {}", run.display()),
        None => format!("is a model's folder, not a run; a run holds {RUN_FILE} and metrics.jsonl"),
    };
    Err(BadInput(format!("{}: {what}", folder.display())).into())
}
