//! `outgrow grow`: a Hugging Face folder into a larger one. What the flags mean is grow_flags.rs's.

use std::path::PathBuf;

use outgrow_operators::{Account, Source, grow_folder};

use super::grow_flags::Flags;
use crate::output;

/// Flags of `outgrow grow`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A Hugging Face folder: config.json and safetensors, single-file or sharded. Of any decoder whose tensors are named
    /// `….layers.0.…`, layers can be copied; other operators are for LLaMA-style models.
    source: PathBuf,
    /// The folder to make.
    target: PathBuf,
    #[command(flatten)]
    growth: Flags,
    /// Print what would be made, and write nothing.
    #[arg(long)]
    plan: bool,
    /// Largest size of a shard, such as 5GB or 500MB.
    #[arg(long, value_name = "SIZE", default_value = "5GB", value_parser = parse_size)]
    shard_size: u64,
}

/// Grows the folder, or prints the plan.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let growths = arguments.growth.growths()?;
    let source = Source::open(&arguments.source)?;
    if arguments.plan {
        return output::line(Account::new(&source, &growths, arguments.shard_size)?);
    }
    grow_folder(&source, &growths, &arguments.target, arguments.shard_size)?;
    output::line(arguments.target.display())
}

/// `5GB`, `500MB`, `64KB` or plain bytes; decimal, as Hugging Face counts.
fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        other => return Err(format!("unknown unit `{other}`: expected B, KB, MB or GB")),
    };
    let bytes =
        digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| "expected a size above 0, such as 5GB or 500MB".to_owned())
}
