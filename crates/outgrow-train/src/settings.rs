//! What a training run is told, apart from its stages and its data.

pub(crate) mod optimizer;

use outgrow_kernels::Precision;
use outgrow_schedules::Orthogonalization;
use serde::{Deserialize, Serialize};

use crate::{error::TrainError, settings::optimizer::OptimizerSettings};

/// How a run is cut into steps, and what happens at intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSettings {
    /// Sequences in a step.
    pub batch_sequences: usize,
    /// Sequences in one forward and backward pass; a step's gradients are summed over its passes.
    pub micro_batch_sequences: usize,
    /// What matrices are multiplied in.
    #[serde(default)]
    pub precision: Precision,
    /// The optimizer.
    pub optimizer: OptimizerSettings,
    /// Tokens between two validations; they also come at the start, after each growth, and at the end of each stage.
    pub validation_interval_tokens: u64,
    /// Sequences of the held-out shards that a validation reads, from their beginning.
    pub validation_sequences: usize,
    /// Tokens between two checkpoints; `None` writes them only at the end of each stage and when the run is stopped.
    pub checkpoint_interval_tokens: Option<u64>,
    /// How many checkpoints stay; older ones are removed.
    pub checkpoints_kept: usize,
}

impl TrainSettings {
    /// Tells all that is wrong, at once.
    ///
    /// # Errors
    /// When a count is zero, or a number is outside its range.
    pub fn check(&self) -> Result<(), TrainError> {
        let mut problems = Vec::new();
        let mut require = |holds: bool, problem: String| {
            if !holds {
                problems.push(problem);
            }
        };
        require(self.batch_sequences > 0, "batch_sequences = 0: at least 1 is needed".into());
        let micro = self.micro_batch_sequences;
        let batch = self.batch_sequences;
        require(
            (1..=batch.max(1)).contains(&micro),
            format!("micro_batch_sequences = {micro}: between 1 and batch_sequences = {batch} is needed"),
        );
        require(
            self.validation_interval_tokens > 0,
            "validation interval of 0 tokens: at least 1 is needed".into(),
        );
        require(self.validation_sequences > 0, "validation_sequences = 0: at least 1 is needed".into());
        require(
            self.checkpoint_interval_tokens != Some(0),
            "checkpoint interval of 0 tokens: at least 1 is needed".into(),
        );
        require(self.checkpoints_kept > 0, "checkpoints_kept = 0: at least 1 is needed".into());
        problems.extend(self.optimizer.problems());
        if problems.is_empty() { Ok(()) } else { Err(TrainError::Settings { problems: problems.join("; ") }) }
    }

    /// What the optimizer multiplies at each step, beside what the tokens cost; `None` where it multiplies nothing.
    pub fn orthogonalization(&self, sequence_length: usize) -> Option<Orthogonalization> {
        let batch_tokens = self.batch_sequences.saturating_mul(sequence_length) as u64;
        self.optimizer.orthogonalization(batch_tokens)
    }
}
