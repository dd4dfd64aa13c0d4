//! The choice of the next token from its logits.
//!
//! The order of what narrows the choice is that of `transformers`: temperature, then the most probable `top_k`, then
//! `top_p` of what is left.

use chacha20::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// How the next token is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Sampling {
    /// The most probable one; of equally probable ones the first.
    #[default]
    Greedy,
    /// At random, by probability.
    Random {
        /// Logits are divided by it: below 1 what is probable becomes more so. Above 0.
        temperature: f64,
        /// Only so many of the most probable ones.
        top_k: Option<usize>,
        /// Only the most probable ones, as few as have together at least this probability.
        top_p: Option<f64>,
        /// The same seed gives the same text.
        seed: u64,
    },
}

/// Chooses tokens, one after the other.
///
/// ```
/// use outgrow_model::{Sampler, Sampling};
///
/// let logits = [0.5, 2.0, -1.0];
/// assert_eq!(Sampler::new(Sampling::Greedy).choose(&logits), 1);
/// let sampling = Sampling::Random { temperature: 0.8, top_k: Some(2), top_p: None, seed: 1 };
/// assert_ne!(Sampler::new(sampling).choose(&logits), 2);
/// ```
#[derive(Debug)]
pub struct Sampler {
    sampling: Sampling,
    generator: ChaCha8Rng,
}

impl Sampler {
    /// From the beginning of the seed's random numbers.
    pub fn new(sampling: Sampling) -> Self {
        let seed = match sampling {
            Sampling::Greedy => 0,
            Sampling::Random { seed, .. } => seed,
        };
        Self { sampling, generator: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The next token.
    pub fn choose(&mut self, logits: &[f32]) -> u32 {
        match self.sampling {
            Sampling::Greedy => greedy(logits),
            Sampling::Random { temperature, top_k, top_p, .. } => {
                let candidates = candidates(logits, temperature, top_k, top_p);
                let total: f64 = candidates.iter().map(|(_, weight)| weight).sum();
                // 53 random bits, as many as a number from 0 to 1 has.
                let random = (self.generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
                pick(&candidates, random * total)
            }
        }
    }
}

fn greedy(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (token, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = token;
        }
    }
    best as u32
}

/// What may be chosen, the most probable first, with weights that go as the probabilities.
fn candidates(logits: &[f32], temperature: f64, top_k: Option<usize>, top_p: Option<f64>) -> Vec<(u32, f64)> {
    let mut candidates: Vec<(u32, f64)> =
        (0..).zip(logits.iter().map(|&logit| f64::from(logit) / temperature)).collect();
    candidates.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
    candidates.truncate(top_k.unwrap_or(usize::MAX).max(1));
    let largest = candidates.first().map_or(0.0, |(_, logit)| *logit);
    for (_, logit) in &mut candidates {
        *logit = (*logit - largest).exp();
    }
    if let Some(top_p) = top_p {
        let total: f64 = candidates.iter().map(|(_, weight)| weight).sum();
        let mut sum = 0.0;
        let enough = candidates.iter().position(|(_, weight)| {
            sum += weight;
            sum >= top_p * total
        });
        candidates.truncate(enough.map_or(usize::MAX, |last| last + 1));
    }
    candidates
}

/// The candidate in whose part of the weights' sum `place` lies.
fn pick(candidates: &[(u32, f64)], place: f64) -> u32 {
    let mut sum = 0.0;
    let found = candidates.iter().find(|(_, weight)| {
        sum += weight;
        place < sum
    });
    found.or(candidates.last()).map_or(0, |(token, _)| *token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(candidates: &[(u32, f64)]) -> Vec<u32> {
        candidates.iter().map(|(token, _)| *token).collect()
    }

    #[test]
    fn of_equally_probable_tokens_greedy_takes_the_first() {
        assert_eq!(Sampler::new(Sampling::Greedy).choose(&[0.5, 2.0, 2.0, -1.0]), 1);
    }

    #[test]
    fn top_k_keeps_the_most_probable() {
        assert_eq!(tokens(&candidates(&[1.0, 3.0, 2.0, 0.0], 1.0, Some(2), None)), [1, 2]);
    }

    #[test]
    fn top_p_keeps_as_few_as_have_the_probability() {
        let logits = [0.5_f32, 0.3, 0.15, 0.05].map(f32::ln);
        assert_eq!(tokens(&candidates(&logits, 1.0, None, Some(0.79))), [0, 1]);
        assert_eq!(tokens(&candidates(&logits, 1.0, None, Some(0.81))), [0, 1, 2]);
        assert_eq!(tokens(&candidates(&logits, 1.0, None, Some(1e-9))), [0]);
    }

    #[test]
    fn tokens_come_as_often_as_they_are_probable() {
        let sampling = Sampling::Random { temperature: 0.5, top_k: None, top_p: None, seed: 7 };
        let mut sampler = Sampler::new(sampling);
        // At temperature one half, probabilities go as squares: 0.9, 0.1.
        let logits = [3_f32.ln(), 0.0];
        let first = (0..10_000).filter(|_| sampler.choose(&logits) == 0).count();
        assert!((8_900..9_100).contains(&first), "{first}");
    }

    #[test]
    fn the_same_seed_gives_the_same_tokens() {
        let sampling = Sampling::Random { temperature: 1.0, top_k: Some(50), top_p: Some(0.9), seed: 3 };
        let logits: Vec<f32> = (0..100_u8).map(|token| f32::from(token % 7)).collect();
        let draw = || {
            let mut sampler = Sampler::new(sampling);
            (0..20).map(|_| sampler.choose(&logits)).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
    }
}
