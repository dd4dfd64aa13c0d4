//! `outgrow export`: a folder whose new parts are behind a mask into one that needs none, which anything opens.

use std::path::PathBuf;

use outgrow_operators::{FolderGrowth, Moments, folder::MaskedFolder};

use super::grow::parse_size;
use crate::{
    error::Result,
    model::place::ModelPlace,
    terminal::{notes, output},
};

/// Flags of `outgrow export`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A folder that says in training/mask.json where its mask stands: a random growth, one by `outgrow grow --mask`,
    /// or a checkpoint from within a ramp. A run stands for its last checkpoint.
    source: PathBuf,
    /// The folder to make: the same model with the mask folded into its weights.
    target: PathBuf,
    /// Largest size of a shard, such as 5GB or 500MB.
    #[arg(long, value_name = "SIZE", default_value = "5GB", value_parser = parse_size)]
    shard_size: u64,
}

/// Folds the mask in.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let ModelPlace { folder, note } = ModelPlace::find(&arguments.source)?;
    notes::print(note);
    let masked = MaskedFolder::open(&folder)?;
    // Whoever exports is done with training: an optimizer's moments stay behind.
    let plan = masked.plan();
    let growth = FolderGrowth::new(plan, Moments::Reset, arguments.shard_size)?;
    growth.carry_out(&arguments.target)?;
    output::line(arguments.target.display())
}
