//! `outgrow advise`: when to grow and by what factor, for a budget. Looks at shards if there are some, and trains
//! nothing.

mod law;
pub(crate) mod number;
mod text;

use std::path::{Path, PathBuf};

use outgrow_checkpoint::{LlamaConfig, write_file_atomically};
use outgrow_data::TokenShards;
use outgrow_report::FittedLaw;
use outgrow_schedules::advice::{Advice, AdviceError, Budget, llama_shape, llama_with};
use serde_json::json;

use crate::{
    commands::advise::number::number,
    error::{BadInput, Error, Result},
    recipe::commented::{CommentedRecipe, Entry, from_file, g_stack_schedule},
    terminal::output,
};

/// Tokens of a step in arXiv 2405.15319.
const MOST_BATCH_TOKENS: u64 = 2 << 20;
/// Steps that a run from scratch has at least, where the batch isn't given.
const LEAST_STEPS: u64 = 500;
/// Sequences of one pass, where a step has more.
const MICRO_BATCH_SEQUENCES: u64 = 8;
/// What recipes say of it.
pub(crate) const MICRO_BATCH_COMMENT: &str = "of one pass: what a small device holds, too";
const VALIDATIONS: u64 = 100;
const VALIDATION_SEQUENCES: u64 = 64;
const CHECKPOINTS: u64 = 20;
const VOCAB_SIZE: usize = 32_000;
/// Four times the width of the largest LLaMA.
const LARGEST_HIDDEN_SIZE: usize = 1 << 16;

/// Flags of `outgrow advise`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Parameters of the final model, embedding and head included: 124M, 1.1B, 7e9. A shape is chosen
    /// that can be stacked from a quarter of its layers.
    #[arg(long, value_name = "N", value_parser = number, required_unless_present = "hidden_size")]
    parameters: Option<f64>,
    /// Tokens that training it from scratch would have: 30B, 2e9.
    #[arg(long, value_name = "D", value_parser = number)]
    tokens: f64,
    /// Width of the final model, in place of --parameters.
    #[arg(long, value_name = "H", requires = "num_hidden_layers", conflicts_with = "parameters")]
    hidden_size: Option<usize>,
    /// Layers of the final model.
    #[arg(long, value_name = "L", requires = "hidden_size")]
    num_hidden_layers: Option<usize>,
    /// Entries of the vocabulary; by default those of the shards' tokenizer, without shards 32000.
    #[arg(long, value_name = "V")]
    vocab_size: Option<usize>,
    /// Tokens in a sequence.
    #[arg(long, value_name = "S", default_value_t = 2048)]
    sequence_length: usize,
    /// Tokens in a step; by default 2 M, and fewer where that would be less than 500 steps.
    #[arg(long, value_name = "B", value_parser = number)]
    batch_tokens: Option<f64>,
    /// The training shards that the recipe names.
    #[arg(long, value_name = "DIR")]
    training: Option<PathBuf>,
    /// The validation shards that the recipe names.
    #[arg(long, value_name = "DIR")]
    validation: Option<PathBuf>,
    /// FLOPs a second that one device could do: 989e12 for bf16 on an H100. With --mfu, the time is said.
    #[arg(long, value_name = "F", value_parser = number, requires = "mfu")]
    peak_flops: Option<f64>,
    /// The part of them that training reaches, in exact FLOPs: 0.4.
    #[arg(long, value_name = "PART", requires = "peak_flops")]
    mfu: Option<f64>,
    /// Devices that share the work.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "peak_flops", value_parser = clap::value_parser!(u32).range(1..))]
    devices: u32,
    /// The law.json of an experiment (`law`, `timing`, `factor`): what its fits say of this budget, too.
    #[arg(long, value_name = "FILE")]
    law: Option<PathBuf>,
    /// Write a recipe for `outgrow train`; a file that is there is refused.
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the advice, and writes the recipe if one is wanted.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let training = arguments.training.as_deref().map(TokenShards::open).transpose()?;
    let validation = arguments.validation.as_deref().map(TokenShards::open).transpose()?;
    let budget = budget(arguments, training.as_ref())?;
    let advice = Advice::new(&budget).map_err(advice_error)?;
    let speed = speed(arguments)?;
    let law = arguments.law.as_deref().map(FittedLaw::read).transpose()?;
    if let Some(file) = &arguments.recipe {
        if file.symlink_metadata().is_ok() {
            return Err(BadInput(format!("{}: is there already; name another file", file.display())).into());
        }
        let sequences = validation
            .as_ref()
            .map(|shards| shards.manifest().tokens / arguments.sequence_length.max(1) as u64);
        let text = recipe(arguments, &budget, &advice, sequences, file)?.text();
        write_file_atomically(file, text.as_bytes())?;
    }
    if arguments.json {
        let seconds = speed.map(|speed| advice.flops / speed);
        let mut value = json!({ "format": 1, "model": budget.model.to_json(), "tokens": budget.tokens, "batch_tokens": budget.batch_tokens, "advice": advice, "seconds": seconds });
        if let Some(law) = &law {
            value["law"] = law::to_json(law, advice.flops);
        }
        return output::line(serde_json::to_string_pretty(&value)?);
    }
    let held = training.as_ref().map(|shards| shards.manifest().tokens);
    output::line(text::text(&budget, &advice, held, speed).trim_end())?;
    if let Some(law) = &law {
        output::line(format!("\n{}", law::text(law, advice.flops).trim_end()))?;
    }
    match &arguments.recipe {
        Some(file) => output::line(format!(
            "\n{} holds the recipe: outgrow train {} --plan",
            file.display(),
            file.display()
        )),
        None => output::line("\n--recipe FILE writes a recipe for `outgrow train`."),
    }
}

