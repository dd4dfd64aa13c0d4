//! `outgrow init`: two first recipes for a corpus, scratch and G_stack at equal FLOPs, that take the time that there
//! is. What they say is worked out in the files below; nothing is trained.

mod sizing;
mod timing;
mod fitting;

use std::{
    num::NonZero,
    path::{Path, PathBuf},
    sync::Arc,
};

use outgrow_checkpoint::write_file_atomically;
use outgrow_data::TokenShards;

use crate::{
    commands::{
        advise::number::number,
        init::{
            fitting::decide,
            sizing::{Corpus, Sizing, Wanted},
            timing::{G_STACK, Pair, PairPlan, SCRATCH},
        },
    },
    error::{BadInput, Error, Result},
    machine::compute::ComputeFlags,
    run::token_shards,
    terminal::{
        figures::{count, three_figures, time, times},
        next::quoted,
        notes, output,
    },
};

/// Minutes of both runs, where nothing is said.
const MINUTES: f64 = 30.0;
/// Up to so often, text that is read again teaches about as much as new one (arXiv 2305.16264).
const EPOCHS: f64 = 4.0;

/// Flags of `outgrow init`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder with `training` and `validation`, as `outgrow data prepare --validation-fraction` makes it.
    shards: PathBuf,
    /// Parameters of the final model, embedding and head included: 600k, 10M. By default as many as the minutes are
    /// enough for, at 20 tokens for each, and the corpus.
    #[arg(long, value_name = "N", value_parser = number)]
    parameters: Option<f64>,
    /// Minutes that both runs take together on this machine, as measured now.
    #[arg(long, value_name = "M", default_value_t = MINUTES)]
    minutes: f64,
    /// Read the corpus at most so often; then the runs are shorter than the minutes.
    #[arg(long, value_name = "N", default_value_t = EPOCHS)]
    epochs: f64,
    /// Tokens in a sequence; by default more for larger models, from 128 to 2048.
    #[arg(long, value_name = "S")]
    sequence_length: Option<NonZero<usize>>,
    /// The folder for scratch.toml and g-stack.toml; by default this one. Files that are there are refused.
    #[arg(long, value_name = "DIR", default_value = ".", hide_default_value = true)]
    out: PathBuf,
    #[command(flatten)]
    compute: ComputeFlags,
}

/// Measures, decides, and writes both recipes.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let files = [SCRATCH, G_STACK].map(|name| tidy(&arguments.out.join(format!("{name}.toml"))));
    check(arguments, &files)?;
    let [training, validation] = open_shards(&arguments.shards)?;
    let compute = arguments.compute.resolve(None, None)?;
    let corpus = Corpus::of(&training, &validation);
    let wanted = Wanted {
        parameters: arguments.parameters.map(|parameters| parameters.round() as u64),
        seconds: 60.0 * arguments.minutes,
        most_epochs: arguments.epochs,
        sequence_length: arguments.sequence_length.map(NonZero::get),
    };
    let folders = [training.folder(), validation.folder()];
    let mut measured = |sizing: &Sizing| PairPlan::measured(&Pair::new(sizing, folders, compute));
    let (sizing, plan) = decide(&corpus, &wanted, &mut measured)?;
    let pair = Pair::new(&sizing, folders, compute);
    std::fs::create_dir_all(&arguments.out).map_err(Error::at(&arguments.out))?;
    let flags = [arguments.compute.device.clone(), arguments.compute.dtype.map(|dtype| dtype.to_string())];
    for (file, method) in files.iter().zip([SCRATCH, G_STACK]) {
        let text = pair.recipe(method, file, &flags, Some(&plan))?.text();
        write_file_atomically(file, text.as_bytes())?;
    }
    notes::print(compute.note());
    notes::print(sizing.notes(&wanted, plan.seconds()));
    say(&sizing, &plan, &files)
}

