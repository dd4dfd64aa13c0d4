//! The angular frequencies of rotary embedding, with the scalings that LLaMA checkpoints use.

use std::f64::consts::TAU;

use outgrow_checkpoint::{LlamaConfig, RopeScaling};

/// Radians a position for each of the `head_dim / 2` pairs: `theta^(-2i / head_dim)` (arXiv 2104.09864), scaled.
///
/// `Linear` divides all frequencies by the factor (arXiv 2306.15595). `Llama3` leaves short wavelengths alone, divides
/// long ones, and goes from one to the other smoothly between, as Llama 3.1's reference code does.
pub(crate) fn rotary_frequencies(config: &LlamaConfig) -> Vec<f64> {
    let pairs = config.head_dim / 2;
    let base = (0..pairs).map(|pair| config.rope.theta.powf(-2.0 * pair as f64 / config.head_dim as f64));
    base.map(|frequency| scale(frequency, &config.rope.scaling)).collect()
}

fn scale(frequency: f64, scaling: &RopeScaling) -> f64 {
    match *scaling {
        RopeScaling::Default => frequency,
        RopeScaling::Linear { factor } => frequency / factor,
        RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_max_position_embeddings,
        } => {
            let turns = original_max_position_embeddings as f64 * frequency / TAU;
            // 0 at `low_freq_factor` turns within the original context, 1 at `high_freq_factor`.
            let share = ((turns - low_freq_factor) / (high_freq_factor - low_freq_factor)).clamp(0.0, 1.0);
            (1.0 - share) * frequency / factor + share * frequency
        }
    }
}
