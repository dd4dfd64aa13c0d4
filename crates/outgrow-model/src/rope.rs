//! The angles of rotary embedding, with the scalings that checkpoints of LLaMA's kind use.

use std::f64::consts::TAU;

use burn::tensor::Device;
use outgrow_checkpoint::{LlamaConfig, RopeScaling, Yarn};
use outgrow_kernels::RotaryTable;

/// The angles of all positions.
pub(crate) fn rotary_table(config: &LlamaConfig, device: &Device) -> RotaryTable {
    let table = RotaryTable::new(&rotary_frequencies(config), config.max_position_embeddings, device);
    match config.rope.scaling {
        RopeScaling::Default | RopeScaling::Linear { .. } | RopeScaling::Llama3 { .. } => table,
        RopeScaling::Yarn(yarn) => table.scaled(yarn.attention_factor),
    }
}

/// Radians a position for each of the `head_dim / 2` pairs: `theta^(-2i / head_dim)` (arXiv 2104.09864), scaled.
///
/// `Linear` divides all frequencies by the factor (arXiv 2306.15595). `Llama3` leaves short wavelengths alone, divides
/// long ones, and goes from one to the other smoothly between, as Llama 3.1's reference code does. `Yarn` does so too
/// (arXiv 2309.00071), with a ramp that is even over the pairs and not over their turns.
fn rotary_frequencies(config: &LlamaConfig) -> Vec<f64> {
    let (theta, head_dim) = (config.rope.theta, config.head_dim as f64);
    let base = (0..config.head_dim / 2).map(|pair| theta.powf(-2.0 * pair as f64 / head_dim));
    match config.rope.scaling {
        RopeScaling::Default => base.collect(),
        RopeScaling::Linear { factor } => base.map(|frequency| frequency / factor).collect(),
        RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_max_position_embeddings,
        } => {
            let scale = |frequency: f64| {
                let turns = original_max_position_embeddings as f64 * frequency / TAU;
                // 0 at `low_freq_factor` turns within the original context, 1 at `high_freq_factor`.
                let share =
                    ((turns - low_freq_factor) / (high_freq_factor - low_freq_factor)).clamp(0.0, 1.0);
                divided(frequency, factor, share)
            };
            base.map(scale).collect()
        }
        RopeScaling::Yarn(yarn) => {
            let [first, last] = ramp(yarn, theta, head_dim);
            let scale = |(pair, frequency): (usize, f64)| {
                let share = 1.0 - ((pair as f64 - first) / (last - first)).clamp(0.0, 1.0);
                divided(frequency, yarn.factor, share)
            };
            base.enumerate().map(scale).collect()
        }
    }
}

/// A frequency of which a share is kept as it is.
fn divided(frequency: f64, factor: f64, share: f64) -> f64 {
    (1.0 - share) * frequency / factor + share * frequency
}

/// The last pair that is kept and the first that is divided whole, as numbers between pairs. As
/// transformers has it, the bounds are those of channels, though it is pairs that are counted.
fn ramp(yarn: Yarn, theta: f64, head_dim: f64) -> [f64; 2] {
    let pair_of = |turns: f64| {
        head_dim * (yarn.original_max_position_embeddings as f64 / (turns * TAU)).ln() / (2.0 * theta.ln())
    };
    let (first, last) = (pair_of(yarn.beta_fast), pair_of(yarn.beta_slow));
    let (first, last) = if yarn.truncate { (first.floor(), last.ceil()) } else { (first, last) };
    let (first, last) = (first.max(0.0), last.min(head_dim - 1.0));
    // A ramp has some length.
    [first, if (last - first).abs() > 0.0 { last } else { last + 0.001 }]
}
