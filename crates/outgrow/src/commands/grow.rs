//! `outgrow grow`: a Hugging Face folder into a larger one. What the flags mean is in flags.rs.

mod flags;
mod learning;

use std::path::{Path, PathBuf};

use outgrow_checkpoint::folder::refuse_target;
use outgrow_operators::{
    FolderGrowth, FolderPlan, Growth, GrowthError, GrowthRecipe, Moments, RecipeFile, Source,
    folder::{Plannable, PlannableRef},
};

use self::{
    flags::Flags,
    learning::{LearningFlags, PlannedLearning},
};
use super::verify;
use crate::{
    error::{BadInput, Result},
    machine::disk::write_speed,
    model::place::ModelPlace,
    terminal::{next::after_growth, notes, output, words::one_of},
};

/// Flags of `outgrow grow`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A Hugging Face folder: config.json and safetensors, single-file or sharded. Of any decoder whose tensors are
    /// named `….layers.0.…`, layers can be copied; other operators are for LLaMA-style models. A run stands for its
    /// last checkpoint.
    source: PathBuf,
    /// The folder to make.
    target: PathBuf,
    #[command(flatten)]
    growth: Flags,
    /// How to grow, from a file instead of flags: growths one after the other in TOML, or a mergekit passthrough recipe
    /// in YAML.
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// What becomes of the optimizer's moments, where the source has some.
    #[arg(long, value_name = "MOMENTS", default_value = "reset", value_parser = one_of(&Moments::ALL, moments_help))]
    moments: Moments,
    /// What of the new parts is let in, 0 to 1: of fresh ones, which are closed, 0, by default, or of copies, which are
    /// open. Below 1 it stands in training/mask.json, and `outgrow export` folds it into the weights.
    #[arg(long, value_name = "M")]
    mask: Option<f64>,
    /// Tokens over which the mask is to open, for whoever trains the folder.
    #[arg(long, value_name = "N")]
    ramp_tokens: Option<u64>,
    /// Print what would be made and what it would take, and write nothing but a short-lived file that measures the
    /// target's disk. Of a LLaMA-style source, config.json and model.safetensors.index.json are enough.
    #[arg(long)]
    plan: bool,
    /// With --plan: print one JSON object.
    #[arg(long, requires = "plan")]
    json: bool,
    /// Afterwards, compare the grown folder with its source, as `outgrow verify` does.
    #[arg(long, conflicts_with = "plan")]
    verify: bool,
    /// Largest size of a shard, such as 5GB or 500MB.
    #[arg(long, value_name = "SIZE", default_value = "5GB", value_parser = parse_size)]
    shard_size: u64,
    // The last: its heading holds for all that follows.
    #[command(flatten)]
    learning: LearningFlags,
}

fn moments_help(moments: Moments) -> &'static str {
    match moments {
        Moments::Reset => "They stay behind",
        Moments::Copy => "Copies have their source's",
        Moments::KeepOld => "The first copy keeps its source's, all else starts at zero",
        Moments::Scaled => "As copy, but divided as gradients are",
    }
}

/// Grows the folder, or prints the plan.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let how = how(arguments)?;
    let data = arguments.learning.data()?;
    if data.is_some() && arguments.moments != Moments::Reset {
        let moments = arguments.moments;
        let problem = format!(
            "--moments {moments}: matrices that are learned mix tensors, for whose moments there is no rule; leave it out"
        );
        return Err(BadInput(problem).into());
    }
    let ModelPlace { folder, note } = ModelPlace::find(&arguments.source)?;
    notes::print(note);
    if arguments.plan {
        return print_account(arguments, &folder, &how, data);
    }
    let source = Source::open(&folder)?;
    refuse_target(&folder, &arguments.target)?;
    notes::print_about(&folder, source.notes());
    let plan = match data {
        None => planned(arguments, &folder, how, &source)?,
        Some(data) => {
            // What is refused is refused before anything is learned.
            planned(arguments, &folder, how.clone(), &source)?;
            let learning = PlannedLearning::new(&arguments.learning, data, growths(&how)?, &source)?;
            let (growth, record) = learning.learn()?;
            FolderPlan::new(&source, &[growth])?.with_learning(record)
        }
    };
    if arguments.verify && plan.mask().is_some() {
        let problem = "--verify has no use for a mask that isn't open: give --mask 1, or export the folder and verify that";
        return Err(BadInput(problem.to_owned()).into());
    }
    let is_compared = arguments.verify || plan.mask().is_some();
    let growth = FolderGrowth::new(plan, arguments.moments, arguments.shard_size)?;
    let grown = growth.carry_out(&arguments.target)?;
    if grown.reused > 0 {
        crate::terminal::output::say!(
            "{} of {} shards were finished by an attempt that was killed",
            grown.reused,
            grown.shards
        );
    }
    output::line(arguments.target.display())?;
    if arguments.verify {
        verify::after_growth(&folder, &arguments.target)?;
    }
    crate::terminal::output::say!("{}", after_growth(&arguments.source, &arguments.target, is_compared));
    Ok(())
}

