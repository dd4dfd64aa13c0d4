//! `outgrow verify`: a grown folder compared with its source.

use std::path::{Path, PathBuf};

use outgrow_checkpoint::write_file_atomically;
use outgrow_kernels::DeviceName;

use crate::{
    error::Result,
    model::place::ModelPlace,
    terminal::{notes, output},
    verify::Verification,
};

/// Flags of `outgrow verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder that was grown, or a run: its last checkpoint.
    source: PathBuf,
    /// The folder that it became, or a run likewise.
    target: PathBuf,
    /// The text to run both on, tokenised with the source's tokenizer.json; a text of the program's own without it.
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Also write everything, each tensor and layer, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The device to run on: cpu, wgpu, cuda or cuda:INDEX; cpu by default.
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
}

/// Compares the folders and prints a table.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let device = arguments.device.as_deref().map(str::parse).transpose()?.unwrap_or_default();
    let text = arguments.text.as_deref();
    let (source, target) = (ModelPlace::find(&arguments.source)?, ModelPlace::find(&arguments.target)?);
    let verification = Verification::new(&source.folder, &target.folder, text, device)?;
    notes::print(source.note.iter().chain(&target.note));
    notes::print_about(&source.folder, &verification.source_notes);
    notes::print_about(&target.folder, &verification.target_notes);
    if let Some(file) = &arguments.json {
        let json = serde_json::to_string_pretty(&verification)?;
        write_file_atomically(file, format!("{json}\n").as_bytes())?;
    }
    output::line(verification)
}

/// Prints the table for a folder that has just been grown, and so for a source whose notes have been printed.
pub(crate) fn after_growth(source: &Path, target: &Path) -> Result<()> {
    let verification = Verification::new(source, target, None, DeviceName::default())?;
    notes::print_about(target, &verification.target_notes);
    output::line(verification)
}
