//! The loss on held-out text, and what it takes of the data for a run and that loss to mean anything.

use outgrow_data::{Batches, DataError, Manifest, OtherIds, TokenShards, Tokenizer};
use outgrow_model::Decoder;
use serde_json::Value;

use crate::{error::TrainError, resume::difference::shown, settings::TrainSettings};

/// The mean next-token cross-entropy, in nats a token, over the first `sequences` sequences in the batches' order.
///
/// `decoder` must be on a device without autodiff ([`Decoder::inner`]); a forward pass elsewhere would leave its tape
/// behind.
///
/// # Errors
/// When the shards can't be read or a sequence is too long for the model.
pub fn validation_loss(
    decoder: &Decoder,
    batches: &Batches,
    sequences: usize,
    micro_batch_sequences: usize,
) -> Result<f64, TrainError> {
    loss_from(0, decoder, batches, sequences, micro_batch_sequences)
}

/// The same over the sequences from one on.
pub(crate) fn loss_from(
    first_sample: u64,
    decoder: &Decoder,
    batches: &Batches,
    sequences: usize,
    micro_batch_sequences: usize,
) -> Result<f64, TrainError> {
    let mut sum = 0.0;
    let mut tokens = 0;
    for first in (0..sequences).step_by(micro_batch_sequences) {
        let count = micro_batch_sequences.min(sequences - first);
        let batch = batches.batch(first_sample + first as u64, count)?;
        let length = batch.sequence_length;
        let loss = decoder.loss_sum(decoder.tokens(&batch.inputs, length), &batch.targets, 1.0)?;
        sum += f64::from(loss.into_scalar::<f32>());
        tokens += batch.inputs.len();
    }
    Ok(sum / tokens as f64)
}

/// All that keeps a run from these data: ids that don't mean the same in both, a batch larger than the corpus, more
/// validation sequences than there are.
pub fn data_problems(training: &Batches, validation: &Batches, settings: &TrainSettings) -> Vec<TrainError> {
    let mut problems = Vec::new();
    problems.extend(check_tokens(training.shards(), validation.shards()).err());
    // A batch of nothing is a problem of the settings.
    if settings.batch_sequences > 0 {
        problems.extend(training.check_batch(settings.batch_sequences).err().map(TrainError::from));
    }
    let (asked, held) = (settings.validation_sequences, validation.num_samples());
    if asked as u64 > held {
        problems.push(TrainError::ShortValidation { asked, held });
    }
    problems
}

/// Refuses validation shards whose ids don't mean what those of the training shards do.
pub(crate) fn check_tokens(training: &TokenShards, validation: &TokenShards) -> Result<(), TrainError> {
    other_tokens(training, validation)?.map_or(Ok(()), |problem| Err(TrainError::OtherTokens { problem }))
}

/// Why ids of the validation shards don't mean what those of the training shards do; `None` where they do, also where
/// they were made with another file of the same ids. Another separator is such a reason: the model would be asked about
/// documents that begin with a token that it has never seen there.
fn other_tokens(training: &TokenShards, validation: &TokenShards) -> Result<Option<String>, TrainError> {
    let (one, two) = (training.manifest(), validation.manifest());
    let tokenizer = |of: &Manifest| shown(&Value::from(of.tokenizer.sha256.as_str()));
    let separator = |of: &Manifest| format!("`{}` ({})", of.separator.token, of.separator.id);
    let other_ids = if one.tokenizer.sha256 == two.tokenizer.sha256 {
        None
    } else {
        let of_training = Tokenizer::open(&training.tokenizer_path()).map_err(DataError::from)?;
        validation.other_ids(&of_training)?
    };
    if let Some(difference) = other_ids {
        return Ok(Some(format!(
            "the tokenizer of {} is {}, that of {} is {} ({}): prepare both with one tokenizer",
            training.folder().display(),
            tokenizer(one),
            validation.folder().display(),
            tokenizer(two),
            in_words(difference)
        )));
    }
    let (what, values, cure) = if one.separator != two.separator {
        ("the separator", [one, two].map(separator), "prepare both with one separator")
    } else if one.vocab_size != two.vocab_size {
        // The same tokenizer, read by two versions; or another one with more ids.
        let sizes = [one.vocab_size, two.vocab_size].map(|size| size.to_string());
        ("vocab_size", sizes, "prepare both with one version of one tokenizer")
    } else {
        return Ok(None);
    };
    let [of_training, of_validation] = values;
    let (training, validation) = (training.folder().display(), validation.folder().display());
    Ok(Some(format!(
        "{what} of {training} is {of_training}, that of {validation} is {of_validation}: {cure}"
    )))
}

/// What the validation shards' ids are to the tokenizer of the training shards.
fn in_words(difference: OtherIds) -> String {
    match difference {
        OtherIds::Token { id, here, there } => {
            let there = there.map_or("nothing".to_owned(), |token| format!("{token:?}"));
            format!("id {id} is {there} in the one, {here:?} in the other")
        }
        OtherIds::Documents => "the same ids, but texts are cut into others".to_owned(),
    }
}
