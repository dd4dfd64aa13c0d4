//! Products of f32 that are symmetric: one triangle is computed, in blocks, and the other is its mirror image.

use rayon::prelude::*;

use super::{Matrix, Store, Threads, in_f32::multiply_into, sizes};

/// The largest side of a block on the diagonal, which is computed whole.
const BLOCK: usize = 128;
/// Sides of blocks are multiples of it: an AVX-512 register.
const LANES: usize = 16;
/// The side of the squares that are mirrored at once.
const TILE: usize = 8;

/// `target = left · right`, which is known to be symmetric.
///
/// An element is summed in one order, whatever the number of threads.
///
/// # Panics
/// When the shapes don't fit each other, or the product isn't square.
pub(crate) fn multiply_symmetric(target: &mut [f32], left: Matrix<'_>, right: Matrix<'_>) {
    let [side, _, columns] = sizes(target.len(), &left, &right);
    assert_eq!(side, columns, "a symmetric product is square");
    multiply_lower(target, side, left, right);
    mirror(target, side, side);
}

/// Computes what lies on the diagonal and below it, and something of what lies above.
fn multiply_lower(target: &mut [f32], row_stride: usize, left: Matrix<'_>, right: Matrix<'_>) {
    let side = left.rows;
    if side <= BLOCK {
        multiply_into(target, row_stride, Store::Replace, left, right, Threads::All);
        return;
    }
    let half = (side / 2).next_multiple_of(LANES);
    let [upper, lower] = [0..half, half..side].map(|rows| left.with_rows(rows));
    let [first, last] = [0..half, half..side].map(|columns| right.with_columns(columns));
    multiply_lower(target, row_stride, upper, first);
    multiply_into(&mut target[half * row_stride..], row_stride, Store::Replace, lower, first, Threads::All);
    multiply_lower(&mut target[half * row_stride + half..], row_stride, lower, last);
}

/// Copies what lies below the diagonal to above it.
fn mirror(target: &mut [f32], row_stride: usize, side: usize) {
    if side <= BLOCK {
        for row in 0..side {
            for column in row + 1..side {
                target[row * row_stride + column] = target[column * row_stride + row];
            }
        }
        return;
    }
    let half = (side / 2).next_multiple_of(LANES);
    let (upper, lower) = target.split_at_mut(half * row_stride);
    upper.par_chunks_mut(TILE * row_stride).enumerate().for_each(|(index, rows)| {
        for first in (0..side - half).step_by(TILE) {
            let height = TILE.min(side - half - first);
            // By way of a small array: rows that lie a power of two apart share few lines of the cache.
            let mut tile = [[0.0; TILE]; TILE];
            for (row, values) in tile[..height].iter_mut().enumerate() {
                values.copy_from_slice(&lower[(first + row) * row_stride + index * TILE..][..TILE]);
            }
            for (column, row) in rows.chunks_exact_mut(row_stride).enumerate() {
                for (value, values) in row[half + first..][..height].iter_mut().zip(&tile) {
                    *value = values[column];
                }
            }
        }
    });
    rayon::join(|| mirror(upper, row_stride, half), || mirror(&mut lower[half..], row_stride, side - half));
}
