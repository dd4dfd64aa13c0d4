//! In which order samples are read: a pure function of (seed, global sample index), with no table and no state.
//! It knows nothing of tokens or files, only how many samples there are.
//!
//! Sample `i` of a run lies in epoch `i / num_samples`, at place `i % num_samples` of it. Within an epoch the place is
//! sent through a permutation of `0..num_samples` that depends on the seed and the epoch:
//!
//! - A *Feistel network* permutes the `2^b` numbers of an even number of bits `b`, the least with `2^b ≥ num_samples`:
//!   the number is split into halves `(left, right)`, and each of [`ROUNDS`] rounds replaces them by
//!   `(right, left xor f(right, key of the round))`. Whatever `f` is, a round can be undone: the whole is a bijection.
//! - *Cycle walking* narrows that to `0..num_samples`: while the result is too large, permute it again. Starting inside
//!   the range, the walk comes back inside it; as `2^b < 4·num_samples`, it takes fewer than four steps on average.
//!   (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002.)
//!
//! So any process can compute any part of the order at once, and a run that goes on at sample `k` needs to know only
//! `k`.

use serde::Serialize;

/// Rounds of the Feistel network. Four would do for looking random; six cost nothing beside reading the tokens.
const ROUNDS: usize = 6;

/// How samples are ordered, before it is known how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// As they lie in the shards, epoch after epoch; for validation.
    Sequential,
    /// Permuted anew in each epoch.
    Shuffled {
        /// Decides the permutations of all epochs.
        seed: u64,
    },
}

/// An [`Order`] over a known number of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct SampleOrder {
    order: Order,
    num_samples: u64,
}

impl SampleOrder {
    /// The order of `num_samples` samples; `None` if there are none, because then no index has a sample.
    pub fn new(order: Order, num_samples: u64) -> Option<Self> {
        (num_samples > 0).then_some(Self { order, num_samples })
    }

    /// Samples in an epoch; at least one.
    pub fn num_samples(&self) -> u64 {
        self.num_samples
    }

    /// The epoch that a global sample index lies in, counted from 0.
    pub fn epoch(&self, index: u64) -> u64 {
        index / self.num_samples
    }

    /// Which sample, below [`num_samples`](Self::num_samples), is read at a global index.
    pub fn sample(&self, index: u64) -> u64 {
        let place = index % self.num_samples;
        match self.order {
            Order::Sequential => place,
            Order::Shuffled { seed } => {
                Permutation::new(seed, self.epoch(index), self.num_samples).apply(place)
            }
        }
    }
}

/// A keyed permutation of `0..size`.
struct Permutation {
    size: u64,
    half_bits: u32,
    keys: [u64; ROUNDS],
}

impl Permutation {
    fn new(seed: u64, epoch: u64, size: u64) -> Self {
        // Bits to write `size - 1`, rounded up to two equal halves of at least one bit.
        let half_bits = (u64::BITS - (size - 1).leading_zeros()).div_ceil(2).max(1);
        // Seed and epoch are mixed one after the other, so that (1, 0) and (0, 1) have nothing in common.
        let epoch_key = mix(mix(seed).wrapping_add(epoch));
        let keys = std::array::from_fn(|round| mix(epoch_key.wrapping_add(round as u64)));
        Self { size, half_bits, keys }
    }

    fn apply(&self, place: u64) -> u64 {
        let mut value = self.feistel(place);
        while value >= self.size {
            value = self.feistel(value);
        }
        value
    }

    fn feistel(&self, value: u64) -> u64 {
        let mask = (1 << self.half_bits) - 1;
        let (mut left, mut right) = (value >> self.half_bits, value & mask);
        for key in self.keys {
            (left, right) = (right, left ^ (mix(right ^ key) & mask));
        }
        left << self.half_bits | right
    }
}

/// A bijection of 64-bit numbers in which every input bit stirs every output bit: one step of Steele, Lea and Flood's
/// SplitMix64 generator ("Fast splittable pseudorandom number generators", 2014).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn epoch_of(order: SampleOrder, epoch: u64) -> Vec<u64> {
        let first = epoch * order.num_samples();
        (first..first + order.num_samples()).map(|index| order.sample(index)).collect()
    }

    proptest! {
        #[test]
        fn every_epoch_visits_every_sample_once(seed: u64, epoch in 0_u64..1000, size in 1_u64..3000) {
            let order = SampleOrder::new(Order::Shuffled { seed }, size).unwrap();
            let mut visited = epoch_of(order, epoch);
            visited.sort_unstable();
            prop_assert_eq!(visited, (0..size).collect::<Vec<_>>());
        }

        #[test]
        fn a_sample_stays_in_range_at_any_size(seed: u64, index: u64, size in 1_u64..) {
            let order = SampleOrder::new(Order::Shuffled { seed }, size).unwrap();
            prop_assert!(order.sample(index) < size);
        }

        #[test]
        fn a_sequential_order_counts_and_starts_again(index in 0_u64..1 << 40, size in 1_u64..5000) {
            let order = SampleOrder::new(Order::Sequential, size).unwrap();
            prop_assert_eq!(order.sample(index), index % size);
        }
    }

    #[test]
    fn every_small_size_is_permuted_onto_itself() {
        for size in 1..=130 {
            for seed in 0..20 {
                let mut visited =
                    epoch_of(SampleOrder::new(Order::Shuffled { seed }, size).unwrap(), seed % 3);
                visited.sort_unstable();
                assert_eq!(visited, (0..size).collect::<Vec<_>>(), "size {size}, seed {seed}");
            }
        }
    }

    #[test]
    fn seeds_and_epochs_give_different_orders() {
        let order = |seed| SampleOrder::new(Order::Shuffled { seed }, 1000).unwrap();
        let orders =
            [epoch_of(order(0), 0), epoch_of(order(0), 1), epoch_of(order(1), 0), (0..1000).collect()];
        for (i, one) in orders.iter().enumerate() {
            for other in &orders[i + 1..] {
                let agreeing = one.iter().zip(other).filter(|(a, b)| a == b).count();
                // Two random permutations agree in one place on average.
                assert!(agreeing < 12, "{agreeing} of 1000 places agree");
            }
        }
    }

    #[test]
    fn the_first_place_is_spread_evenly_over_the_samples() {
        let mut counts = [0_u32; 10];
        for seed in 0..10_000 {
            counts[SampleOrder::new(Order::Shuffled { seed }, 10).unwrap().sample(0) as usize] += 1;
        }
        // A thousand each, with a standard deviation of thirty.
        assert!(counts.iter().all(|&count| (850..1150).contains(&count)), "{counts:?}");
    }

    #[test]
    fn neighbours_do_not_stay_neighbours() {
        let samples = epoch_of(SampleOrder::new(Order::Shuffled { seed: 7 }, 4096).unwrap(), 0);
        let neighbours = samples.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) == 1).count();
        // Two expected in a random order.
        assert!(neighbours < 12, "{neighbours} neighbours in 4096");
    }

    #[test]
    fn no_samples_have_no_order() {
        assert_eq!(SampleOrder::new(Order::Sequential, 0), None);
    }

    /// The order is part of what a checkpoint relies on: a change here breaks the resumption of every older run.
    #[test]
    fn the_order_of_a_seed_is_fixed_for_ever() {
        let order = SampleOrder::new(Order::Shuffled { seed: 42 }, 10).unwrap();
        insta::assert_compact_debug_snapshot!((epoch_of(order, 0), epoch_of(order, 1)), @"([3, 2, 1, 7, 5, 4, 0, 6, 9, 8], [6, 1, 4, 7, 0, 5, 3, 8, 2, 9])");
    }
}
