//! What a training run is told, apart from its stages and its data.

use std::{fmt, str::FromStr};

use outgrow_kernels::Precision;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// Which parameters weight decay is applied to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// All, as in arXiv 2405.15319.
    #[default]
    All,
    /// All matrices but the embedding: norms, biases and the embedding table are left alone.
    MatricesOnly,
}

impl Decay {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::All, Self::MatricesOnly];

    /// Whether the named parameter decays.
    pub fn includes(self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::MatricesOnly => {
                !name.ends_with("norm.weight")
                    && !name.ends_with("_proj.bias")
                    && name != "model.embed_tokens.weight"
            }
        }
    }
}

/// As recipes name it.
impl fmt::Display for Decay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::All => "all",
            Self::MatricesOnly => "matrices-only",
        })
    }
}

impl FromStr for Decay {
    type Err = TrainError;

    fn from_str(name: &str) -> Result<Self, TrainError> {
        let found = Self::ALL.into_iter().find(|decay| decay.to_string() == name);
        found.ok_or_else(|| {
            let expected = Self::ALL.map(|decay| decay.to_string()).join(" or ");
            TrainError::Settings { problems: format!("decay = `{name}`: {expected} is needed") }
        })
    }
}

/// AdamW with PyTorch's semantics: decay is decoupled from the gradient and scaled by the learning rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamWSettings {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Share of a weight that is taken away at each step, times the learning rate.
    pub weight_decay: f64,
    /// Which parameters decay.
    pub decay: Decay,
    /// The global norm that gradients are clipped to; `None` leaves them.
    pub clip_norm: Option<f64>,
}

impl Default for AdamWSettings {
    /// The settings of arXiv 2405.15319 (with PyTorch's epsilon): all parameters decay.
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.95,
            epsilon: 1e-8,
            weight_decay: 0.1,
            decay: Decay::All,
            clip_norm: Some(1.0),
        }
    }
}

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
    pub optimizer: AdamWSettings,
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
        let optimizer = &self.optimizer;
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
        for (name, beta) in [("beta1", optimizer.beta1), ("beta2", optimizer.beta2)] {
            require((0.0..1.0).contains(&beta), format!("{name} = {beta}: from 0 to below 1 is needed"));
        }
        let epsilon = optimizer.epsilon;
        require(epsilon > 0.0 && epsilon.is_finite(), format!("epsilon = {epsilon}: above 0 is needed"));
        let decay = optimizer.weight_decay;
        require(decay >= 0.0 && decay.is_finite(), format!("weight_decay = {decay}: 0 or more is needed"));
        if let Some(norm) = optimizer.clip_norm {
            require(norm > 0.0 && norm.is_finite(), format!("clip_norm = {norm}: above 0 is needed"));
        }
        if problems.is_empty() { Ok(()) } else { Err(TrainError::Settings { problems: problems.join("; ") }) }
    }
}
