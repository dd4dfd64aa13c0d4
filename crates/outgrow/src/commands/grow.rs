//! `outgrow grow`: a Hugging Face folder into a deeper one.

use std::path::PathBuf;

use outgrow_checkpoint::Checkpoint;
use outgrow_operators::{Account, Growth, grow_folder};

use crate::{exit::BadInput, output};

/// Flags of `outgrow grow`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A Hugging Face LLaMA folder: config.json and safetensors, single-file or sharded.
    source: PathBuf,
    /// The folder to make.
    target: PathBuf,
    /// How the new layers are made of the old ones.
    #[arg(long, value_enum, required_unless_present = "layers")]
    operator: Option<Operator>,
    /// How many times as many layers.
    #[arg(long, value_name = "G")]
    factor: Option<usize>,
    /// The source layer of each new layer, instead of an operator: 0,1,2,0,1,2.
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["operator", "factor"])]
    layers: Option<Vec<usize>>,
    /// Print what would be made, and write nothing.
    #[arg(long)]
    plan: bool,
    /// Largest size of a shard, such as 5GB or 500MB.
    #[arg(long, value_name = "SIZE", default_value = "5GB", value_parser = parse_size)]
    shard_size: u64,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Operator {
    /// All layers again, on top: 0 1 2 0 1 2.
    Stack,
    /// Each layer again, next to itself: 0 0 1 1 2 2.
    Interleave,
}

/// Grows the folder, or prints the plan.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let growth = growth(arguments)?;
    let source = Checkpoint::open(&arguments.source)?;
    if arguments.plan {
        return output::line(Account::new(&source, &growth, arguments.shard_size)?);
    }
    grow_folder(&source, &growth, &arguments.target, arguments.shard_size)?;
    output::line(arguments.target.display())
}

fn growth(arguments: &Arguments) -> Result<Growth, BadInput> {
    match (arguments.operator, arguments.factor, &arguments.layers) {
        (_, _, Some(layers)) => Ok(Growth::Layers { layers: layers.clone() }),
        (Some(Operator::Stack), Some(factor), None) => Ok(Growth::Stack { factor }),
        (Some(Operator::Interleave), Some(factor), None) => Ok(Growth::Interleave { factor }),
        _ => Err(BadInput("--factor is missing: how many times as many layers, such as --factor 4".into())),
    }
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
