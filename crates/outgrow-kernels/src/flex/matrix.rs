//! Matrix products, of f32 by the `gemm` crate and of bf16 by `gemmkit`, and the views of memory that they read.
//!
//! The only place that calls them, and the only one with raw pointers.

use std::sync::Once;

use half::bf16;

/// A matrix in somebody else's memory: element `(i, j)` is `values[i · row_stride + j · column_stride]`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, T = f32> {
    values: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// Rows one after the other.
    pub fn new(values: &'a [T], rows: usize, columns: usize) -> Self {
        Self::strided(values, rows, columns, columns)
    }

    /// Rows whose beginnings are `row_stride` apart.
    ///
    /// # Panics
    /// When the matrix reaches past the end of `values`.
    pub fn strided(values: &'a [T], rows: usize, columns: usize, row_stride: usize) -> Self {
        let needed = if rows == 0 || columns == 0 { 0 } else { (rows - 1) * row_stride + columns };
        assert!(
            needed <= values.len(),
            "{rows} rows of {columns} need {needed} values, not {}",
            values.len()
        );
        Self { values, rows, columns, row_stride, column_stride: 1 }
    }

    /// The same memory with rows as columns.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

impl<'a> Matrix<'a, bf16> {
    fn view(self) -> gemmkit::MatRef<'a, bf16> {
        let [row_stride, column_stride] = [self.row_stride, self.column_stride].map(|stride| stride as isize);
        gemmkit::MatRef::new(self.values, self.rows, self.columns, row_stride, column_stride)
    }
}

/// What becomes of what the target held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// It is overwritten, unread.
    Replace,
    /// The product is added to it.
    Add,
}

/// Who computes a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// The calling thread, which is one of many at work.
    One,
    /// All threads of the current pool.
    All,
}

/// `target ← scale · left · right`, or the same added to it; the target's rows are one after the other.
///
/// An element is summed in one order, whatever the number of threads.
///
/// # Panics
/// When the shapes don't fit each other.
pub fn multiply(
    target: &mut [f32],
    store: Store,
    scale: f32,
    left: Matrix<'_>,
    right: Matrix<'_>,
    threads: Threads,
) {
    let (rows, inner, columns) = (left.rows, left.columns, right.columns);
    assert_eq!(inner, right.rows, "columns of the left, rows of the right");
    assert_eq!(target.len(), rows * columns, "a target of {rows} rows of {columns}");
    let parallelism = match threads {
        Threads::One => gemm::Parallelism::None,
        Threads::All => gemm::Parallelism::Rayon(0),
    };
    // SAFETY: `Matrix` reaches no further than its slice, the target is as large as the product, and as a mutable borrow it overlaps
    // neither side. All of the target is initialised, whether it is read or not.
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
            scale,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// Done when gemmkit knows that it is to use the current pool's threads, as everything else here does: by itself it starts threads of its own for
/// products that don't fill the machine.
static ONE_POOL: Once = Once::new();

/// `target ← left · right` for all threads of the current pool: bf16 in, sums in f32, rounded once.
///
/// Where the processor has instructions for it, they are used; else each value is widened. An element is summed in one order, whatever the number of
/// threads.
///
/// # Panics
/// When the shapes don't fit each other.
pub fn multiply_bf16(target: &mut [bf16], left: Matrix<'_, bf16>, right: Matrix<'_, bf16>) {
    let (rows, inner, columns) = (left.rows, left.columns, right.columns);
    assert_eq!(inner, right.rows, "columns of the left, rows of the right");
    assert_eq!(target.len(), rows * columns, "a target of {rows} rows of {columns}");
    ONE_POOL.call_once(|| gemmkit::tuning::set_pool_classes(0));
    gemmkit::gemm(
        bf16::ONE,
        left.view(),
        right.view(),
        bf16::ZERO,
        gemmkit::MatMut::from_row_major(target, rows, columns),
        gemmkit::Parallelism::Rayon(rayon::current_num_threads()),
    );
}
