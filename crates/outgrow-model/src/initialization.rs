//! The weights of a model that has not been trained.
//!
//! Drawn on the CPU from a generator of its own for each tensor, seeded by the tensor's name: the same seed gives the same
//! weights on every device, whatever other tensors there are.

use chacha20::{ChaCha8Rng, rand_core::SeedableRng};
use outgrow_checkpoint::{HostTensor, LlamaConfig, NamedTensors, layer_index};
use rand_distr::{Distribution, StandardNormal};

/// How the standard deviation of a weight is chosen. Norm weights always start at one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// A fresh set of weights for the configuration.
pub fn initial_tensors(config: &LlamaConfig, initialization: Initialization, seed: u64) -> NamedTensors {
    let tensor = |shape: Vec<usize>, name: &str| {
        let count = shape.iter().product();
        let values = match *shape.as_slice() {
            [_, inputs] => {
                normal_values(count, standard_deviation(config, initialization, name, inputs), seed, name)
            }
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
    key[8..16].copy_from_slice(&fnv1a(name).to_le_bytes());
    let generator = ChaCha8Rng::from_seed(key);
    let standard = StandardNormal.sample_iter(generator).take(count);
    standard.map(|value: f64| (value * standard_deviation) as f32).collect()
}

/// FNV-1a, 64 bits: spreads tensor names over generator keys. Not for anything that must withstand an adversary.
fn fnv1a(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
