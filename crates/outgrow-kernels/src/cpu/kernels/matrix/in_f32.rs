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
    let [_, _, columns] = sizes(target.len(), &left, &right);
    multiply_into(target, columns, store, left, right, threads);
}

/// The same into a part of a wider matrix: the target's rows begin `row_stride` apart.
///
/// # Panics
/// When the shapes don't fit each other.
pub(super) fn multiply_into(
    target: &mut [f32],
    row_stride: usize,
    store: Store,
    left: Matrix<'_>,
    right: Matrix<'_>,
    threads: Threads,
) {
    let (rows, inner, columns) = (left.rows, left.columns, right.columns);
    assert_eq!(inner, right.rows, "columns of the left, rows of the right");
    // That it reaches no further is what a view of it checks.
    Matrix::strided(target, rows, columns, row_stride);
    assert!(columns <= row_stride, "rows of {columns} that begin {row_stride} apart");
    let parallelism = match threads {
        Threads::One => gemm::Parallelism::None,
        Threads::All => gemm::Parallelism::Rayon(0),
    };
    // SAFETY: `Matrix` reaches no further than its slice, the target's rows fit it and don't overlap, and as a mutable
    // borrow it overlaps neither side. All of the target is initialised, whether it is read or not.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            target.as_mut_ptr(),
            1,
            row_stride as isize,
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
