//! The gated activation `silu(gate) · up` and its gradients, element by element.

use rayon::prelude::*;

use super::{dispatch::vectorized, value::Value, vector::sigmoid};

/// Elements that one task does.
const ELEMENTS: usize = 16_384;

/// Rows of `[gate, up]` that one task does.
const ROWS: usize = 8;

/// Writes `silu(gate) · up`.
pub fn swi_glu(output: &mut [f32], gate: &[f32], up: &[f32]) {
    let parts = output.par_chunks_mut(ELEMENTS).zip(gate.par_chunks(ELEMENTS)).zip(up.par_chunks(ELEMENTS));
    parts.for_each(|((output, gate), up)| {
        vectorized(
            #[inline(always)]
            || gated(output, gate, up),
        );
    });
}

/// The same where each row, `2 · width` wide, has its gate and then its up.
pub(crate) fn swi_glu_rows<T: Value>(output: &mut [T], rows: &[T], width: usize) {
    let parts = output.par_chunks_mut(ROWS * width).zip(rows.par_chunks(ROWS * 2 * width));
    parts.for_each(|(output, rows)| {
        vectorized(
            #[inline(always)]
            || {
                for (output, row) in output.chunks_exact_mut(width).zip(rows.chunks_exact(2 * width)) {
                    let (gate, up) = row.split_at(width);
                    gated(output, gate, up);
                }
            },
        );
    });
}

#[inline(always)]
fn gated<T: Value>(output: &mut [T], gate: &[T], up: &[T]) {
    for ((output, gate), up) in output.iter_mut().zip(gate).zip(up) {
        let gate = gate.widen();
        *output = T::narrow(gate * sigmoid(gate) * up.widen());
    }
}

/// Turns the gradient of the output into what the gradients of the layers around need, in place: `gradient` becomes the
/// output again, `gate` its own gradient and `up` its own.
///
/// With `σ = sigmoid(gate)`: `∂gate = g · up · σ · (1 + gate · (1 − σ))` and `∂up = g · gate · σ`.
pub fn swi_glu_gradients(gradient: &mut [f32], gate: &mut [f32], up: &mut [f32]) {
    let parts = gradient.par_chunks_mut(ELEMENTS).zip(gate.par_chunks_mut(ELEMENTS));
    parts.zip(up.par_chunks_mut(ELEMENTS)).for_each(|((gradient, gate), up)| {
        vectorized(
            #[inline(always)]
            || gradients(gradient, gate, up),
        );
    });
}

/// The same where each row, `2 · width` wide, has its gate and then its up.
pub(crate) fn swi_glu_rows_gradients<T: Value>(gradient: &mut [T], rows: &mut [T], width: usize) {
    let parts = gradient.par_chunks_mut(ROWS * width).zip(rows.par_chunks_mut(ROWS * 2 * width));
    parts.for_each(|(gradient, rows)| {
        vectorized(
            #[inline(always)]
            || {
                let rows = rows.chunks_exact_mut(2 * width);
                for (gradient, row) in gradient.chunks_exact_mut(width).zip(rows) {
                    let (gate, up) = row.split_at_mut(width);
                    gradients(gradient, gate, up);
                }
            },
        );
    });
}

#[inline(always)]
fn gradients<T: Value>(gradient: &mut [T], gate: &mut [T], up: &mut [T]) {
    for ((gradient_place, gate_place), up_place) in gradient.iter_mut().zip(gate).zip(up) {
        let (gradient, gate, up) = (gradient_place.widen(), gate_place.widen(), up_place.widen());
        let sigmoid = sigmoid(gate);
        let silu = gate * sigmoid;
        *gate_place = T::narrow(gradient * up * sigmoid * (1.0 + gate * (1.0 - sigmoid)));
        *up_place = T::narrow(gradient * silu);
        *gradient_place = T::narrow(silu * up);
    }
}
