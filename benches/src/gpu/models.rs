//! The models whose shapes are measured, and what a token of training costs them.
//!
//! Their numbers stand in models.json, which the PyTorch side reads as well. Nothing here touches a device.

use std::collections::BTreeMap;

use anyhow::Context;
use outgrow_checkpoint::LlamaConfig;
use outgrow_schedules::{FlopConvention, Trainable};
use serde_json::{Value, json};

/// The models by name.
const MODELS: &str = include_str!("models.json");

/// The model that takes the place of all others where there is no GPU to fill.
pub(crate) const SMALL: &str = "small";

/// The numbers of a model, and of the micro-batch that composed operations leave room for: they keep the scores of all
/// pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) hidden: usize,
    pub(crate) intermediate: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) key_value_heads: usize,
    pub(crate) vocabulary: usize,
    pub(crate) tied: bool,
    pub(crate) sequence: usize,
    pub(crate) batch: usize,
}

/// FLOPs of a token of training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Flops {
    /// Attention as a whole square, as PaLM's MFU has it (arXiv 2204.02311, appendix B).
    pub(crate) full: f64,
    /// Attention's causal half only: [`FlopConvention::Exact`].
    pub(crate) exact: f64,
}

impl Model {
    /// The model of a name.
    pub(crate) fn named(name: &str) -> anyhow::Result<Self> {
        let models: BTreeMap<String, Value> = serde_json::from_str(MODELS).context("models.json")?;
        let model = models.get(name).with_context(|| format!("no model `{name}` in models.json"))?;
        let number = |key: &str| {
            let number = model[key].as_u64().with_context(|| format!("models.json: `{name}` has no `{key}`"));
            number.map(|number| number as usize)
        };
        Ok(Self {
            name: name.to_owned(),
            hidden: number("hidden")?,
            intermediate: number("intermediate")?,
            layers: number("layers")?,
            heads: number("heads")?,
            key_value_heads: number("key_value_heads")?,
            vocabulary: number("vocabulary")?,
            tied: model["tied"].as_bool().with_context(|| format!("models.json: `{name}` has no `tied`"))?,
            sequence: number("composed_sequence")?,
            batch: number("composed_batch")?,
        })
    }

    /// Width of a head.
    pub(crate) fn head_dim(&self) -> usize {
        self.hidden / self.heads
    }

    /// Radians a position, for each pair of a head's channels.
    pub(crate) fn rotary_frequencies(&self) -> Vec<f64> {
        let head_dim = self.head_dim();
        (0..head_dim / 2).map(|pair| 10_000_f64.powf(-2.0 * pair as f64 / head_dim as f64)).collect()
    }

    /// Tokens of a micro-batch.
    pub(crate) fn tokens(&self) -> usize {
        self.batch * self.sequence
    }

    /// What the decoder is built from.
    pub(crate) fn config(&self) -> anyhow::Result<LlamaConfig> {
        let json = json!({
            "model_type": "llama",
            "vocab_size": self.vocabulary,
            "hidden_size": self.hidden,
            "intermediate_size": self.intermediate,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.key_value_heads,
            "max_position_embeddings": self.sequence,
            "tie_word_embeddings": self.tied,
            "rms_norm_eps": 1e-5,
        });
        Ok(LlamaConfig::from_json(&json.to_string())?)
    }

    /// What a token costs in sequences of `sequence` tokens.
    pub(crate) fn flops_per_token(&self, sequence: usize) -> anyhow::Result<Flops> {
        let exact = FlopConvention::Exact.flops_per_token(&self.config()?, sequence, &Trainable::All);
        // Two products forward and four backward, and a causal query sees half of its sequence.
        let causal_attention = (6 * self.layers * sequence * self.hidden) as f64;
        Ok(Flops { full: exact + causal_attention, exact })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_models_are_as_large_as_their_names_say() {
        for (name, millions) in [("124m", 124.0), ("410m", 410.0), ("1.1b", 1100.0)] {
            let parameters = Model::named(name).unwrap().config().unwrap().num_parameters() as f64 / 1e6;
            assert!((parameters / millions - 1.0).abs() < 0.01, "{name} has {parameters} million");
        }
    }

    #[test]
    fn a_token_costs_six_times_the_weights_of_products_and_attention_by_either_convention() {
        let model = Model::named("124m").unwrap();
        let layer = 4 * 768 * 768 + 3 * 768 * 2048;
        let weights = f64::from(12 * layer + 50_304 * 768);
        let square = 12.0 * 12.0 * 768.0 * 1024.0;
        let flops = model.flops_per_token(1024).unwrap();
        assert!((flops.full - (6.0 * weights + square)).abs() < 1.0, "{flops:?}");
        assert!((flops.exact - (6.0 * weights + square / 2.0)).abs() < 1.0, "{flops:?}");
    }
}
