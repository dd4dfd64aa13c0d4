//! What an experiment's runs came to, written beside them and said in lines. What it means is outgrow-report's to know.

use std::path::Path;

use outgrow_checkpoint::write_file_atomically;
use outgrow_report::{ClaimOutcome, Experiment, Outcome, Verdict};

use crate::{error::Result, terminal::output};

/// Reads an experiment's folder, writes its report there and prints a line for each claim.
///
/// # Errors
/// What [`Experiment::read`] refuses, and files that can't be written.
pub(crate) fn report_experiment(folder: &Path, into: &Path) -> Result<()> {
    let outcome = Experiment::read(folder)?.outcome();
    let json = serde_json::to_string_pretty(&outcome.to_json())?;
    write_file_atomically(&into.join("report.json"), json.as_bytes())?;
    for line in lines(&outcome) {
        output::line(line)?;
    }
    Ok(())
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
        let verdict = verdict.to_string();
        let ours = if ours.is_empty() { "no number".to_owned() } else { format!("{ours}, {seeds} seeds") };
        lines.push(format!("{verdict:<width$}  {}: {ours}; paper: {}", claim.says, claim.paper));
    }
    lines
}
