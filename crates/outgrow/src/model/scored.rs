//! The decoder as outgrow-eval asks for a model.

use std::error::Error;

use outgrow_checkpoint::LlamaConfig;
use outgrow_eval::{Continuations, LanguageModel, ModelOutline, Score};
use outgrow_model::{Decoder, Scorer};

/// A decoder that answers an evaluation.
#[derive(Debug)]
pub(crate) struct EvaluatedDecoder {
    scorer: Scorer,
    outline: ModelOutline,
}

impl EvaluatedDecoder {
    /// Shares the decoder's parameters, but for matrices in bf16.
    pub(crate) fn new(decoder: &Decoder, outline: ModelOutline) -> Self {
        Self { scorer: Scorer::new(decoder), outline }
    }
}

/// What an evaluation has to know of a model, from its configuration.
pub(crate) fn outline(
    config: &LlamaConfig,
    bos_token_id: Option<u32>,
    eos_token_id: Option<u32>,
) -> ModelOutline {
    let (vocab_size, max_length) = (config.vocab_size, config.max_position_embeddings);
    ModelOutline { vocab_size, max_length, bos_token_id, eos_token_id }
}

impl LanguageModel for EvaluatedDecoder {
    fn outline(&self) -> ModelOutline {
        self.outline.clone()
    }

    fn score(&mut self, groups: &[Continuations]) -> Result<Vec<Vec<Score>>, Box<dyn Error + Send + Sync>> {
        let asked = groups.iter().map(|group| outgrow_model::Continuations {
            context: &group.context,
            continuations: &group.continuations,
        });
        let scores = self.scorer.score(&asked.collect::<Vec<_>>())?;
        if scores.iter().flatten().any(|score| score.log_likelihood.is_nan()) {
            let problem =
                "log-likelihoods aren't numbers: its training has diverged, or its weights are broken";
            return Err(problem.into());
        }
        let score = |score: outgrow_model::Score| Score {
            log_likelihood: f64::from(score.log_likelihood),
            is_greedy: score.is_greedy,
        };
        Ok(scores.into_iter().map(|group| group.into_iter().map(score).collect()).collect())
    }
}
