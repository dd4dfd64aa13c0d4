//! The gated activation `silu(gate) · up` and its gradients, element by element.

use rayon::prelude::*;

use super::vector::{sigmoid, vectorized};

/// Elements that one task does.
const ELEMENTS: usize = 16_384;

/// Writes `silu(gate) · up`.
pub fn swi_glu(output: &mut [f32], gate: &[f32], up: &[f32]) {
    let parts = output.par_chunks_mut(ELEMENTS).zip(gate.par_chunks(ELEMENTS)).zip(up.par_chunks(ELEMENTS));
    parts.for_each(|((output, gate), up)| {
        vectorized(
            #[inline(always)]
            || {
                for ((output, &gate), up) in output.iter_mut().zip(gate).zip(up) {
                    *output = gate * sigmoid(gate) * up;
                }
            },
        );
    });
}

/// Turns the gradient of the output into what the gradients of the layers around need, in place: `gradient` becomes the output again,
/// `gate` its own gradient and `up` its own.
///
/// With `σ = sigmoid(gate)`: `∂gate = g · up · σ · (1 + gate · (1 − σ))` and `∂up = g · gate · σ`.
pub fn swi_glu_gradients(gradient: &mut [f32], gate: &mut [f32], up: &mut [f32]) {
    let parts = gradient.par_chunks_mut(ELEMENTS).zip(gate.par_chunks_mut(ELEMENTS));
    parts.zip(up.par_chunks_mut(ELEMENTS)).for_each(|((gradient, gate), up)| {
        vectorized(
            #[inline(always)]
            || {
                for ((gradient, gate), up) in gradient.iter_mut().zip(gate).zip(up) {
                    let sigmoid = sigmoid(*gate);
                    let silu = *gate * sigmoid;
                    let output = silu * *up;
                    *gate = *gradient * *up * sigmoid * (1.0 + *gate * (1.0 - sigmoid));
                    *up = *gradient * silu;
                    *gradient = output;
                }
            },
        );
    });
}
