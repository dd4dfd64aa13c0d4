//! Matrix products of f32, by the `gemm` crate, and the views of memory that they read.
//!
//! The only place that calls it, and the only one with raw pointers.

/// A matrix in somebody else's memory: element `(i, j)` is `values[i · row_stride + j · column_stride]`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Rows one after the other.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(values, rows, columns, columns)
    }

    /// Rows whose beginnings are `row_stride` apart.
    ///
    /// # Panics
    /// When the matrix reaches past the end of `values`.
    pub fn strided(values: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
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
