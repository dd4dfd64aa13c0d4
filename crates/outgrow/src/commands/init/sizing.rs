//! The rules for a first run: which shape, how long sequences, how large steps. How many tokens there is time for, it
//! is told.

use outgrow_checkpoint::LlamaConfig;
use outgrow_data::TokenShards;
use outgrow_schedules::advice::{Advice, AdviceError, Budget, llama_shape};

use crate::{
    error::{BadInput, Error, Result},
    terminal::figures::about_time,
};

/// Tokens for each parameter, where the time leaves the choice (arXiv 2203.15556).
pub(super) const TOKENS_PER_PARAMETER: f64 = 20.0;
/// Of which model the speed is measured, where none was named.
pub(super) const PROBE_PARAMETERS: u64 = 2_000_000;
/// No smaller model is chosen unasked, and no larger one.
pub(super) const PARAMETERS: [f64; 2] = [300e3, 400e6];
/// Steps of a run from scratch, where steps don't become too small or too large for that.
const STEPS: u64 = 500;
/// Sequences of a step, at least.
const LEAST_BATCH_SEQUENCES: u64 = 4;
/// Tokens of a step in arXiv 2405.15319.
const MOST_BATCH_TOKENS: u64 = 2 << 20;
/// A run of fewer is no run.
pub(super) const LEAST_STEPS: u64 = 20;
/// A run of fewer teaches little.
const FEW_STEPS: u64 = 100;
/// Lengths of sequences by the parameters from which on they are taken, much as experiments/scales.toml has them.
const LENGTHS: [(u64, usize); 5] =
    [(0, 128), (5_000_000, 256), (25_000_000, 512), (80_000_000, 1024), (300_000_000, 2048)];
const SHORTEST_LENGTH: usize = 16;
/// So many sequences a corpus has at least, of training and of validation, or they become shorter.
const LEAST_SEQUENCES: [u64; 2] = [64, 8];

/// What there is to read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Corpus {
    pub vocab_size: usize,
    pub training_tokens: u64,
    pub validation_tokens: u64,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wanted {
    pub parameters: Option<u64>,
    /// Of both runs.
    pub seconds: f64,
    pub most_epochs: f64,
    pub sequence_length: Option<usize>,
}

/// What was decided.
#[derive(Clone, Debug)]
pub(super) struct Sizing {
    pub corpus: Corpus,
    pub budget: Budget,
    pub advice: Advice,
}

impl Corpus {
    pub(super) fn of(training: &TokenShards, validation: &TokenShards) -> Self {
        Self {
            vocab_size: training.manifest().vocab_size,
            training_tokens: training.num_tokens(),
            validation_tokens: validation.num_tokens(),
        }
    }

    /// The length of sequences for a model of so many parameters.
    fn sequence_length(&self, parameters: u64) -> usize {
        let of_model = LENGTHS.into_iter().rev().find(|(from, _)| parameters >= *from);
        let mut length = of_model.map_or(LENGTHS[0].1, |(_, length)| length);
        let [training, validation] = LEAST_SEQUENCES;
        let fits = |length: usize| {
            let length = length as u64;
            self.training_tokens > training * length && self.validation_tokens > validation * length
        };
        while length > SHORTEST_LENGTH && !fits(length) {
            length /= 2;
        }
        length
    }
}

/// The model of a number of parameters; of the nearest that there is, where the number wasn't asked for.
///
/// # Errors
/// When there is none of the number that was asked for.
pub(super) fn shape(
    corpus: &Corpus,
    wanted: &Wanted,
    parameters: u64,
    was_asked: bool,
) -> Result<LlamaConfig> {
    let length = |parameters| wanted.sequence_length.unwrap_or_else(|| corpus.sequence_length(parameters));
    let shape = |parameters| llama_shape(parameters, corpus.vocab_size, length(parameters));
    let fields = match shape(parameters) {
        Err(AdviceError::Parameters { nearest, .. }) if was_asked => {
            return Err(BadInput(format!(
                "--parameters {parameters}: with a vocabulary of {} the nearest model has {nearest}; --parameters \
                 {nearest} takes it, and a smaller vocabulary makes smaller ones",
                corpus.vocab_size
            ))
            .into());
        }
        Err(AdviceError::Parameters { nearest, .. }) => shape(nearest).map_err(advice_error)?,
        other => other.map_err(advice_error)?,
    };
    Ok(LlamaConfig::new(fields)?)
}

impl Sizing {
    /// A run of at most so many tokens, in whole steps.
    ///
    /// # Errors
    /// When the model has layers that can't be stacked from fewer.
    pub(super) fn new(corpus: &Corpus, model: LlamaConfig, tokens: u64) -> Result<Self> {
        let sequence_length = model.max_position_embeddings;
        let length = sequence_length as u64;
        let held = corpus.training_tokens.saturating_sub(1) / length;
        let wanted = (tokens / STEPS / length).max(1);
        // Of powers of two every part is whole.
        let sequences = 1 << wanted.ilog2();
        let most = (MOST_BATCH_TOKENS / length).max(1).min(held.max(1));
        let batch_tokens = sequences.max(LEAST_BATCH_SEQUENCES).min(most) * length;
        let tokens = (tokens / batch_tokens).max(8) * batch_tokens;
        let budget = Budget { model, tokens, sequence_length, batch_tokens };
        let advice = Advice::new(&budget).map_err(advice_error)?;
        Ok(Self { corpus: *corpus, budget, advice })
    }

    /// How often scratch reads the corpus.
    pub(super) fn epochs(&self) -> f64 {
        self.budget.tokens as f64 / self.corpus.training_tokens as f64
    }

    /// What a person should know of the choice.
    pub(super) fn notes(&self, wanted: &Wanted, seconds: f64) -> Vec<String> {
        let mut notes = Vec::new();
        if seconds < 0.9 * wanted.seconds {
            notes.push(format!(
                "{} of {}: the corpus would be read more than {} times; more text, more --parameters or --epochs use the rest",
                about_time(seconds),
                about_time(wanted.seconds),
                wanted.most_epochs
            ));
        }
        let steps = self.budget.tokens / self.budget.batch_tokens;
        if steps < FEW_STEPS {
            notes.push(format!("{steps} steps teach little: give more --minutes, or fewer --parameters"));
        }
        notes
    }
}

fn advice_error(error: AdviceError) -> Error {
    match error {
        AdviceError::Model(problem) => problem.into(),
        problem => BadInput(problem.to_string()).into(),
    }
}
