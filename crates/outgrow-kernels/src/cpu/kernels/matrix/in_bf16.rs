//! Products of bf16, summed in f32.
//!
//! gemmkit chooses instructions only for products that it rounds to bf16. Most here are wanted as sums, so the choice
//! is made here, and its driver is called. On x86 with AVX2 there is one order of summing, that of AVX512-BF16 by its
//! manual, with the instruction or without.

use std::{cell::Cell, sync::Once};

use gemmkit::{Parallelism, Workspace, driver, kernel::KernelFamily, simd::KernelSimd};
use half::bf16;

use super::{Matrix, Store, Threads, sizes};
#[cfg(target_arch = "x86_64")]
use crate::cpu::kernels::instructions::processor_multiplies_bf16;

/// What products are written as: f32 as they were summed, or bf16, rounded once.
pub(crate) trait Sum: gemmkit::Scalar {
    /// Multiplies with such instructions, which this processor has.
    fn multiply(product: Product<'_, Self>, instructions: Instructions);
}

/// A product whose shapes fit, and none of whose sides is empty.
#[derive(Debug)]
pub(crate) struct Product<'a, T> {
    target: &'a mut [T],
    store: Store,
    left: Matrix<'a, bf16>,
    right: Matrix<'a, bf16>,
    threads: Threads,
}

/// What a product is computed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instructions {
    /// AVX512-BF16: two products and their sums in one instruction.
    #[cfg(target_arch = "x86_64")]
    Pairs,
    /// The same sums by AVX2.
    #[cfg(target_arch = "x86_64")]
    EmulatedPairs,
    /// Each value is widened.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// One value after the other.
    #[cfg(not(target_arch = "aarch64"))]
    Plain,
}

/// Done when gemmkit knows that it is to use the current pool's threads, as everything else here does: by itself it
/// starts threads of its own for products that don't fill the machine.
static ONE_POOL: Once = Once::new();

thread_local! {
    /// Where operands are put in order; empty while a product of this thread has it.
    static WORKSPACE: Cell<Workspace> = const { Cell::new(Workspace::new()) };
}

/// `target (+)= left · right`; the target's rows are one after the other.
///
/// An element is summed in one order, whatever the number of threads, and on x86 with AVX2 as the manual of AVX512-BF16
/// says.
///
/// # Panics
/// When the shapes don't fit each other.
pub(crate) fn multiply_bf16<T: Sum>(
    target: &mut [T],
    store: Store,
    left: Matrix<'_, bf16>,
    right: Matrix<'_, bf16>,
    threads: Threads,
) {
    multiply_by(target, store, left, right, threads, instructions());
}

fn multiply_by<T: Sum>(
    target: &mut [T],
    store: Store,
    left: Matrix<'_, bf16>,
    right: Matrix<'_, bf16>,
    threads: Threads,
    instructions: Instructions,
) {
    let [rows, inner, columns] = sizes(target.len(), &left, &right);
    if rows * columns == 0 {
        return;
    }
    if inner == 0 {
        if store == Store::Replace {
            target.fill(T::ZERO);
        }
        return;
    }
    T::multiply(Product { target, store, left, right, threads }, instructions);
}

/// The families of gemmkit for a kind of sum: of pairs, and of widened values.
macro_rules! sum {
    ($kind:ty, $pairs:ident, $widened:ident) => {
        impl Sum for $kind {
            fn multiply(product: Product<'_, Self>, instructions: Instructions) {
                use gemmkit::{kernel, simd};
                match instructions {
                    #[cfg(target_arch = "x86_64")]
                    Instructions::Pairs => {
                        run::<super::Pairs<kernel::$pairs>, _, 2, 12>(simd::Avx512Bf16, product)
                    }
                    #[cfg(target_arch = "x86_64")]
                    Instructions::EmulatedPairs => {
                        run::<super::Pairs<kernel::$pairs>, _, 2, 4>(super::emulated::EmulatedPairs, product);
                    }
                    #[cfg(target_arch = "aarch64")]
                    Instructions::Neon => run::<kernel::$widened<bf16>, _, 4, 4>(simd::Neon, product),
                    #[cfg(not(target_arch = "aarch64"))]
                    Instructions::Plain => run::<kernel::$widened<bf16>, _, 4, 4>(simd::ScalarTok, product),
                }
            }
        }
    };
}

sum!(f32, Bf16DotGemmF32, MixedGemmF32);
sum!(bf16, Bf16DotGemm, MixedGemm);

#[cfg(target_arch = "x86_64")]
fn instructions() -> Instructions {
    if processor_multiplies_bf16() {
        Instructions::Pairs
    } else if is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
    {
        Instructions::EmulatedPairs
    } else {
        Instructions::Plain
    }
}

