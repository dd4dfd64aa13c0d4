//! The order in which operands lie for instructions that multiply bf16 in pairs.
//!
//! A panel has so many lanes (rows of the left side, columns of the right), and for every two steps of what is summed
//! over each lane's pair of values, one after the other. Behind the last lane and the last step are zeros. gemmkit
//! copies pair by pair; here, registers are copied whole, which takes a quarter of the time where steps are neighbours.
//! The test that both agree is beside the family that uses it (pairs.rs).

use std::{
    arch::x86_64::{
        __m128i, _mm_loadl_epi64, _mm_loadu_si128, _mm_storeu_si128, _mm_unpackhi_epi16, _mm_unpackhi_epi32,
        _mm_unpackhi_epi64, _mm_unpacklo_epi16, _mm_unpacklo_epi32, _mm_unpacklo_epi64,
    },
    ops::Range,
};

use half::bf16;

/// Lanes, or pairs of steps, that are transposed at once.
const SQUARE: usize = 4;

/// Values to be put in order: that of a lane and step is `lane · lane_stride + step · step_stride` behind the first.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    /// The first.
    pub(crate) values: *const bf16,
    /// From a lane to the next.
    pub(crate) lane_stride: isize,
    /// From a step to the next.
    pub(crate) step_stride: isize,
    /// Rows of the left side, or columns of the right.
    pub(crate) lanes: usize,
    /// What is summed over.
    pub(crate) steps: usize,
}

impl Source {
    /// Where a value lies.
    ///
    /// # Safety
    /// There is such a lane and such a step.
    unsafe fn at(&self, lane: usize, step: usize) -> *const bf16 {
        // SAFETY: the values of all lanes and steps lie in one array.
        unsafe { self.values.offset(lane as isize * self.lane_stride + step as isize * self.step_stride) }
    }

    /// A value's bits; none outside.
    ///
    /// # Safety
    /// All lanes and steps can be read.
    unsafe fn bits(&self, lane: usize, step: usize) -> u32 {
        if lane < self.lanes && step < self.steps {
            // SAFETY: it is inside.
            u32::from(unsafe { *self.at(lane, step) }.to_bits())
        } else {
            0
        }
    }
}

/// A panel that is being written: the pairs of `width` lanes, from the source's lane `first` on.
#[derive(Clone, Copy)]
struct Panel {
    pairs: *mut u32,
    width: usize,
    first: usize,
}

impl Panel {
    /// Where the pair of a lane, counted from the panel's first, is to be.
    ///
    /// # Safety
    /// The panel has it.
    unsafe fn at(self, lane: usize, pair: usize) -> *mut u32 {
        // SAFETY: the panel has all pairs of its lanes.
        unsafe { self.pairs.add(pair * self.width + lane) }
    }

    /// Writes pair by pair.
    ///
    /// # Safety
    /// The panel has them, and the source can be read.
    unsafe fn fill(self, source: &Source, lanes: Range<usize>, pairs: Range<usize>) {
        for pair in pairs {
            for lane in lanes.clone() {
                // SAFETY: what is outside of the source isn't read.
                unsafe {
                    let [low, high] = [0, 1].map(|step| source.bits(self.first + lane, 2 * pair + step));
                    self.at(lane, pair).write_unaligned(low | high << 16);
                }
            }
        }
    }

    /// Writes the pairs of four lanes whose steps are neighbours, as squares that are transposed.
    ///
    /// # Safety
    /// The panel and the source have those lanes, and twice as many steps as pairs; the source's steps are neighbours.
    unsafe fn transpose(self, source: &Source, lane: usize, squares: usize) {
        for pair in (0..squares * SQUARE).step_by(SQUARE) {
            // SAFETY: each load is of eight steps of a lane, each store of the pairs of four lanes.
            unsafe {
                let [a, b, c, d] =
                    [0, 1, 2, 3].map(|next| load(source.at(self.first + lane + next, 2 * pair)));
                let [low, high] = [_mm_unpacklo_epi32(a, b), _mm_unpacklo_epi32(c, d)];
                self.store(lane, pair, _mm_unpacklo_epi64(low, high));
                self.store(lane, pair + 1, _mm_unpackhi_epi64(low, high));
                let [low, high] = [_mm_unpackhi_epi32(a, b), _mm_unpackhi_epi32(c, d)];
                self.store(lane, pair + 2, _mm_unpacklo_epi64(low, high));
                self.store(lane, pair + 3, _mm_unpackhi_epi64(low, high));
            }
        }
    }

    /// Writes the first lanes' pairs of two steps, where lanes are neighbours.
    ///
    /// # Safety
    /// The panel and the source have those lanes, a multiple of four, and both steps; the source's lanes are
    /// neighbours.
    unsafe fn interleave(self, source: &Source, lanes: usize, pair: usize) {
        // SAFETY: each load is of eight or four lanes, and so are the stores.
        unsafe {
            let [low, high] = [0, 1].map(|step| source.at(self.first, 2 * pair + step));
            for lane in (0..lanes / 8 * 8).step_by(8) {
                let [low, high] = [low, high].map(|values| load(values.add(lane)));
                self.store(lane, pair, _mm_unpacklo_epi16(low, high));
                self.store(lane + 4, pair, _mm_unpackhi_epi16(low, high));
            }
            if lanes % 8 >= SQUARE {
                let lane = lanes / 8 * 8;
                let [low, high] = [low, high].map(|values| _mm_loadl_epi64(values.add(lane).cast()));
                self.store(lane, pair, _mm_unpacklo_epi16(low, high));
            }
        }
    }

    /// Writes the pairs of four lanes.
    ///
    /// # Safety
    /// The panel has them.
    unsafe fn store(self, lane: usize, pair: usize, values: __m128i) {
        // SAFETY: they are neighbours.
        unsafe { _mm_storeu_si128(self.at(lane, pair).cast(), values) }
    }
}

/// Eight values.
///
/// # Safety
/// They can be read.
unsafe fn load(values: *const bf16) -> __m128i {
    // SAFETY: the caller says so.
    unsafe { _mm_loadu_si128(values.cast()) }
}

/// Writes as many panels of `width` lanes as the source fills.
///
/// # Safety
/// All of the source can be read, and the target written, that far.
pub(crate) unsafe fn pack(target: *mut bf16, source: Source, width: usize) {
    let pairs = source.steps.div_ceil(2);
    for first in (0..source.lanes).step_by(width) {
        // Lanes and pairs that are written four by four.
        let whole_lanes = width.min(source.lanes - first) / SQUARE * SQUARE;
        let whole_pairs = source.steps / 2 / SQUARE * SQUARE;
        // SAFETY: the panels lie one behind the other; the ranges are those of the source that exist, and `fill` looks
        // for itself.
        unsafe {
            let panel = Panel { pairs: target.add(first * pairs * 2).cast(), width, first };
            let done = if source.step_stride == 1 {
                for lane in (0..whole_lanes).step_by(SQUARE) {
                    panel.transpose(&source, lane, whole_pairs / SQUARE);
                }
                whole_pairs
            } else if source.lane_stride == 1 {
                for pair in 0..source.steps / 2 {
                    panel.interleave(&source, whole_lanes, pair);
                }
                source.steps / 2
            } else {
                0
            };
            panel.fill(&source, 0..whole_lanes, done..pairs);
            panel.fill(&source, whole_lanes..width, 0..pairs);
        }
    }
}
