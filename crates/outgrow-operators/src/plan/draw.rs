//! The generator that fresh weights are drawn by: a value at a place is a function of seed, key and place. What spread
//! they have is not decided here.

use chacha20::{ChaCha8Rng, rand_core::SeedableRng};
use outgrow_checkpoint::tensor_names::name_hash;
use rand_distr::{Distribution, StandardNormal};

/// Fills one row of a tensor. Each row has a stream of its own, so rows can be drawn in any order.
pub(crate) fn draw_row(standard_deviation: f64, seed: u64, key: &str, row: usize, values: &mut [f32]) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&name_hash(key).to_le_bytes());
    // Told apart from the first weights of a model, which have the same seed and names.
    bytes[16..22].copy_from_slice(b"growth");
    bytes[24..].copy_from_slice(&(row as u64).to_le_bytes());
    let drawn = StandardNormal.sample_iter(ChaCha8Rng::from_seed(bytes));
    for (value, drawn) in values.iter_mut().zip(drawn) {
        let drawn: f64 = drawn;
        *value = (drawn * standard_deviation) as f32;
    }
}
