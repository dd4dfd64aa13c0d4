//! Products whose operands lie in pairs, as AVX512-BF16 multiplies them: a family of gemmkit's, with another way to put
//! them there (panels.rs).
//!
//! What multiplies is gemmkit's.

use std::marker::PhantomData;

use gemmkit::{
    kernel::{AlphaStatus, BetaStatus, KernelFamily, epilogue::Identity},
    simd::KernelSimd,
};
use half::bf16;

use super::panels::{Source, pack};

/// A family of products that reads pairs: `Bf16DotGemm` or `Bf16DotGemmF32`.
#[derive(Debug)]
pub struct Pairs<F>(PhantomData<F>);

impl<F> Clone for Pairs<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Pairs<F> {}

impl<F> KernelFamily for Pairs<F>
where
    F: KernelFamily<Lhs = bf16, Rhs = bf16, Acc = f32>,
{
    type Acc = f32;
    type Lhs = bf16;
    type Out = F::Out;
    type Rhs = bf16;

    const DEPTH_MULTIPLE: usize = {
        assert!(
            F::DEPTH_MULTIPLE == 2 && F::FORCE_PACK_LHS && F::FORCE_PACK_RHS,
            "a family that reads pairs"
        );
        2
    };
    const FORCE_PACK_LHS: bool = true;
    const FORCE_PACK_RHS: bool = true;
    const OUT_IS_ACC: bool = F::OUT_IS_ACC;

    unsafe fn pack_lhs(
        target: *mut bf16,
        values: *const bf16,
        row_stride: isize,
        column_stride: isize,
        rows: usize,
        columns: usize,
        width: usize,
    ) {
        let source = Source {
            values,
            lane_stride: row_stride,
            step_stride: column_stride,
            lanes: rows,
            steps: columns,
        };
        // SAFETY: the caller's promises are the same.
        unsafe { pack(target, source, width) }
    }

    unsafe fn pack_rhs(
        target: *mut bf16,
        values: *const bf16,
        row_stride: isize,
        column_stride: isize,
        rows: usize,
        columns: usize,
        width: usize,
    ) {
        // SAFETY: the caller's promises are the same, of the transpose.
        unsafe { Self::pack_lhs(target, values, column_stride, row_stride, columns, rows, width) }
    }

    #[inline(always)]
    unsafe fn microkernel<S, const REGISTERS: usize, const COLUMNS: usize>(
        simd: S,
        steps: usize,
        alpha: f32,
        beta: f32,
        alpha_status: AlphaStatus,
        beta_status: BetaStatus,
        left: *const bf16,
        left_stride: isize,
        right: *const bf16,
        right_row_stride: isize,
        right_column_stride: isize,
        target: *mut F::Out,
        row_stride: isize,
        column_stride: isize,
        rows: usize,
        columns: usize,
        scratch: *mut f32,
    ) where
        S: KernelSimd<bf16, bf16, f32, F::Out>,
    {
        // SAFETY: the caller's promises are the same, and the panels are as that family would have them.
        unsafe {
            F::microkernel_epi::<S, Identity, REGISTERS, COLUMNS>(
                simd,
                steps,
                alpha,
                beta,
                alpha_status,
                beta_status,
                left,
                left_stride,
                right,
                right_row_stride,
                right_column_stride,
                target,
                row_stride,
                column_stride,
                rows,
                columns,
                0,
                0,
                true,
                &Identity,
                scratch,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use gemmkit::kernel::Bf16DotGemmF32;
    use proptest::prelude::*;

    use super::*;

    /// Behind what is written.
    const GUARD: usize = 40;

    /// The panels of a matrix's rows, or of its columns, by ours or theirs, and what lay behind.
    fn packed<F: KernelFamily<Lhs = bf16, Rhs = bf16>>(
        values: &[bf16],
        [rows, columns]: [usize; 2],
        [row_stride, column_stride]: [usize; 2],
        by_rows: bool,
        width: usize,
    ) -> Vec<u16> {
        let (lanes, steps) = if by_rows { (rows, columns) } else { (columns, rows) };
        let mut target = vec![bf16::ONE; lanes.div_ceil(width) * width * steps.next_multiple_of(2) + GUARD];
        let (panels, values) = (target.as_mut_ptr(), values.as_ptr());
        let [row_stride, column_stride] = [row_stride as isize, column_stride as isize];
        // SAFETY: the matrix lies in `values`, and the target has the size that the trait asks for.
        unsafe {
            if by_rows {
                F::pack_lhs(panels, values, row_stride, column_stride, rows, columns, width);
            } else {
                F::pack_rhs(panels, values, row_stride, column_stride, rows, columns, width);
            }
        }
        target.into_iter().map(bf16::to_bits).collect()
    }

    proptest! {
        #[test]
        fn pairs_lie_as_gemmkit_puts_them(
            rows in 1_usize..70, columns in 1_usize..70, beyond in 0_usize..5, neighbours in 0_usize..3, by_rows: bool,
            width in prop::sample::select(vec![12_usize, 32, 4, 16, 6]), seed: u16,
        ) {
            let strides = match neighbours {
                0 => [columns + beyond, 1],
                1 => [1, rows + beyond],
                _ => [2 * columns + beyond, 2],
            };
            let size = rows * strides[0] + columns * strides[1];
            let values: Vec<bf16> =
                (0..size).map(|index| bf16::from_bits((index as u16).wrapping_mul(40_503) ^ seed)).collect();
            prop_assert_eq!(
                packed::<Pairs<Bf16DotGemmF32>>(&values, [rows, columns], strides, by_rows, width),
                packed::<Bf16DotGemmF32>(&values, [rows, columns], strides, by_rows, width)
            );
        }
    }
}
