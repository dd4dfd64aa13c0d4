//! Numbers for the tests: for every index and salt another.

/// Numbers between −1 and 1, mixed from index and salt as `SplitMix64` mixes.
pub(crate) fn numbers(count: usize, salt: u64) -> Vec<f32> {
    let number = |index: usize| {
        let seed = (index as u64 + 1).wrapping_add(salt.wrapping_mul(0x1_0000_0001));
        let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..count).map(number).collect()
}