/// # Errors
/// Numbers that can't be used, and files that are there, all at once.
fn check(arguments: &Arguments, files: &[PathBuf]) -> Result<()> {
    let mut problems = Vec::new();
    if !(arguments.minutes > 0.0 && arguments.minutes.is_finite()) {
        problems.push(format!("--minutes {}: a number above 0, such as 30", arguments.minutes));
    }
    if !(arguments.epochs > 0.0 && arguments.epochs.is_finite()) {
        problems.push(format!("--epochs {}: a number above 0, such as 4", arguments.epochs));
    }
    let there = files.iter().filter(|file| file.symlink_metadata().is_ok());
    problems
        .extend(there.map(|file| format!("{}: is there already; give --out another folder", file.display())));
    if problems.is_empty() { Ok(()) } else { Err(BadInput(problems.join("; ")).into()) }
}

fn open_shards(folder: &Path) -> Result<[Arc<TokenShards>; 2]> {
    let parts_of = |folder: &Path| ["training", "validation"].map(|part| folder.join(part));
    let parts = parts_of(folder);
    if !folder.is_file() && parts.iter().all(|part| !part.exists()) {
        let above = folder.parent().unwrap_or(folder);
        if parts_of(above).iter().any(|part| part == folder)
            && parts_of(above).iter().all(|part| part.exists())
        {
            let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
            let problem =
                format!("{}: is one of two parts; `outgrow init {}`", folder.display(), quoted(above));
            return Err(BadInput(format!("{problem} takes both")).into());
        }
        let prepare = format!(
            "`outgrow data prepare TEXTS --tokenizer FILE --validation-fraction 0.01 --out {}` makes both",
            quoted(folder)
        );
        let found = if !folder.exists() {
            "no such folder"
        } else if folder.join("manifest.json").exists() {
            "holds token shards, and no part of them is held out"
        } else {
            "holds no training and no validation"
        };
        return Err(BadInput(format!("{}: {found}; {prepare}", folder.display())).into());
    }
    let [training, validation] = &parts;
    token_shards::open_named([("SHARDS/training", training), ("SHARDS/validation", validation)])
}

/// Without `./` in front, for recipes and messages.
fn tidy(path: &Path) -> PathBuf {
    path.strip_prefix(".").unwrap_or(path).to_owned()
}

fn say(sizing: &Sizing, plan: &PairPlan, files: &[PathBuf; 2]) -> Result<()> {
    let model = &sizing.budget.model;
    let speed = plan.flops_per_second();
    output::line(format!(
        "model      {} parameters: {} layers of {}, vocabulary {}, sequences of {}",
        count(model.num_parameters()),
        model.num_hidden_layers,
        model.hidden_size,
        model.vocab_size,
        sizing.budget.sequence_length
    ))?;
    output::line(format!(
        "scratch    {} tokens ({} for each parameter, {} epochs) in {} steps, {:.2e} FLOPs: {}",
        count(sizing.budget.tokens),
        times(sizing.advice.tokens_per_parameter),
        times(sizing.epochs()),
        sizing.budget.tokens / sizing.budget.batch_tokens,
        sizing.advice.flops,
        time(plan.seconds[0]),
    ))?;
    output::line(format!(
        "g-stack    {} layers on {} tokens, stacked {} times, on for {} tokens; the same FLOPs: {}",
        sizing.advice.base_layers,
        count(sizing.advice.schedule.base_tokens),
        sizing.advice.factor,
        count(sizing.advice.grown_tokens),
        time(plan.seconds[1]),
    ))?;
    output::line(format!(
        "together   {} at {speed:.1e} FLOPs a second, measured; peak learning rate {}, a first guess",
        time(plan.seconds()),
        three_figures(sizing.advice.scratch_learning_rate.peak),
    ))?;
    let [scratch, g_stack] = files.each_ref().map(|file| quoted(file));
    output::line(format!("\n{scratch} and {g_stack} hold the recipes. Next:"))?;
    output::line(format!("  outgrow train {g_stack} --plan"))?;
    output::line(format!("  outgrow train {scratch} --out runs/{SCRATCH}"))?;
    output::line(format!("  outgrow train {g_stack} --out runs/{G_STACK}"))?;
    output::line(format!("  outgrow report runs/{SCRATCH} runs/{G_STACK} --out report.html"))
}
