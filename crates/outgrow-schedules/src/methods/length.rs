//! How long the last stage may be so that growing spends what training from scratch spends (arXiv 2405.15319:
//! `C = FLOPs(N/g, d) + FLOPs(N, D)`). Counts exactly, never by 6·N·T, which would hide what freezing saves.

use outgrow_checkpoint::LlamaConfig;
use serde::{Deserialize, Serialize};

use crate::{
    error::ScheduleError,
    flops::{FlopConvention, Orthogonalization},
    stage::Stage,
    trainable::Trainable,
};

/// How long the last stage of a schedule is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Length {
    /// So many tokens.
    Tokens(u64),
    /// As many tokens as the whole schedule can pay for, the earlier stages included.
    Budget {
        /// Exact FLOPs of the whole schedule.
        flops: f64,
        /// Tokens per sequence, which the cost of attention depends on.
        sequence_length: usize,
        /// What the optimizer adds, if it multiplies.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        orthogonalization: Option<Orthogonalization>,
    },
}

impl Length {
    /// The tokens of a last stage that trains `model` after the `earlier` stages. Of a budget, the most that it and the
    /// earlier stages can cost; what is left is less than one token.
    ///
    /// # Errors
    /// A budget that leaves less than one token.
    pub(crate) fn tokens(
        self,
        earlier: &[Stage],
        model: &LlamaConfig,
        trainable: &Trainable,
    ) -> Result<u64, ScheduleError> {
        let (budget, sequence_length, orthogonalization) = match self {
            Self::Tokens(tokens) => return Ok(tokens),
            Self::Budget { flops, sequence_length, orthogonalization } => {
                (flops, sequence_length, orthogonalization)
            }
        };
        let exact = FlopConvention::Exact;
        let of_optimizer = |model: &LlamaConfig, trainable: &Trainable| {
            orthogonalization.map_or(0.0, |one| one.flops_per_token(model, trainable))
        };
        let of_stage = |stage: &Stage| {
            stage.flops(exact, sequence_length)
                + stage.tokens as f64 * of_optimizer(&stage.model, &stage.trainable)
        };
        let spent: f64 = earlier.iter().map(of_stage).sum();
        let flops_per_token =
            exact.flops_per_token(model, sequence_length, trainable) + of_optimizer(model, trainable);
        let tokens = ((budget - spent) / flops_per_token).floor();
        // Written so that a budget of NaN is refused; infinity is no budget either.
        if !(tokens >= 1.0 && tokens.is_finite()) {
            let learning = earlier.iter().map(|stage| stage.learning_flops(exact, sequence_length)).sum();
            return Err(ScheduleError::Budget { budget, spent, learning, flops_per_token });
        }
        Ok(tokens as u64)
    }

    /// The tokens of all stages together, of which each trains on a share. Of a budget not rounded: the last stage is
    /// what the others leave.
    ///
    /// # Errors
    /// Shares that aren't as many as the stages, or are no parts of a whole; a budget that isn't one.
    pub(crate) fn total(self, stages: &[Stage], shares: &[f64]) -> Result<f64, ScheduleError> {
        let sum: f64 = shares.iter().sum();
        // Written so that NaN is refused.
        let are_parts = shares.iter().all(|share| *share > 0.0) && (sum - 1.0).abs() < 1e-6;
        if shares.len() != stages.len() || !are_parts {
            return Err(ScheduleError::Shares { shares: shares.to_vec(), stages: stages.len() });
        }
        let (budget, sequence_length, orthogonalization) = match self {
            Self::Tokens(tokens) => return Ok(tokens as f64),
            Self::Budget { flops, sequence_length, orthogonalization } => {
                (flops, sequence_length, orthogonalization)
            }
        };
        let of_stage = |stage: &Stage| {
            let of_optimizer =
                orthogonalization.map_or(0.0, |one| one.flops_per_token(&stage.model, &stage.trainable));
            stage.flops_per_token(FlopConvention::Exact, sequence_length) + of_optimizer
        };
        let flops_per_token: f64 =
            stages.iter().zip(shares).map(|(stage, share)| share * of_stage(stage)).sum();
        // They have no tokens yet: what they cost is what is learned before them.
        let spent: f64 = stages.iter().map(|stage| stage.flops(FlopConvention::Exact, sequence_length)).sum();
        let tokens = (budget - spent) / flops_per_token;
        if !(tokens >= 1.0 && tokens.is_finite()) {
            return Err(ScheduleError::Budget { budget, spent, learning: spent, flops_per_token });
        }
        Ok(tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freezing_buys_tokens_and_orthogonalisation_costs_some() {
        let model = LlamaConfig::from_json(
            r#"{"model_type": "llama", "vocab_size": 512, "hidden_size": 32, "intermediate_size": 96,
                "num_hidden_layers": 8, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
                "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "hidden_act": "silu",
                "tie_word_embeddings": false, "torch_dtype": "float32"}"#,
        );
        let model = model.unwrap();
        let budget = Length::Budget { flops: 1e12, sequence_length: 128, orthogonalization: None };
        let all = budget.tokens(&[], &model, &Trainable::All).unwrap();
        let orthogonalization = Some(Orthogonalization { iterations: 5, batch_tokens: 1024 });
        let with_muon = Length::Budget { flops: 1e12, sequence_length: 128, orthogonalization };
        assert!(with_muon.tokens(&[], &model, &Trainable::All).unwrap() < all);
        for layers in 1..8 {
            assert!(budget.tokens(&[], &model, &Trainable::Top { layers }).unwrap() > all, "top {layers}");
        }
    }
}
