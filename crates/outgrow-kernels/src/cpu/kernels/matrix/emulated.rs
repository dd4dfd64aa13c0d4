//! What AVX512-BF16 does, in AVX2: the same sums in the same order, bit for bit but for numbers below 2⁻¹²⁶, which the
//! instruction takes for zero.
//!
//! `VDPBF16PS` adds to each sum the product of a pair's second values, and then that of its first, each by a fused
//! multiply-add (Intel's manual).

use std::arch::x86_64::{
    __m256, __m256i, _mm256_and_si256, _mm256_castsi256_ps, _mm256_fmadd_ps, _mm256_loadu_si256,
    _mm256_set1_epi32, _mm256_slli_epi32,
};

use gemmkit::simd::{Fma, KernelSimd, Simd, SimdOps};
use half::bf16;

/// AVX2, FMA and F16C, which a processor must have where this is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EmulatedPairs;

/// Eight pairs, or one pair eight times: first values, and second values.
type Widened = [__m256; 2];

impl Simd for EmulatedPairs {
    #[inline(always)]
    unsafe fn vectorize<R>(self, work: impl FnOnce() -> R) -> R {
        // SAFETY: the processor has what this says.
        unsafe { Fma.vectorize(work) }
    }
}

/// Passes a method on to gemmkit's own for these instructions.
macro_rules! as_there {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(
            #[inline(always)]
            unsafe fn $name(self, $($argument: $type),*) -> $result {
                // SAFETY: the caller's promises are the same.
                unsafe { <Fma as SimdOps<f32>>::$name(Fma, $($argument),*) }
            }
        )*
    };
}

impl SimdOps<f32> for EmulatedPairs {
    type Reg = __m256;

    const LANES: usize = 8;

    as_there! {
        zero() -> __m256;
        splat(value: f32) -> __m256;
        loadu(values: *const f32) -> __m256;
        storeu(values: *mut f32, register: __m256) -> ();
        mul(left: __m256, right: __m256) -> __m256;
        add(left: __m256, right: __m256) -> __m256;
        mul_add(left: __m256, right: __m256, sum: __m256) -> __m256;
        fnma(left: __m256, right: __m256, sum: __m256) -> __m256;
        reduce_sum(register: __m256) -> f32;
    }
}

impl KernelSimd<bf16, bf16, f32, bf16> for EmulatedPairs {
    #[inline(always)]
    unsafe fn load_lhs(self, values: *const bf16) -> __m256 {
        // SAFETY: the caller's promises are the same.
        unsafe { <Fma as KernelSimd<bf16, bf16, f32, bf16>>::load_lhs(Fma, values) }
    }

    #[inline(always)]
    unsafe fn splat_rhs(self, value: bf16) -> __m256 {
        // SAFETY: the caller's promises are the same.
        unsafe { <Fma as KernelSimd<bf16, bf16, f32, bf16>>::splat_rhs(Fma, value) }
    }

    #[inline(always)]
    unsafe fn load_out(self, values: *const bf16) -> __m256 {
        // SAFETY: the caller's promises are the same.
        unsafe { <Fma as KernelSimd<bf16, bf16, f32, bf16>>::load_out(Fma, values) }
    }

    #[inline(always)]
    unsafe fn store_out(self, values: *mut bf16, register: __m256) {
        // SAFETY: the caller's promises are the same.
        unsafe { <Fma as KernelSimd<bf16, bf16, f32, bf16>>::store_out(Fma, values, register) }
    }

    #[inline(always)]
    unsafe fn dot_accumulate<const REGISTERS: usize, const COLUMNS: usize>(
        self,
        steps: usize,
        left: *const bf16,
        right: *const bf16,
        sums: &mut [[__m256; REGISTERS]; COLUMNS],
    ) {
        for pair in 0..steps.div_ceil(2) {
            // SAFETY: panels have all pairs of their lanes: eight a register on the left, one a column on the right.
            unsafe {
                let left = left.add(pair * REGISTERS * 16);
                let right = right.add(pair * COLUMNS * 2).cast::<[u8; 4]>();
                let rows: [Widened; REGISTERS] =
                    std::array::from_fn(|register| widen(_mm256_loadu_si256(left.add(register * 16).cast())));
                for (column, sums) in sums.iter_mut().enumerate() {
                    let [first, second] = widen(_mm256_set1_epi32(i32::from_ne_bytes(*right.add(column))));
                    for (sum, row) in sums.iter_mut().zip(&rows) {
                        *sum = _mm256_fmadd_ps(row[1], second, *sum);
                        *sum = _mm256_fmadd_ps(row[0], first, *sum);
                    }
                }
            }
        }
    }
}

/// The first values of eight pairs, and the second.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn widen(pairs: __m256i) -> Widened {
    // SAFETY: the caller says so.
    unsafe {
        let second = _mm256_and_si256(pairs, _mm256_set1_epi32(0xffff_0000_u32 as i32));
        [_mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)), _mm256_castsi256_ps(second)]
    }
}
