//! Products of row-major f32 matrices, on one thread each: whoever has many rows gives a part of them to each thread.

use gemm::{Parallelism, gemm};

/// Rows that are multiplied in one go: enough to be worth rearranging the other matrix for, few enough to be held
/// beside it.
pub(crate) const ROWS_AT_ONCE: usize = 128;

/// `rows · matrix`: `[n, inner]` times `[inner, columns]` into `[n, columns]`.
pub(crate) fn times(rows: &[f32], inner: usize, matrix: &[f32], columns: usize, values: &mut [f32]) {
    product(rows, inner, matrix, [columns, 1], columns, values);
}

/// `rows · matrixᵀ`: `[n, inner]` times the transpose of `[columns, inner]` into `[n, columns]`.
pub(crate) fn times_transposed(
    rows: &[f32],
    inner: usize,
    matrix: &[f32],
    columns: usize,
    values: &mut [f32],
) {
    product(rows, inner, matrix, [1, inner], columns, values);
}

/// `strides` are those of the right matrix's `inner` and `columns`.
fn product(
    rows: &[f32],
    inner: usize,
    matrix: &[f32],
    strides: [usize; 2],
    columns: usize,
    values: &mut [f32],
) {
    let count = values.len().checked_div(columns).unwrap_or(0);
    assert_eq!(values.len(), count * columns, "whole rows of the product");
    assert_eq!(rows.len(), count * inner, "as many rows on the left");
    assert_eq!(matrix.len(), inner * columns, "the matrix on the right");
    let [inner_stride, column_stride] = strides.map(|stride| stride as isize);
    // SAFETY: the three slices are as long as the sizes and strides reach, as has just been checked: `count · columns`,
    // `count · inner` and `inner · columns` values, each row-major or a transpose of it. `values` is borrowed alone,
    // and every value is an f32 of any bits. With `read_dst` false what was in `values` isn't looked at.
    unsafe {
        gemm(
            count,
            columns,
            inner,
            values.as_mut_ptr(),
            1,
            columns as isize,
            false,
            rows.as_ptr(),
            1,
            inner as isize,
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
    }
}
