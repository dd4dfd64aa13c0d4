//! How matrices are learned, apart from data and models, and what that costs.

use outgrow_checkpoint::{LlamaConfig, TrainingCost};
use outgrow_kernels::Precision;
use outgrow_operators::growth::LearnedMatrices;
use outgrow_schedules::{FlopConvention, LearningRate, LearningRateCurve, Trainable};

use crate::{error::TrainError, settings::optimizer::AdamWSettings};

/// How matrices are learned.
#[derive(Clone, Debug, PartialEq)]
pub struct LearningSettings {
    /// Optimizer steps.
    pub steps: u64,
    /// Sequences in a step.
    pub batch_sequences: usize,
    /// Sequences in one forward and backward pass.
    pub micro_batch_sequences: usize,
    /// What matrices are multiplied in.
    pub precision: Precision,
    /// By tokens of the learning.
    pub learning_rate: LearningRate,
    /// AdamW's settings.
    pub optimizer: AdamWSettings,
}

impl LearningSettings {
    /// The highest learning rate that is usual.
    pub const PEAK: f64 = 1e-2;

    /// Steps and batches, and for the rest what is usual: the optimizer and the shape of the learning rate of arXiv
    /// 2405.15319 (a warm-up over half of the steps, a minimum of a tenth of the peak).
    pub fn new(steps: u64, batch_sequences: usize, sequence_length: usize, peak: f64) -> Self {
        let tokens = steps.saturating_mul(batch_sequences.saturating_mul(sequence_length) as u64);
        let (minimum, warmup_tokens) = (peak / 10.0, tokens / 2);
        Self {
            steps,
            batch_sequences,
            micro_batch_sequences: batch_sequences,
            precision: Precision::F32,
            learning_rate: LearningRateCurve::cosine(peak, minimum, warmup_tokens).over(tokens),
            optimizer: AdamWSettings::default(),
        }
    }

    /// Samples that are learned on.
    pub(super) fn samples(&self) -> u64 {
        self.steps.saturating_mul(self.batch_sequences as u64)
    }

    /// Tells all that is wrong, at once.
    ///
    /// # Errors
    /// No steps, no sequences, or a pass larger than a batch.
    pub(super) fn check(&self) -> Result<(), TrainError> {
        let (steps, batch, micro) = (self.steps, self.batch_sequences, self.micro_batch_sequences);
        let mut problems = Vec::new();
        if steps == 0 {
            problems.push("steps = 0: at least 1 is needed".to_owned());
        }
        if batch == 0 {
            problems.push("batch_sequences = 0: at least 1 is needed".to_owned());
        } else if micro == 0 || micro > batch {
            problems.push(format!(
                "micro_batch_sequences = {micro}: between 1 and batch_sequences = {batch} is needed"
            ));
        }
        if problems.is_empty() { Ok(()) } else { Err(TrainError::Settings { problems: problems.join("; ") }) }
    }

    /// What learning costs between two models.
    pub(super) fn cost(
        &self,
        source: &LlamaConfig,
        target: &LlamaConfig,
        matrices: &LearnedMatrices,
        sequence_length: usize,
    ) -> TrainingCost {
        let tokens = self.steps.saturating_mul(self.batch_sequences.saturating_mul(sequence_length) as u64);
        let per_token =
            |convention: FlopConvention| convention.flops_per_token(target, sequence_length, &Trainable::All);
        let head = if target.tie_word_embeddings { "model.embed_tokens.weight" } else { "lm_head.weight" };
        let of_head =
            if matrices.make(head) { 0.0 } else { 2.0 * (target.hidden_size * target.vocab_size) as f64 };
        let exact = per_token(FlopConvention::Exact) - of_head;
        let maps = self.steps as f64 * matrices.step_flops(source, target);
        TrainingCost {
            tokens: Some(tokens),
            flops: Some(exact * tokens as f64 + maps),
            flops_6nt: Some(per_token(FlopConvention::SixTimesParameters) * tokens as f64),
        }
    }
}
