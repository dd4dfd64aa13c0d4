//! Products of row-major f32 matrices, on one thread each: whoever has many rows gives a part of them to each thread.

use gemm::{Parallelism, gemm};

/// Rows that are multiplied in one go: enough to be worth rearranging the other matrix for, few enough to be held
/// beside it.
pub(crate) const ROWS_AT_ONCE: usize = 128;

/// `rows · matrix`: `[n, inner]` times `[inner, columns]` into `[n, columns]`.
pub(crate) fn times(rows: &[f32], inner: usize, matrix: &[f32], columns: usize, values: &mut [f32]) {
    let count = count(columns, values);
    assert_eq!(rows.len(), count * inner, "as many rows on the left");
    product(Left { values: rows, row: inner, column: 1 }, inner, matrix, [columns, 1], columns, values);
}

/// `rows · matrixᵀ`: `[n, inner]` times the transpose of `[columns, inner]` into `[n, columns]`.
pub(crate) fn times_transposed(
    rows: &[f32],
    inner: usize,
    matrix: &[f32],
    columns: usize,
    values: &mut [f32],
) {
    let count = count(columns, values);
    assert_eq!(rows.len(), count * inner, "as many rows on the left");
    product(Left { values: rows, row: inner, column: 1 }, inner, matrix, [1, inner], columns, values);
}

/// Rows from `first` on of `leftᵀ · matrix`: the transpose of `[inner, all rows]` times `[inner, columns]`, of which
/// `values` holds `[n, columns]`.
pub(crate) fn transposed_times(
    left: &[f32],
    [inner, all_rows]: [usize; 2],
    first: usize,
    matrix: &[f32],
    columns: usize,
    values: &mut [f32],
) {
    assert_eq!(left.len(), inner * all_rows, "the matrix on the left");
    assert!(first + count(columns, values) <= all_rows, "rows that are there");
    if inner == 0 {
        values.fill(0.0);
        return;
    }
    let left = Left { values: &left[first..], row: 1, column: all_rows };
    product(left, inner, matrix, [columns, 1], columns, values);
}

/// A matrix on the left: its values, and how far apart rows and columns of it are.
#[derive(Clone, Copy)]
struct Left<'a> {
    values: &'a [f32],
    row: usize,
    column: usize,
}

/// Rows of a product of so many columns.
fn count(columns: usize, values: &[f32]) -> usize {
    let count = values.len().checked_div(columns).unwrap_or(0);
    assert_eq!(values.len(), count * columns, "whole rows of the product");
    count
}

/// `strides` are those of the right matrix's `inner` and `columns`.
fn product(
    left: Left<'_>,
    inner: usize,
    matrix: &[f32],
    strides: [usize; 2],
    columns: usize,
    values: &mut [f32],
) {
    let count = count(columns, values);
    if count > 0 && inner > 0 {
        let last = (count - 1) * left.row + (inner - 1) * left.column;
        assert!(last < left.values.len(), "the matrix on the left");
    }
    assert_eq!(matrix.len(), inner * columns, "the matrix on the right");
    let [inner_stride, column_stride] = strides.map(|stride| stride as isize);
    // SAFETY: the three slices are as long as the sizes and strides reach, as has just been checked: the left one up to
    // its last row and column, the others `inner · columns` and `count · columns` values, row-major or a transpose of
    // it. `values` is borrowed alone, and every value is an f32 of any bits. With `read_dst` false what was in `values`
    // isn't looked at.
    unsafe {
        gemm(
            count,
            columns,
            inner,
            values.as_mut_ptr(),
            1,
            columns as isize,
            false,
            left.values.as_ptr(),
            left.column as isize,
            left.row as isize,
            matrix.as_ptr(),
            column_stride,
            inner_stride,
            0.0_f32,
            1.0_f32,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whole numbers, whose products and sums are exact in f32.
    fn whole(count: usize, salt: usize) -> Vec<f32> {
        (0..count).map(|index| ((index * 7 + salt) % 11) as f32 - 5.0).collect()
    }

    proptest! {
        #[test]
        fn products_are_those_of_plain_loops(
            count in 1_usize..20, inner in 1_usize..40, columns in 1_usize..40, salt in 0_usize..11,
        ) {
            let (rows, matrix) = (whole(count * inner, salt), whole(inner * columns, salt + 3));
            let [mut plain, mut transposed] = [vec![f32::NAN; count * columns], vec![f32::NAN; count * columns]];
            times(&rows, inner, &matrix, columns, &mut plain);
            times_transposed(&rows, inner, &matrix, columns, &mut transposed);
            for (place, (plain, transposed)) in plain.into_iter().zip(transposed).enumerate() {
                let (row, column) = (place / columns, place % columns);
                let sum = |right: &dyn Fn(usize) -> f32| {
                    (0..inner).map(|index| rows[row * inner + index] * right(index)).sum::<f32>() as i64
                };
                prop_assert_eq!(plain as i64, sum(&|index| matrix[index * columns + column]));
                prop_assert_eq!(transposed as i64, sum(&|index| matrix[column * inner + index]));
            }
        }

        #[test]
        fn rows_of_a_product_with_a_transpose_are_those_of_plain_loops(
            all_rows in 1_usize..30, inner in 1_usize..40, columns in 1_usize..40, salt in 0_usize..11, part in 0.0_f64..1.0,
        ) {
            let (left, matrix) = (whole(inner * all_rows, salt), whole(inner * columns, salt + 3));
            let first = (part * all_rows as f64) as usize;
            let mut values = vec![f32::NAN; (all_rows - first) * columns];
            transposed_times(&left, [inner, all_rows], first, &matrix, columns, &mut values);
            for (place, value) in values.into_iter().enumerate() {
                let (row, column) = (first + place / columns, place % columns);
                let term = |index: usize| left[index * all_rows + row] * matrix[index * columns + column];
                prop_assert_eq!(value as i64, (0..inner).map(term).sum::<f32>() as i64);
            }
        }
    }
}