/// The recipe, for a file in that place. `validation_sequences` are those that the validation shards hold, where they
/// are known.
fn recipe<'a>(
    arguments: &Arguments,
    budget: &'a Budget,
    advice: &Advice,
    validation_sequences: Option<u64>,
    file: &Path,
) -> Result<CommentedRecipe<'a>> {
    let Budget { model, tokens, sequence_length, batch_tokens } = budget;
    let [training, validation] =
        [(&arguments.training, "shards/training"), (&arguments.validation, "shards/validation")].map(
            |(given, otherwise)| match given {
                Some(folder) => from_file(folder, file),
                None => Ok(otherwise.to_owned()),
            },
        );
    let batch = batch_tokens / *sequence_length as u64;
    let every = |times: u64| (tokens / times / batch_tokens).max(1) * batch_tokens;
    let validation_sequences =
        validation_sequences.unwrap_or(VALIDATION_SEQUENCES).clamp(1, VALIDATION_SEQUENCES);
    Ok(CommentedRecipe {
        heading: vec![
            format!("G_stack (arXiv 2405.15319), by `outgrow advise`: it costs what scratch costs on {tokens} tokens."),
            "Scratch's rate is a first guess, and to be swept; docs/recipes says how the others follow from it.".into(),
        ],
        name: "g-stack",
        compute: [None, None],
        model,
        model_comment: String::new(),
        shards: [training?, validation?],
        sequence_length: *sequence_length,
        schedule: g_stack_schedule(budget, advice),
        training: vec![
            Entry::count("batch_sequences", batch, format!("a step of {batch_tokens} tokens")),
            Entry::count(
                "micro_batch_sequences",
                micro_batch_sequences(batch),
                MICRO_BATCH_COMMENT,
            ),
            Entry::count("validation_interval_tokens", every(VALIDATIONS), ""),
            Entry::count("validation_sequences", validation_sequences, ""),
            Entry::count("checkpoint_interval_tokens", every(CHECKPOINTS), ""),
        ],
    })
}

/// Sequences of one pass: a part of the step that fits a small device.
pub(crate) fn micro_batch_sequences(batch_sequences: u64) -> u64 {
    let most = MICRO_BATCH_SEQUENCES.min(batch_sequences);
    (1..=most).rev().find(|part| batch_sequences.is_multiple_of(*part)).unwrap_or(1)
}

