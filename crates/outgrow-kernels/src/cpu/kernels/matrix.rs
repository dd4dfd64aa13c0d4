//! Matrix products, of f32 by the `gemm` crate and of bf16 by `gemmkit`, and the views of memory that they read.
//!
//! The only place of this crate that calls them, and the only one with raw pointers. gemmkit is extended in two places:
//! the order in which operands are put, and what AVX512-BF16 does for processors without it.

use std::ops::Range;

#[cfg(target_arch = "x86_64")]
mod emulated;
mod in_bf16;
mod in_f32;
#[cfg(target_arch = "x86_64")]
mod pairs;
#[cfg(target_arch = "x86_64")]
mod panels;
mod symmetric;

pub(crate) use in_bf16::{Sum, multiply_bf16};
pub(crate) use in_f32::multiply;
#[cfg(target_arch = "x86_64")]
pub use pairs::Pairs;
pub(crate) use symmetric::multiply_symmetric;

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
        let before_the_last = rows.saturating_sub(1).checked_mul(row_stride);
        let needed = if rows == 0 || columns == 0 {
            Some(0)
        } else {
            before_the_last.and_then(|sum| sum.checked_add(columns))
        };
        assert!(
            needed.is_some_and(|needed| needed <= values.len()),
            "{rows} rows of {columns}, {row_stride} apart, don't fit {} values",
            values.len()
        );
        Self { values, rows, columns, row_stride, column_stride: 1 }
    }

    /// Some of its rows.
    fn with_rows(self, rows: Range<usize>) -> Self {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "rows {rows:?} of {}", self.rows);
        let first = (rows.start * self.row_stride).min(self.values.len());
        Self { values: &self.values[first..], rows: rows.len(), ..self }
    }

    /// Some of its columns.
    fn with_columns(self, columns: Range<usize>) -> Self {
        self.transposed().with_rows(columns).transposed()
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

/// Rows, columns, and what lies between, of a product into `elements` values whose rows are one after the other.
///
/// # Panics
/// When the shapes don't fit each other.
fn sizes<T>(elements: usize, left: &Matrix<'_, T>, right: &Matrix<'_, T>) -> [usize; 3] {
    let (rows, inner, columns) = (left.rows, left.columns, right.columns);
    assert_eq!(inner, right.rows, "columns of the left, rows of the right");
    assert_eq!(Some(elements), rows.checked_mul(columns), "a target of {rows} rows of {columns}");
    [rows, inner, columns]
}
