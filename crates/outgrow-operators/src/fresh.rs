//! Fresh weights: their spread, and the generator that draws them.
//!
//! Spread is that of the code released with arXiv 2405.15319 (A.0): variance `2 / (5 · inputs)`, and `1 / (inputs · layers²)`
//! for what writes into the residual stream.

use chacha20::{ChaCha8Rng, rand_core::SeedableRng};
use outgrow_checkpoint::LlamaConfig;
use rand_distr::{Distribution, StandardNormal};

use crate::{origin::Fill, part::Part};

/// Fresh values for the tensor `name` of the grown model.
pub(crate) fn fresh(target: &LlamaConfig, part: Part, name: &str, seed: u64) -> Fill {
    match part {
        Part::Norm | Part::FinalNorm => Fill::Constant(1.0),
        // As in transformers; and so nothing is added to what is to be zero.
        Part::QueryBias | Part::KeyBias | Part::ValueBias => Fill::ZERO,
        _ => {
            Fill::Normal { standard_deviation: standard_deviation(target, part), seed, key: name.to_owned() }
        }
    }
}

/// Noise for the tensor `name`, whose spread is that of equations 53 and 54: as fresh weights, but `1 / (hidden · layers²)` for what
/// writes into the residual stream, whatever its own inputs.
pub(crate) fn noise(model: &LlamaConfig, part: Part, name: &str, seed: u64) -> Fill {
    let standard_deviation = match part {
        Part::Output | Part::Down => {
            1.0 / ((model.hidden_size as f64).sqrt() * model.num_hidden_layers as f64)
        }
        _ => standard_deviation(model, part),
    };
    // A key of its own: fresh weights of an earlier growth with the same seed are other numbers.
    Fill::Normal { standard_deviation, seed, key: format!("noise {name}") }
}

fn standard_deviation(target: &LlamaConfig, part: Part) -> f64 {
    let inputs = match part {
        Part::Output => target.num_attention_heads * target.head_dim,
        Part::Down => target.intermediate_size,
        _ => target.hidden_size,
    } as f64;
    match part {
        Part::Output | Part::Down => 1.0 / (inputs.sqrt() * target.num_hidden_layers as f64),
        _ => (2.0 / (5.0 * inputs)).sqrt(),
    }
}

/// Fills one row of a tensor. Each row has a stream of its own, so rows can be drawn in any order.
pub(crate) fn draw_row(standard_deviation: f64, seed: u64, key: &str, row: usize, values: &mut [f32]) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&fnv1a(key).to_le_bytes());
    // Told apart from the first weights of a model, which have the same seed and names.
    bytes[16..22].copy_from_slice(b"growth");
    bytes[24..].copy_from_slice(&(row as u64).to_le_bytes());
    let drawn = StandardNormal.sample_iter(ChaCha8Rng::from_seed(bytes));
    for (value, drawn) in values.iter_mut().zip(drawn) {
        let drawn: f64 = drawn;
        *value = (drawn * standard_deviation) as f32;
    }
}

/// FNV-1a, 64 bits: spreads tensor names over generator keys. Not for anything that must withstand an adversary.
fn fnv1a(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
