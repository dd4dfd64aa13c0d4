//! What an experiment's runs came to, written beside them and said in lines. What it means is outgrow-report's to know.

use std::{fs, path::Path};

use outgrow_checkpoint::write_file_atomically;
use outgrow_report::{ClaimOutcome, Experiment, Outcome, Report, RunRecord, Verdict};

use crate::{
    error::{Error, Result},
    experiment::cells::PlannedRun,
    terminal::output,
};

/// The report's page.
pub(crate) const REPORT: &str = "report.html";
/// Drawings, one by one, for a paper.
const FIGURES: &str = "figures";

/// Reads an experiment's folder, or those of its parts, writes its page, with numbers and drawings beside it, and
/// prints a line for each claim.
///
/// # Errors
/// What [`Experiment::read_parts`] refuses, and files that can't be written.
pub(crate) fn report_experiment(folders: &[impl AsRef<Path>], page: &Path) -> Result<()> {
    let outcome = Experiment::read_parts(folders)?.outcome();
    let figures = page.with_file_name(FIGURES);
    fs::create_dir_all(&figures).map_err(Error::at(&figures))?;
    for (name, svg) in outcome.figures() {
        write_file_atomically(&figures.join(name).with_extension("svg"), svg.as_bytes())?;
    }
    let tables = [("runs.csv", outcome.runs_csv()), ("claims.csv", outcome.claims_csv())];
    let benchmarks = outcome.benchmarks_csv().map(|text| ("benchmarks.csv", text));
    for (name, text) in tables.into_iter().chain(benchmarks) {
        write_file_atomically(&page.with_file_name(name), text.as_bytes())?;
    }
    if let Some(law) = outcome.fitted_law() {
        let text = serde_json::to_string_pretty(&law)? + "\n";
        write_file_atomically(&page.with_file_name("law.json"), text.as_bytes())?;
    }
    let json = serde_json::to_string_pretty(&outcome.to_json())?;
    write_file_atomically(&page.with_extension("json"), json.as_bytes())?;
    write_file_atomically(page, outcome.html().as_bytes())?;
    for line in lines(&outcome) {
        output::line(line)?;
    }
    Ok(())
}

/// Writes the page of runs that are no definition's, with numbers and a drawing beside it, and prints what they say.
///
/// # Errors
/// Runs that can't be read or compared, and files that can't be written.
pub(crate) fn report_runs(runs: &[PlannedRun], folder: &Path) -> Result<()> {
    let runs = runs.iter().map(|run| RunRecord::read(&folder.join(&run.folder)));
    let runs = runs.collect::<Result<Vec<_>, _>>()?;
    let report = Report::new(&runs)?;
    let page = folder.join(REPORT);
    write_file_atomically(&page, report.html().as_bytes())?;
    let json = serde_json::to_string_pretty(&report.to_json())?;
    write_file_atomically(&page.with_extension("json"), json.as_bytes())?;
    write_file_atomically(&page.with_file_name("loss.svg"), report.loss_chart_svg().as_bytes())?;
    for sentence in report.sentences() {
        output::line(sentence)?;
    }
    Ok(())
}

/// Prints how many seeds each claim of an experiment would need.
///
/// # Errors
/// What [`Experiment::read`] refuses.
pub(crate) fn print_power(folder: &Path) -> Result<()> {
    output::line(Experiment::read(folder)?.power().to_string().trim_end())
}

/// How far it has come, where it isn't done, and the claims.
fn lines(outcome: &Outcome) -> Vec<String> {
    let progress = &outcome.progress;
    let mut lines = Vec::new();
    if progress.finished < progress.planned {
        lines.push(format!("{} of {} runs are done", progress.finished, progress.planned));
    }
    let width = Verdict::ALL.iter().map(|verdict| verdict.to_string().len()).max().unwrap_or(0);
    for ClaimOutcome { claim, verdict, ours, seeds, .. } in &outcome.claims {
        let verdict = verdict.in_words(!claim.paper.is_empty());
        let ours = if ours.is_empty() {
            "no number".to_owned()
        } else {
            format!("{ours}, {seeds} seed{}", if *seeds == 1 { "" } else { "s" })
        };
        let paper = if claim.paper.is_empty() { String::new() } else { format!("; paper: {}", claim.paper) };
        lines.push(format!("{verdict:<width$}  {}: {ours}{paper}", claim.says));
    }
    lines
}
