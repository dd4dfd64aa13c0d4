//! Products of f32.

use super::{Matrix, Store, Threads, sizes};

/// `target (+)= left · right`; the target's rows are one after the other.
///
/// An element is summed in one order, whatever the number of threads.
///
/// # Panics
/// When the shapes don't fit each other.
pub(crate) fn multiply(
    target: &mut [f32],
    store: Store,
    left: Matrix<'_>,
    right: Matrix<'_>,
    threads: Threads,
) {
    let [rows, inner, columns] = sizes(target.len(), &left, &right);
    let parallelism = match threads {
        Threads::One => gemm::Parallelism::None,
        Threads::All => gemm::Parallelism::Rayon(0),
    };
    // SAFETY: `Matrix` reaches no further than its slice, the target is as large as the product, and as a mutable
    // borrow it overlaps neither side. All of the target is initialised, whether it is read or not.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            target.as_mut_ptr(),
            1,
            columns as isize,
            store == Store::Add,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}
