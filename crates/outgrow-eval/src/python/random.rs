//! CPython's `random.Random`: the 32-bit Mersenne twister seeded as CPython seeds it, and the three methods by which
//! lm-evaluation-harness draws (`sample`, `choices`, `random`), bit for bit. It is no source of randomness for anything
//! else.
//!
//! The generator: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998). The methods: CPython 3.11,
//! Lib/random.py, which 3.12 and 3.13 draw alike.

use std::collections::HashSet;

/// Words of state.
const WORDS: usize = 624;
/// How far ahead the word lies that a word is mixed with.
const AHEAD: usize = 397;

/// A `random.Random` of CPython.
#[derive(Clone)]
pub(crate) struct MersenneTwister {
    state: [u32; WORDS],
    /// The state's words, tempered: what is given out.
    outputs: [u32; WORDS],
    next: usize,
}

impl MersenneTwister {
    /// `random.Random(seed)` for an integer that is not negative: its 32-bit words, the lowest first, are the key.
    pub(crate) fn new(seed: u64) -> Self {
        let (low, high) = (seed as u32, (seed >> 32) as u32);
        let key: &[u32] = if high == 0 { &[low] } else { &[low, high] };
        Self { state: state_of(key), outputs: [0; WORDS], next: WORDS }
    }

    /// The next 32 bits.
    #[inline]
    pub(crate) fn next_word(&mut self) -> u32 {
        if self.next == WORDS {
            self.refill();
        }
        let word = self.outputs[self.next];
        self.next += 1;
        word
    }

    /// `random()`: a multiple of 2^-53 in [0, 1), of two words.
    #[inline]
    pub(crate) fn random(&mut self) -> f64 {
        fraction(self.next_word(), self.next_word())
    }

    /// `_randbelow(bound)`: as many bits as the bound has, drawn until they are below it.
    fn below(&mut self, bound: u32) -> u32 {
        let bits = u32::BITS - bound.leading_zeros();
        if bits == 0 {
            return 0;
        }
        loop {
            let drawn = self.next_word() >> (u32::BITS - bits);
            if drawn < bound {
                return drawn;
            }
        }
    }

    /// `sample(range(population), count)`: that many different indices in the order in which they are drawn, or `None`
    /// if there aren't that many (or more than 2^32 - 1 to draw from).
    pub(crate) fn sample(&mut self, population: usize, count: usize) -> Option<Vec<usize>> {
        if count > population {
            return None;
        }
        let size = u32::try_from(population).ok()?;
        if population <= small_population(count) {
            let mut pool: Vec<usize> = (0..population).collect();
            let draw = |drawn: usize| {
                let index = self.below(size - drawn as u32) as usize;
                let taken = pool[index];
                pool[index] = pool[population - drawn - 1];
                taken
            };
            return Some((0..count).map(draw).collect());
        }
        let mut seen = HashSet::with_capacity(count);
        let draw = |_| {
            loop {
                let index = self.below(size) as usize;
                if seen.insert(index) {
                    return index;
                }
            }
        };
        Some((0..count).map(draw).collect())
    }

    /// Gives `take` each of `choices(values, k=count)`, in order: equally likely, with repetition.
    #[inline]
    pub(crate) fn choices(&mut self, values: &[f64], count: usize, mut take: impl FnMut(f64)) {
        let size = values.len() as f64;
        // Not negative, and below the size: a fraction is at most 1 - 2^-53.
        let mut choose = |fraction: f64| take(values[(fraction * size) as usize]);
        let mut left = count;
        while left > 0 {
            // Whole blocks without asking after each word whether there is another one: a bootstrap draws a billion of
            // them.
            let pairs = left.min((WORDS - self.next) / 2);
            for words in self.outputs[self.next..self.next + 2 * pairs].chunks_exact(2) {
                choose(fraction(words[0], words[1]));
            }
            self.next += 2 * pairs;
            left -= pairs;
            if left > 0 {
                choose(self.random());
                left -= 1;
            }
        }
    }

    fn refill(&mut self) {
        let state = &mut self.state;
        for word in 0..WORDS - AHEAD {
            state[word] = state[word + AHEAD] ^ mixed(state[word], state[word + 1]);
        }
        for word in WORDS - AHEAD..WORDS - 1 {
            state[word] = state[word + AHEAD - WORDS] ^ mixed(state[word], state[word + 1]);
        }
        state[WORDS - 1] = state[AHEAD - 1] ^ mixed(state[WORDS - 1], state[0]);
        for (output, &word) in self.outputs.iter_mut().zip(state.iter()) {
            *output = tempered(word);
        }
        self.next = 0;
    }
}

impl std::fmt::Debug for MersenneTwister {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MersenneTwister").field("next", &self.next).finish_non_exhaustive()
    }
}

