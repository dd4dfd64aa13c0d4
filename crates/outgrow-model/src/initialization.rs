//! The weights of a model that has not been trained.
//!
//! Drawn on the CPU from a generator of its own for each tensor, seeded by the tensor's name: the same seed gives the
//! same weights on every device, whatever other tensors there are.

use std::{fmt, str::FromStr};

use chacha20::{ChaCha8Rng, rand_core::SeedableRng};
use outgrow_checkpoint::{
    HostTensor, LlamaConfig, NamedTensors,
    tensor_names::{layer_index, name_hash},
};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::ModelError;

/// How the standard deviation of a weight is chosen. Norm weights always start at one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initialization {
    /// `initializer_range` for all, but `initializer_range / sqrt(2 · layers)` for what writes into the residual stream
    /// (`o_proj`, `down_proj`), as GPT-2 has it.
    #[default]
    DepthScaled,
    /// `initializer_range` for all, as Hugging Face has it.
    Normal,
    /// `sqrt(2 / (5 · in))`, with `1 / (sqrt(in) · layers)` for `down_proj`: the code released with arXiv 2405.15319.
    TinyLlama,
}

impl Initialization {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::DepthScaled, Self::Normal, Self::TinyLlama];
}

impl fmt::Display for Initialization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::DepthScaled => "depth-scaled",
            Self::Normal => "normal",
            Self::TinyLlama => "tiny-llama",
        })
    }
}

impl FromStr for Initialization {
    type Err = ModelError;

    fn from_str(word: &str) -> Result<Self, ModelError> {
        let found = Self::ALL.into_iter().find(|initialization| initialization.to_string() == word);
        found.ok_or_else(|| ModelError::UnknownInitialization { word: word.to_owned() })
    }
}

/// A fresh set of weights for the configuration, in the names and shapes of its tensors.
///
/// ```
/// use outgrow_checkpoint::LlamaConfig;
/// use outgrow_model::{Initialization, initial_tensors};
///
/// let config = LlamaConfig::from_json(
///     r#"{"model_type": "llama", "vocab_size": 16, "hidden_size": 8, "intermediate_size": 12,
///         "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 32}"#,
/// )?;
/// let tensors = initial_tensors(&config, "depth-scaled".parse()?, 1);
/// assert_eq!(tensors["model.layers.1.mlp.down_proj.weight"].shape, [8, 12]);
/// assert_eq!(tensors, initial_tensors(&config, Initialization::DepthScaled, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn initial_tensors(config: &LlamaConfig, initialization: Initialization, seed: u64) -> NamedTensors {
    let tensor = |shape: Vec<usize>, name: &str| {
        let count = shape.iter().product();
        let values = match *shape.as_slice() {
            [_, inputs] => {
                normal_values(count, standard_deviation(config, initialization, name, inputs), seed, name)
            }
            _ if name.ends_with("_proj.bias") => vec![0.0; count],
            _ => vec![1.0; count],
        };
        HostTensor { shape, values }
    };
    config.tensors().into_iter().map(|spec| (spec.name.clone(), tensor(spec.shape, &spec.name))).collect()
}

fn standard_deviation(
    config: &LlamaConfig,
    initialization: Initialization,
    name: &str,
    inputs: usize,
) -> f64 {
    let layers = config.num_hidden_layers as f64;
    let writes_residual = name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
    match initialization {
        Initialization::DepthScaled if writes_residual && layer_index(name).is_some() => {
            config.initializer_range / (2.0 * layers).sqrt()
        }
        Initialization::Normal | Initialization::DepthScaled => config.initializer_range,
        Initialization::TinyLlama if name.ends_with("down_proj.weight") => {
            1.0 / ((inputs as f64).sqrt() * layers)
        }
        Initialization::TinyLlama => (2.0 / (5.0 * inputs as f64)).sqrt(),
    }
}

fn normal_values(count: usize, standard_deviation: f64, seed: u64, name: &str) -> Vec<f32> {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&name_hash(name).to_le_bytes());
    let generator = ChaCha8Rng::from_seed(key);
    let standard = StandardNormal.sample_iter(generator).take(count);
    standard.map(|value: f64| (value * standard_deviation) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_initialization_reads_back_as_it_was_written() {
        for initialization in Initialization::ALL {
            assert_eq!(initialization.to_string().parse(), Ok(initialization));
            let written = serde_json::to_value(initialization).unwrap();
            assert_eq!(written, initialization.to_string(), "recipes have the same word");
        }
        let message = "xavier".parse::<Initialization>().unwrap_err().to_string();
        assert_eq!(message, "unknown initialization `xavier`: expected depth-scaled, normal or tiny-llama");
    }
}
