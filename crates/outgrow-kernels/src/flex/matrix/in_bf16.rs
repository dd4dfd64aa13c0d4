//! Products of bf16, summed in f32.
//!
//! gemmkit chooses instructions only for products that it rounds to bf16. Most here are wanted as sums, so the choice is made here, of the same
//! instructions and tiles, and its driver is called.

use std::{cell::Cell, sync::Once};

use gemmkit::{
    Parallelism, Workspace, driver,
    kernel::{KernelFamily, MixedGemm, MixedGemmF32},
    simd::KernelSimd,
};
use half::bf16;

use super::{Matrix, Store, Threads, sizes};

/// What a sum is kept in: itself, or rounded once.
pub trait Sum: gemmkit::Scalar {
    /// Multiplies with the instructions that this processor has.
    fn multiply(product: Product<'_, Self>);
}

/// A product whose shapes fit, and none of whose sides is empty.
pub struct Product<'a, T> {
    target: &'a mut [T],
    store: Store,
    left: Matrix<'a, bf16>,
    right: Matrix<'a, bf16>,
    threads: Threads,
}

/// Instructions that a product can use.
#[derive(Clone, Copy, Debug)]
enum Instructions {
    /// AVX512-BF16: two products and their sums in one instruction.
    #[cfg(target_arch = "x86_64")]
    Pairs,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    #[cfg(not(target_arch = "aarch64"))]
    Plain,
}

/// Done when gemmkit knows that it is to use the current pool's threads, as everything else here does: by itself it starts threads of its own for
/// products that don't fill the machine.
static ONE_POOL: Once = Once::new();

thread_local! {
    /// Where operands are put in order; absent while a product of this thread has it.
    static WORKSPACE: Cell<Workspace> = const { Cell::new(Workspace::new()) };
}

/// `target (+)= left · right`; the target's rows are one after the other.
///
/// Where the processor has instructions for bf16, they are used; else each value is widened. An element is summed in one order, whatever the number of
/// threads.
///
/// # Panics
/// When the shapes don't fit each other.
pub fn multiply_bf16<T: Sum>(
    target: &mut [T],
    store: Store,
    left: Matrix<'_, bf16>,
    right: Matrix<'_, bf16>,
    threads: Threads,
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
    T::multiply(Product { target, store, left, right, threads });
}

impl Sum for f32 {
    fn multiply(product: Product<'_, Self>) {
        match instructions() {
            #[cfg(target_arch = "x86_64")]
            Instructions::Pairs => {
                run::<super::pairs::Pairs<gemmkit::kernel::Bf16DotGemmF32>, _, 2, 12>(
                    gemmkit::simd::Avx512Bf16,
                    product,
                );
            }
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => run::<MixedGemmF32<bf16>, _, 2, 12>(gemmkit::simd::Avx512F, product),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => run::<MixedGemmF32<bf16>, _, 2, 6>(gemmkit::simd::Fma, product),
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => run::<MixedGemmF32<bf16>, _, 4, 4>(gemmkit::simd::Neon, product),
            #[cfg(not(target_arch = "aarch64"))]
            Instructions::Plain => run::<MixedGemmF32<bf16>, _, 4, 4>(gemmkit::simd::ScalarTok, product),
        }
    }
}

impl Sum for bf16 {
    fn multiply(product: Product<'_, Self>) {
        match instructions() {
            #[cfg(target_arch = "x86_64")]
            Instructions::Pairs => {
                run::<super::pairs::Pairs<gemmkit::kernel::Bf16DotGemm>, _, 2, 12>(
                    gemmkit::simd::Avx512Bf16,
                    product,
                );
            }
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => run::<MixedGemm<bf16>, _, 2, 12>(gemmkit::simd::Avx512F, product),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => run::<MixedGemm<bf16>, _, 2, 6>(gemmkit::simd::Fma, product),
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => run::<MixedGemm<bf16>, _, 4, 4>(gemmkit::simd::Neon, product),
            #[cfg(not(target_arch = "aarch64"))]
            Instructions::Plain => run::<MixedGemm<bf16>, _, 4, 4>(gemmkit::simd::ScalarTok, product),
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn instructions() -> Instructions {
    if is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512f") {
        Instructions::Pairs
    } else if is_x86_feature_detected!("avx512f") {
        Instructions::Avx512
    } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        Instructions::Avx2
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
    // The driver writes columns one after the other; as such the target is the product's transpose.
    // SAFETY: `Matrix` reaches no further than its slice, the target is as large as the product, and as a mutable borrow it overlaps neither side.
    // Neither side is empty. What multiplies is what `instructions` found.
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