/// Up to which population `sample` shuffles a copy of it instead of remembering what it has drawn: the size at which
/// CPython reckons that a list is smaller than a set.
fn small_population(count: usize) -> usize {
    if count <= 5 {
        return 21;
    }
    // Three times a count is no power of four, so that rounding can't decide the ceiling.
    let exponent = ((3 * count) as f64).log(4.0).ceil();
    21 + 4_f64.powf(exponent) as usize
}

/// 53 bits of two words, as a fraction.
#[inline]
fn fraction(high: u32, low: u32) -> f64 {
    (f64::from(high >> 5) * 67_108_864.0 + f64::from(low >> 6)) * (1.0 / 9_007_199_254_740_992.0)
}

#[inline]
fn mixed(upper: u32, lower: u32) -> u32 {
    let word = (upper & 0x8000_0000) | (lower & 0x7fff_ffff);
    (word >> 1) ^ if word & 1 == 0 { 0 } else { 0x9908_b0df }
}

#[inline]
fn tempered(mut word: u32) -> u32 {
    word ^= word >> 11;
    word ^= (word << 7) & 0x9d2c_5680;
    word ^= (word << 15) & 0xefc6_0000;
    word ^ (word >> 18)
}

/// `init_by_array`: the state that a key of words gives.
fn state_of(key: &[u32]) -> [u32; WORDS] {
    let mut state = [0; WORDS];
    state[0] = 19_650_218;
    for word in 1..WORDS {
        state[word] = spread(state[word - 1], 1_812_433_253).wrapping_add(word as u32);
    }
    let mut word = 1;
    let advance = |state: &mut [u32; WORDS], word: usize| {
        if word + 1 < WORDS {
            return word + 1;
        }
        state[0] = state[WORDS - 1];
        1
    };
    for (position, &part) in (0..key.len()).zip(key).cycle().take(WORDS.max(key.len())) {
        let mixed = state[word] ^ spread(state[word - 1], 1_664_525);
        state[word] = mixed.wrapping_add(part).wrapping_add(position as u32);
        word = advance(&mut state, word);
    }
    for _ in 1..WORDS {
        let mixed = state[word] ^ spread(state[word - 1], 1_566_083_941);
        state[word] = mixed.wrapping_sub(word as u32);
        word = advance(&mut state, word);
    }
    state[0] = 0x8000_0000;
    state
}

fn spread(word: u32, factor: u32) -> u32 {
    (word ^ (word >> 30)).wrapping_mul(factor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_words_are_those_of_cpython() {
        let mut random = MersenneTwister::new(1234);
        let words: Vec<u32> = (0..4).map(|_| random.next_word()).collect();
        // random.Random(1234).getrandbits(32), four times.
        assert_eq!(words, [4_150_886_329, 3_342_196_574, 1_892_932_127, 501_869_158]);
        assert_eq!(MersenneTwister::new(0).random().to_bits(), 0.844_421_851_525_048_1_f64.to_bits());
        assert_eq!(MersenneTwister::new(1 << 40).next_word(), 445_128_065);
    }

    fn golden_json(file: &str) -> serde_json::Value {
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        serde_json::from_str(&std::fs::read_to_string(golden.join(file)).unwrap()).unwrap()
    }

    #[test]
    fn draws_are_those_of_cpython() {
        let numbers = golden_json("numbers.json");
        for sample in numbers["samples"].as_array().unwrap() {
            let number = |key: &str| sample[key].as_u64().unwrap();
            let mut random = MersenneTwister::new(number("seed"));
            let (population, count) = (number("population") as usize, number("count") as usize);
            let drawn: Vec<_> = (0..2).flat_map(|_| random.sample(population, count).unwrap()).collect();
            assert_eq!(serde_json::to_value(drawn).unwrap(), sample["drawn"], "{sample}");
        }
        let values: Vec<f64> = serde_json::from_value(numbers["likelihoods"].clone()).unwrap();
        let mut chosen = Vec::new();
        MersenneTwister::new(3).choices(&values, 20, |value| chosen.push(value));
        assert_eq!(serde_json::to_value(chosen).unwrap(), numbers["choices_of_seed_3"]);
    }

    proptest! {
        #[test]
        fn a_sample_has_different_members_of_the_population(seed: u64, population in 0_usize..400, count in 0_usize..60) {
            let drawn = MersenneTwister::new(seed).sample(population, count);
            prop_assert_eq!(drawn.is_some(), count <= population);
            if let Some(drawn) = drawn {
                let different: HashSet<_> = drawn.iter().collect();
                prop_assert_eq!(different.len(), count);
                prop_assert!(drawn.iter().all(|&index| index < population));
            }
        }
    }
}