fn budget(arguments: &Arguments, training: Option<&TokenShards>) -> Result<Budget> {
    let of_shards = training.map(|shards| shards.manifest().vocab_size);
    if let (Some(asked), Some(held)) = (arguments.vocab_size, of_shards)
        && asked < held
    {
        return Err(
            BadInput(format!("--vocab-size {asked}: the shards' tokenizer has {held} entries")).into()
        );
    }
    let vocab_size = arguments.vocab_size.or(of_shards).unwrap_or(VOCAB_SIZE);
    let length = arguments.sequence_length;
    let tokens = whole("--tokens", arguments.tokens)?;
    let fields = match (arguments.parameters, arguments.hidden_size, arguments.num_hidden_layers) {
        (Some(parameters), ..) => {
            llama_shape(whole("--parameters", parameters)?, vocab_size, length).map_err(advice_error)?
        }
        (None, Some(hidden_size), Some(layers)) => llama_with(hidden_size, layers, vocab_size, length),
        (None, ..) => {
            return Err(BadInput(
                "--parameters, or --hidden-size with --num-hidden-layers, is needed".into(),
            )
            .into());
        }
    };
    if fields.hidden_size > LARGEST_HIDDEN_SIZE {
        return Err(
            BadInput(format!("--hidden-size {}: at most {LARGEST_HIDDEN_SIZE}", fields.hidden_size)).into()
        );
    }
    let (width, head) = (fields.hidden_size, fields.head_dim);
    if !width.is_multiple_of(head) {
        let (below, above) = (width / head * head, width.next_multiple_of(head));
        let would_do =
            if below == 0 { format!("{above} would do") } else { format!("{below} or {above} would do") };
        return Err(BadInput(format!("--hidden-size {width}: heads are {head} wide; {would_do}")).into());
    }
    let model = LlamaConfig::new(fields)?;
    let length = length as u64;
    let batch_tokens = match arguments.batch_tokens {
        Some(tokens) => whole("--batch-tokens", tokens)?,
        // Whole sequences, at least one.
        None => (tokens / LEAST_STEPS).min(MOST_BATCH_TOKENS).max(length) / length * length,
    };
    if batch_tokens < length || !batch_tokens.is_multiple_of(length) {
        let problem = format!("--batch-tokens {batch_tokens}: a step has whole sequences of {length} tokens");
        return Err(BadInput(problem).into());
    }
    Ok(Budget { model, tokens, sequence_length: arguments.sequence_length, batch_tokens })
}

/// FLOPs a second of all devices.
fn speed(arguments: &Arguments) -> Result<Option<f64>, BadInput> {
    let (Some(peak), Some(mfu)) = (arguments.peak_flops, arguments.mfu) else { return Ok(None) };
    if !(mfu > 0.0 && mfu <= 1.0) {
        return Err(BadInput(format!("--mfu {mfu}: a part of the peak, above 0 and at most 1")));
    }
    let speed = peak * mfu * f64::from(arguments.devices);
    // A calculator and all computers there are.
    if (1e3..=1e24).contains(&speed) {
        Ok(Some(speed))
    } else {
        Err(BadInput(format!(
            "--peak-flops {peak:e} with --mfu {mfu} is {speed:.1e} FLOPs a second: 1e3 to 1e24 is expected"
        )))
    }
}

fn whole(flag: &str, number: f64) -> Result<u64, BadInput> {
    // The largest whole number that every f64 below it is exact in.
    if (1.0..=9e15).contains(&number) {
        Ok(number.round() as u64)
    } else {
        Err(BadInput(format!("{flag} {number}: a number from 1 to 9e15 is expected")))
    }
}

fn advice_error(error: AdviceError) -> Error {
    match error {
        AdviceError::Model(problem) => problem.into(),
        problem => BadInput(problem.to_string()).into(),
    }
}
