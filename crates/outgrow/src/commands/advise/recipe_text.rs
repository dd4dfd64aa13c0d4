//! The recipe of an advice, as a file with comments. It is read by [`Recipe`](crate::recipe::Recipe) like any other,
//! which a test sees to.

use std::path::Path;

use outgrow_checkpoint::LlamaConfig;
use outgrow_schedules::{
    LearningRateCurve,
    advice::{Advice, Budget, Zone},
};

use crate::error::{BadInput, Result};

/// Sequences of one pass, where a step has more: what fits a small device.
const MICRO_BATCH_SEQUENCES: u64 = 8;
const VALIDATIONS: u64 = 100;
const VALIDATION_SEQUENCES: u64 = 64;
const CHECKPOINTS: u64 = 20;

/// The text, for a file in that place: folders of shards are named from there. `validation_sequences` are those that
/// the validation shards hold, where they are known.
pub(super) fn recipe_text(
    budget: &Budget,
    advice: &Advice,
    [training, validation]: [Option<&Path>; 2],
    validation_sequences: Option<u64>,
    file: &Path,
) -> Result<String> {
    let Budget { model, tokens, sequence_length, batch_tokens } = budget;
    let (training, validation) =
        (folder(training, "shards/training", file)?, folder(validation, "shards/validation", file)?);
    let batch = batch_tokens / *sequence_length as u64;
    let micro =
        (1..=MICRO_BATCH_SEQUENCES.min(batch)).rev().find(|part| batch.is_multiple_of(*part)).unwrap_or(1);
    let every = |times: u64| (tokens / times / batch_tokens).max(1) * batch_tokens;
    let length = match advice.zone {
        Zone::Fitted | Zone::Above if !advice.formula_costs_too_much() => "by equation 2 of arXiv 2405.15319",
        Zone::Fitted | Zone::Above | Zone::Below => "between 10 and 25 % of scratch's",
    };
    let base = &advice.schedule.base_learning_rate;
    let grown = advice.schedule.grown_learning_rate.as_ref().unwrap_or(base);
    Ok(format!(
        "# G_stack (arXiv 2405.15319), by `outgrow advise`: it costs what scratch costs on {tokens} tokens. Scratch's rate\n\
         # is a first guess, and to be swept; docs/recipes says how the others follow from it.\n\
         name = \"g-stack\"\n\
         seed = 1\n\
         \n\
         [model]\n\
         {}\n\
         [data]                       # made by `outgrow data prepare`, relative to this file\n\
         training = {training}\n\
         validation = {validation}\n\
         sequence_length = {sequence_length}\n\
         \n\
         [schedule]\n\
         method = \"g-stack\"\n\
         factor = {}\n\
         base_tokens = {}    # {length}; {:.1} % of the FLOPs\n\
         base_learning_rate = {}\n\
         scratch_tokens = {tokens}\n\
         grown_learning_rate = {}\n\
         \n\
         [training]\n\
         batch_sequences = {batch}\n\
         micro_batch_sequences = {micro}      # as many as fit the device's memory\n\
         validation_interval_tokens = {}\n\
         validation_sequences = {}\n\
         checkpoint_interval_tokens = {}\n",
        sizes(model),
        advice.factor,
        advice.schedule.base_tokens,
        100.0 * advice.base.share_of_flops,
        rate(base),
        rate(grown),
        every(VALIDATIONS),
        validation_sequences.unwrap_or(VALIDATION_SEQUENCES).clamp(1, VALIDATION_SEQUENCES),
        every(CHECKPOINTS),
    ))
}

fn sizes(model: &LlamaConfig) -> String {
    format!(
        "vocab_size = {}           # at least the tokenizer's entries\nhidden_size = {}\nintermediate_size = {}\nnum_hidden_layers = {}\nnum_attention_heads = {}\n",
        model.vocab_size,
        model.hidden_size,
        model.intermediate_size,
        model.num_hidden_layers,
        model.num_attention_heads
    )
}

fn rate(rate: &LearningRateCurve) -> String {
    let horizon =
        rate.horizon_tokens.map(|tokens| format!(", horizon_tokens = {tokens}")).unwrap_or_default();
    format!(
        "{{ peak = {:e}, minimum = {:e}, warmup_tokens = {}{horizon} }}",
        rate.peak, rate.minimum, rate.warmup_tokens
    )
}

/// A folder as the recipe names it: as it was given where that is absolute or the recipe is written here, else in full.
fn folder(given: Option<&Path>, otherwise: &str, file: &Path) -> Result<String> {
    let Some(given) = given else { return Ok(quoted(otherwise)) };
    let is_here = file.parent().is_none_or(|parent| parent.as_os_str().is_empty());
    let path = if given.is_absolute() || is_here {
        given.to_owned()
    } else {
        std::path::absolute(given).map_err(crate::error::Error::at(given))?
    };
    let text =
        path.to_str().ok_or_else(|| BadInput(format!("{}: no UTF-8, which TOML needs", path.display())))?;
    Ok(quoted(text))
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