#[cfg(target_arch = "aarch64")]
fn instructions() -> Instructions {
    Instructions::Neon
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn instructions() -> Instructions {
    Instructions::Plain
}

/// Multiplies with `simd`, which this processor must have, in tiles of `REGISTERS` registers by `COLUMNS`.
fn run<F, S, const REGISTERS: usize, const COLUMNS: usize>(simd: S, product: Product<'_, F::Out>)
where
    F: KernelFamily<Lhs = bf16, Rhs = bf16, Acc = f32>,
    S: KernelSimd<bf16, bf16, f32, F::Out>,
{
    ONE_POOL.call_once(|| gemmkit::tuning::set_pool_classes(0));
    let Product { target, store, left, right, threads } = product;
    let parallelism = match threads {
        Threads::One => Parallelism::Serial,
        Threads::All => Parallelism::Rayon(rayon::current_num_threads()),
    };
    let mut workspace = WORKSPACE.take();
    let [left_row, left_column, right_row, right_column] =
        [left.row_stride, left.column_stride, right.row_stride, right.column_stride]
            .map(|stride| stride as isize);
    // The driver writes columns one after the other; as such the target is the product's transpose. SAFETY: `Matrix`
    // reaches no further than its slice, the target is as large as the product, and as a mutable borrow it overlaps
    // neither side. Neither side is empty. What multiplies is what `instructions` found.
    unsafe {
        driver::run::<F, S, REGISTERS, COLUMNS>(
            simd,
            right.columns,
            left.columns,
            left.rows,
            1.0,
            right.values.as_ptr(),
            right_column,
            right_row,
            left.values.as_ptr(),
            left_column,
            left_row,
            if store == Store::Add { 1.0 } else { 0.0 },
            target.as_mut_ptr(),
            1,
            right.columns as isize,
            parallelism,
            &mut workspace,
        );
    }
    WORKSPACE.set(workspace);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All that this processor can compute products by.
    fn available() -> Vec<Instructions> {
        #[cfg(target_arch = "x86_64")]
        let all = {
            let mut all = vec![instructions(), Instructions::Plain];
            if instructions() == Instructions::Pairs {
                all.push(Instructions::EmulatedPairs);
            }
            all
        };
        #[cfg(not(target_arch = "x86_64"))]
        let all = vec![instructions()];
        all
    }

    /// Whether what is rounded on the way is rounded as in the manual. Elsewhere the processor decides, or the order is
    /// another one.
    #[cfg(target_arch = "x86_64")]
    fn is_in_order(instructions: Instructions) -> bool {
        instructions == Instructions::EmulatedPairs
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn is_in_order(_instructions: Instructions) -> bool {
        false
    }

    /// For every index and salt another number between −1 and 1.
    fn numbers(count: usize, salt: u64) -> impl Iterator<Item = f32> {
        (0..count as u64).map(move |index| {
            let mixed = (index ^ salt.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
        })
    }

    /// Numbers between −1 and 1; or multiples of 1/64 there, of which no sum of 2048 products is rounded, in whatever
    /// order.
    fn values(count: usize, salt: u64, sums_are_exact: bool) -> Vec<bf16> {
        let value = |number: f32| if sums_are_exact { (number * 64.0).round() / 64.0 } else { number };
        numbers(count, salt).map(|number| bf16::from_f32(value(number))).collect()
    }

    /// Row-major values of a side, and the side: with rows wider than they need be, and transposed where `turned`.
    fn side(values: &[bf16], [rows, columns]: [usize; 2], turned: bool) -> Matrix<'_, bf16> {
        if turned {
            Matrix::strided(values, columns, rows, rows + 3).transposed()
        } else {
            Matrix::strided(values, rows, columns, columns + 3)
        }
    }

    /// One element in the order of AVX512-BF16: of each pair the second product, then the first.
    fn element(before: f32, inner: usize, factors: impl Fn(usize) -> (bf16, bf16)) -> f32 {
        let product = |sum: f32, step: usize| {
            let (left, right) = if step < inner { factors(step) } else { (bf16::ZERO, bf16::ZERO) };
            left.to_f32().mul_add(right.to_f32(), sum)
        };
        (0..inner.div_ceil(2)).fold(before, |sum, pair| product(product(sum, 2 * pair + 1), 2 * pair))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_product_is_the_sum_of_its_pairs_bit_for_bit_where_none_is_rounded_or_the_order_is_known(
            rows in 0_usize..80, inner in 0_usize..90, columns in 0_usize..80, long: bool, adds: bool,
            turned: [bool; 2], one_thread: bool, sums_are_exact: bool, salt: u64,
        ) {
            // gemmkit sums what is long in slices, if it is also wide.
            let (inner, columns) = if long { (inner + 1500, columns + 65) } else { (inner, columns) };
            let store = if adds { Store::Add } else { Store::Replace };
            let threads = if one_thread { Threads::One } else { Threads::All };
            let left = values((rows.max(inner) + 3) * rows.max(inner), salt, sums_are_exact);
            let right = values((columns.max(inner) + 3) * columns.max(inner), !salt, sums_are_exact);
            let at = |values: &[bf16], row: usize, column: usize, [rows, columns]: [usize; 2], turned: bool| {
                if turned { values[column * (rows + 3) + row] } else { values[row * (columns + 3) + column] }
            };
            let before: Vec<f32> = (0..rows * columns).map(|index| index as f32 / 64.0).collect();
            let expected: Vec<f32> = (0..rows * columns).map(|index| {
                let (row, column) = (index / columns, index % columns);
                element(if adds { before[index] } else { 0.0 }, inner, |step| {
                    (at(&left, row, step, [rows, inner], turned[0]), at(&right, step, column, [inner, columns], turned[1]))
                })
            }).collect();
            let [left, right] = [side(&left, [rows, inner], turned[0]), side(&right, [inner, columns], turned[1])];
            for instructions in available() {
                if !(sums_are_exact || is_in_order(instructions)) {
                    continue;
                }
                let mut found = before.clone();
                multiply_by(&mut found, store, left, right, threads, instructions);
                for (found, expected) in found.iter().zip(&expected) {
                    prop_assert_eq!(found.to_bits(), expected.to_bits(), "{:?}: {} {}", instructions, found, expected);
                }
                if adds {
                    continue;
                }
                let mut rounded: Vec<bf16> = vec![bf16::NAN; before.len()];
                multiply_by(&mut rounded, store, left, right, threads, instructions);
                for (found, &expected) in rounded.iter().zip(&expected) {
                    let expected = bf16::from_f32(expected);
                    prop_assert_eq!(found.to_bits(), expected.to_bits(), "{:?}: {} {}", instructions, found, expected);
                }
            }
        }
    }
}
