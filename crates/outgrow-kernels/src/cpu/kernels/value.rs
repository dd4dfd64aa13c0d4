//! The two kinds of number that values are kept in: f32, and bf16 between the products of a pass in that precision.
//!
//! Arithmetic is always in f32. A bf16 is the upper half of an f32: widening is exact, narrowing rounds to the nearest,
//! ties to even.

use bytemuck::Pod;
use half::bf16;
use rayon::prelude::*;

use super::{
    buffers::HalfBuffer,
    dispatch::vectorized,
    matrix::{Matrix, Store, Threads, multiply, multiply_bf16},
};

/// Elements that one task does.
const ELEMENTS: usize = 16_384;

/// A number that is kept, and computed with as f32: one of the two, since the kernels are written for these.
pub trait Value: sealed::Sealed + Pod + Send + Sync {
    /// As f32, exactly.
    fn widen(self) -> f32;

    /// The nearest to an f32.
    fn narrow(value: f32) -> Self;

    /// Memory for so many rounded values, where this kind of number needs it.
    fn rounding_memory(length: usize) -> Option<HalfBuffer>;

    /// All of them in this kind of number: themselves, or a copy in `memory`, made on the calling thread.
    ///
    /// # Panics
    /// When the memory is too short.
    fn rounded<'a>(values: &'a [f32], memory: &'a mut Option<HalfBuffer>) -> &'a [Self];

    /// `target (+)= left · right`, summed in f32.
    fn multiply(
        target: &mut [f32],
        store: Store,
        left: Matrix<'_, Self>,
        right: Matrix<'_, Self>,
        threads: Threads,
    );
}

mod sealed {
    /// Keeps [`Value`](super::Value) to the types of this file.
    pub trait Sealed {}

    impl Sealed for f32 {}
    impl Sealed for half::bf16 {}
}

impl Value for f32 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }

    #[inline(always)]
    fn narrow(value: f32) -> Self {
        value
    }

    fn rounding_memory(_length: usize) -> Option<HalfBuffer> {
        None
    }

    fn rounded<'a>(values: &'a [f32], _memory: &'a mut Option<HalfBuffer>) -> &'a [Self] {
        values
    }

    fn multiply(target: &mut [f32], store: Store, left: Matrix<'_>, right: Matrix<'_>, threads: Threads) {
        multiply(target, store, left, right, threads);
    }
}

impl Value for bf16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    /// Not `bf16::from_f32`, which no compiler turns into vector code.
    #[inline(always)]
    fn narrow(value: f32) -> Self {
        let bits = value.to_bits();
        let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
        // Rounding could make a NaN infinite.
        let quiet = (bits >> 16) | 0x40;
        Self::from_bits(if value.is_nan() { quiet } else { rounded } as u16)
    }

    fn rounding_memory(length: usize) -> Option<HalfBuffer> {
        Some(HalfBuffer::new(length))
    }

    fn rounded<'a>(values: &'a [f32], memory: &'a mut Option<HalfBuffer>) -> &'a [Self] {
        let memory = &mut memory.as_mut().expect("memory for rounded values")[..values.len()];
        vectorized(
            #[inline(always)]
            || convert(memory, values),
        );
        memory
    }

    fn multiply(
        target: &mut [f32],
        store: Store,
        left: Matrix<'_, Self>,
        right: Matrix<'_, Self>,
        threads: Threads,
    ) {
        multiply_bf16(target, store, left, right, threads);
    }
}

/// Writes `source` as the other kind of number, on the calling thread.
#[inline(always)]
pub(crate) fn convert<T: Value, S: Value>(target: &mut [T], source: &[S]) {
    for (target, source) in target.iter_mut().zip(source) {
        *target = T::narrow(source.widen());
    }
}

/// Several arrays one after the other, narrowed.
pub fn narrowed(parts: &[&[f32]]) -> HalfBuffer {
    let mut all = HalfBuffer::new(parts.iter().map(|part| part.len()).sum());
    let mut rest: &mut [bf16] = &mut all;
    for part in parts {
        let (target, behind) = rest.split_at_mut(part.len());
        narrow_all(target, part);
        rest = behind;
    }
    all
}

fn narrow_all(target: &mut [bf16], source: &[f32]) {
    target.par_chunks_mut(ELEMENTS).zip(source.par_chunks(ELEMENTS)).for_each(|(target, source)| {
        vectorized(
            #[inline(always)]
            || convert(target, source),
        );
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn narrowing_is_what_the_crate_of_the_type_says(bits: u32) {
            let value = f32::from_bits(bits);
            let (found, expected) = (<bf16 as Value>::narrow(value), bf16::from_f32(value));
            prop_assert_eq!(found.to_bits(), expected.to_bits());
        }

        #[test]
        fn what_is_narrowed_and_widened_has_the_upper_half_of_its_bits(bits: u16) {
            let value = bf16::from_bits(bits);
            prop_assert_eq!(value.widen().to_bits(), u32::from(bits) << 16);
        }
    }

    #[test]
    fn arrays_are_narrowed_one_after_the_other() {
        let all = narrowed(&[&[1.0, 2.0], &[], &[1.001, -3.0, f32::INFINITY]]);
        let found: Vec<f32> = all.iter().map(|value| value.widen()).collect();
        assert_eq!(found, [1.0, 2.0, 1.0, -3.0, f32::INFINITY]);
    }
}
