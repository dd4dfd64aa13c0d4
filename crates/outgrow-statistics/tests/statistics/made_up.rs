//! Numbers drawn with fixed seeds.

use outgrow_statistics::SplitMix64;

/// Standard normal numbers, by Box and Muller's method.
pub(crate) struct Normals {
    random: SplitMix64,
}

impl Normals {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: SplitMix64::new(seed) }
    }

    pub(crate) fn next(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.random.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.random.unit()).cos()
    }

    pub(crate) fn take(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.next()).collect()
    }
}
