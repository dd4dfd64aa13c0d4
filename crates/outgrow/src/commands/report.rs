//! `outgrow report`: one page about finished runs.

use std::path::PathBuf;

use outgrow_checkpoint::write_file_atomically;
use outgrow_report::{Report, RunRecord};

use crate::{error::Result, terminal::output};

/// Flags of `outgrow report`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run folders, as `outgrow train` made them.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// The page to write; its numbers go beside it as .json.
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
}

/// Reads the runs, writes the page and prints a sentence for each comparison.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let runs = arguments.runs.iter().map(|folder| RunRecord::read(folder)).collect::<Result<Vec<_>, _>>()?;
    let report = Report::new(&runs)?;
    write_file_atomically(&arguments.out, report.html().as_bytes())?;
    let json = serde_json::to_string_pretty(&report.to_json())?;
    write_file_atomically(&arguments.out.with_extension("json"), json.as_bytes())?;
    for sentence in report.sentences() {
        output::line(sentence)?;
    }
    Ok(())
}
