//! `outgrow grow`: a Hugging Face folder into a larger one. What the flags mean is grow_flags.rs's.

use std::{fs, path::PathBuf};

use outgrow_operators::{Account, FolderPlan, Growth, Moments, Passthrough, RecipeFile, Source, grow_folder};

use super::{grow_flags::Flags, verify};
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
    /// How to grow, from a file instead of flags: growths one after the other in TOML, or a mergekit passthrough recipe in YAML.
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// What becomes of the optimizer's moments, where the source has some.
    #[arg(long, value_enum, default_value = "reset")]
    moments: MomentsFlag,
    /// Print what would be made, and write nothing.
    #[arg(long)]
    plan: bool,
    /// Afterwards, compare the grown folder with its source, as `outgrow verify` does.
    #[arg(long, conflicts_with = "plan")]
    verify: bool,
    /// Largest size of a shard, such as 5GB or 500MB.
    #[arg(long, value_name = "SIZE", default_value = "5GB", value_parser = parse_size)]
    shard_size: u64,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum MomentsFlag {
    /// They stay behind.
    Reset,
    /// Copies have their source's.
    Copy,
    /// The first copy keeps its source's, all else starts at zero.
    KeepOld,
    /// As copy, but divided as gradients are.
    Scaled,
}

impl MomentsFlag {
    fn policy(self) -> Moments {
        match self {
            Self::Reset => Moments::Reset,
            Self::Copy => Moments::Copy,
            Self::KeepOld => Moments::KeepOld,
            Self::Scaled => Moments::Scaled,
        }
    }
}

/// Grows the folder, or prints the plan.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let how = how(arguments)?;
    let source = Source::open(&arguments.source)?;
    let plan = match how {
        How::Steps(growths) => FolderPlan::new(&source, &growths)?,
        How::Passthrough(passthrough, text) => FolderPlan::of_passthrough(&source, &passthrough, text)?,
    };
    if arguments.plan {
        return output::line(Account::new(&source, plan, arguments.shard_size)?);
    }
    let moments = arguments.moments.policy();
    let grown = grow_folder(&source, &plan, moments, &arguments.target, arguments.shard_size)?;
    if grown.reused > 0 {
        eprintln!("{} of {} shards were finished by an attempt that was killed", grown.reused, grown.shards);
    }
    output::line(arguments.target.display())?;
    if arguments.verify {
        verify::after_growth(&arguments.source, &arguments.target)?;
    }
    Ok(())
}

/// What flags or a recipe say.
enum How {
    Steps(Vec<Growth>),
    /// And its text.
    Passthrough(Passthrough, String),
}

fn how(arguments: &Arguments) -> anyhow::Result<How> {
    let Some(path) = &arguments.recipe else { return Ok(How::Steps(arguments.growth.growths()?)) };
    arguments.growth.refuse_all("--recipe")?;
    Ok(match RecipeFile::read(path)? {
        RecipeFile::Steps(recipe) => How::Steps(recipe.steps),
        RecipeFile::Passthrough(passthrough) => How::Passthrough(passthrough, fs::read_to_string(path)?),
    })
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