/// Shards aren't needed for a plan: without them, what config.json and the index say has to do.
fn print_account(arguments: &Arguments, folder: &Path, how: &RecipeFile, data: Option<&Path>) -> Result<()> {
    let source = Plannable::open(folder)?;
    refuse_target(folder, &arguments.target)?;
    notes::print_about(folder, source.notes());
    let plan = planned(arguments, folder, how.clone(), &source)?;
    let learning = match (data, &source) {
        (None, _) => None,
        (Some(data), Plannable::Opened(source)) => {
            Some(PlannedLearning::new(&arguments.learning, data, growths(how)?, source)?)
        }
        (Some(_), Plannable::Outline(_)) => {
            let problem = format!("{}: --data needs the weights, which aren't all there", folder.display());
            return Err(BadInput(problem).into());
        }
    };
    let growth = FolderGrowth::new(plan, arguments.moments, arguments.shard_size)?;
    let account = growth.account();
    // A disk that can't be looked at is no reason to withhold the rest.
    let account = match write_speed(lowest_there(&arguments.target)) {
        Ok(speed) => account.at_speed(speed),
        Err(_) => account,
    };
    if arguments.json {
        let mut value = account.to_json();
        value["learning"] = learning.map(|learning| learning.to_string()).into();
        return output::line(serde_json::to_string_pretty(&value)?);
    }
    output::line(account)?;
    learning.map_or(Ok(()), output::line)
}

/// The lowest folder above a target that is there: its disk is the one that will be written to.
fn lowest_there(target: &Path) -> &Path {
    let here = Path::new(".");
    let above =
        target.ancestors().skip(1).map(|above| if above.as_os_str().is_empty() { here } else { above });
    above.into_iter().find(|above| above.is_dir()).unwrap_or(here)
}

fn planned<'a, S>(arguments: &Arguments, folder: &Path, how: RecipeFile, source: S) -> Result<FolderPlan<S>>
where
    S: Copy + Into<PlannableRef<'a>>,
{
    let plan = match how {
        RecipeFile::Steps(recipe) => FolderPlan::new(source, &recipe.steps),
        RecipeFile::Passthrough(passthrough) => {
            notes::print_about(arguments.recipe.as_deref().unwrap_or(Path::new("")), &passthrough.notes);
            FolderPlan::of_passthrough(source, &passthrough)
        }
    }?;
    notes::print_about(folder, plan.notes());
    plan.refuse_unopened()?;
    if plan.is_the_source() {
        notes::print(["nothing grows: the grown model is its source once more"]);
    }
    match (arguments.mask, arguments.ramp_tokens) {
        (None, None) => Ok(plan),
        (mask, ramp_tokens) => Ok(plan.with_mask(mask.unwrap_or(0.0), ramp_tokens)?),
    }
}

/// The growths of which matrices are to be learned.
fn growths(how: &RecipeFile) -> Result<&[Growth], BadInput> {
    match how {
        RecipeFile::Steps(recipe) => Ok(&recipe.steps),
        RecipeFile::Passthrough(_) => Err(BadInput(
            "--data has no use for a passthrough recipe: only the matrices of --operator learned are learned"
                .to_owned(),
        )),
    }
}

/// What flags or a recipe say.
fn how(arguments: &Arguments) -> Result<RecipeFile> {
    let Some(path) = &arguments.recipe else {
        let steps = arguments.growth.growths()?.into_iter().map(Growth::read_matrices);
        return Ok(RecipeFile::Steps(GrowthRecipe { steps: steps.collect::<Result<_, GrowthError>>()? }));
    };
    arguments.growth.refuse_all("--recipe")?;
    Ok(RecipeFile::read(path)?)
}

/// `5GB`, `500MB`, `64KB` or plain bytes; decimal, as Hugging Face counts.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
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
