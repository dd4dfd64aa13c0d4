//! A matrix made nearly orthogonal, in place, by Newton–Schulz iterations in f32. Why, and what with, is the
//! optimizer's.
//!
//! An iteration is `X ← PX` with `P = aI + bA + cA²` and `A = XXᵀ`. All of these but `X` are symmetric, commute, and
//! are as large as the shorter side of `X`. So of an oblong matrix, several iterations are done on the small ones
//! first: `A ← PAP`, and the product of the `P` is applied to `X` once. Each makes what rounding does to the smallest
//! singular values larger. Three at a time are as exact as one at a time; five would cost one or two digits.

use std::mem::swap;

use rayon::prelude::*;

use super::{
    adamw::sum_of_squares,
    buffers::Buffer,
    dispatch::vectorized,
    matrix::{Matrix, Store, Threads, multiply, multiply_symmetric},
};
use crate::NEWTON_SCHULZ;

/// Elements that one task does.
const ELEMENTS: usize = 16_384;
/// Iterations of an oblong matrix that are done on its Gram matrix.
const AT_ONCE: usize = 3;

/// Replaces a matrix by one with its singular vectors and with singular values near one: see
/// [`orthogonalized`](crate::orthogonalized).
///
/// # Panics
/// When the shape is not that of the matrix.
pub fn orthogonalize(values: &mut [f32], shape: [usize; 2], iterations: usize) {
    let [rows, columns] = shape;
    assert_eq!(values.len(), rows * columns, "a matrix of {rows} rows of {columns}");
    if normalize(values) {
        iterate(values, shape, iterations);
    }
}

/// Divides by the norm; false where there is nothing to divide. The largest element first, so that no square is lost
/// below the smallest number.
fn normalize(values: &mut [f32]) -> bool {
    let largest = largest_magnitude(values);
    if largest == 0.0 {
        return false;
    }
    let divisor = largest.max(f32::MIN_POSITIVE);
    each(
        values,
        #[inline(always)]
        |value| value / divisor,
    );
    let factor = (1.0 / sum_of_squares(values).sqrt().max(1.0)) as f32;
    each(
        values,
        #[inline(always)]
        |value| value * factor,
    );
    true
}

fn largest_magnitude(values: &[f32]) -> f32 {
    let larger = |left: f32, right: f32| if right > left { right } else { left };
    let of_part = |part: &[f32]| {
        vectorized(
            #[inline(always)]
            || {
                let mut lanes = [0.0_f32; 16];
                let (whole, rest) = part.as_chunks::<16>();
                for values in whole {
                    for lane in 0..16 {
                        let value = values[lane].abs();
                        lanes[lane] = if value > lanes[lane] { value } else { lanes[lane] };
                    }
                }
                rest.iter().map(|value| value.abs()).chain(lanes).fold(0.0, larger)
            },
        )
    };
    values.par_chunks(ELEMENTS).map(of_part).reduce(|| 0.0, larger)
}

fn each(values: &mut [f32], change: impl Fn(f32) -> f32 + Sync) {
    values.par_chunks_mut(ELEMENTS).for_each(|part| {
        vectorized(
            #[inline(always)]
            || part.iter_mut().for_each(|value| *value = change(*value)),
        );
    });
}

fn iterate(values: &mut [f32], [rows, columns]: [usize; 2], iterations: usize) {
    let (short, long) = (rows.min(columns), rows.max(columns));
    // Below, what is saved on the long side is spent on the short one.
    let at_once = if 3 * long >= 4 * short { AT_ONCE } else { 1 };
    let mut memory = Buffer::new(values.len());
    let (mut matrix, mut next): (&mut [f32], &mut [f32]) = (values, &mut memory);
    let [mut gram, mut factor, mut factors, mut product] = [(); 4].map(|()| Buffer::new(short * short));
    let (mut done, mut is_in_memory) = (0, false);
    while done < iterations {
        let oblong = Matrix::new(matrix, rows, columns);
        let is_tall = rows > columns;
        let (left, right) =
            if is_tall { (oblong.transposed(), oblong) } else { (oblong, oblong.transposed()) };
        multiply_symmetric(&mut gram, left, right);
        let count = at_once.min(iterations - done);
        for index in 0..count {
            multiply_symmetric(&mut factor, square(&gram, short), square(&gram, short));
            add_to_square(&mut factor, &gram, short);
            if index == 0 {
                factors.copy_from_slice(&factor);
            } else {
                multiply_symmetric(&mut product, square(&factor, short), square(&factors, short));
                swap(&mut product, &mut factors);
            }
            if index + 1 < count {
                multiply_symmetric(&mut product, square(&factor, short), square(&gram, short));
                multiply_symmetric(&mut gram, square(&product, short), square(&factor, short));
            }
        }
        let (left, right) =
            if is_tall { (oblong, square(&factors, short)) } else { (square(&factors, short), oblong) };
        multiply(next, Store::Replace, left, right, Threads::All);
        swap(&mut matrix, &mut next);
        (done, is_in_memory) = (done + count, !is_in_memory);
    }
    if is_in_memory {
        next.copy_from_slice(matrix);
    }
}

fn square(values: &[f32], side: usize) -> Matrix<'_> {
    Matrix::new(values, side, side)
}

/// `aI + bA + cA²`, in place of `A²`.
fn add_to_square(square: &mut [f32], gram: &[f32], side: usize) {
    let [first, third, fifth] = NEWTON_SCHULZ;
    let rows = square.par_chunks_mut(side).zip(gram.par_chunks(side)).enumerate();
    rows.with_min_len(ELEMENTS.div_ceil(side)).for_each(|(row, (square, gram))| {
        vectorized(
            #[inline(always)]
            || {
                for (square, gram) in square.iter_mut().zip(gram) {
                    *square = third * gram + fifth * *square;
                }
            },
        );
        square[row] += first;
    });
}
