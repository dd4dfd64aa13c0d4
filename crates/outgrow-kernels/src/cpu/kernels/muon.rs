//! Muon on one matrix: its momentum in one pass over memory, the orthogonalisation, and the update in another pass.

use rayon::prelude::*;

use super::{buffers::Buffer, dispatch::vectorized, orthogonalization::orthogonalize};

/// Elements that one task does.
const ELEMENTS: usize = 16_384;

/// The numbers of one update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Rows and columns of the matrix.
    pub shape: [usize; 2],
    /// `1 − ηλ`
    pub keep: f32,
    /// Multiplied into the gradient: the clip factor.
    pub gradient_scale: f32,
    /// `μ`
    pub momentum: f32,
    /// Whether the gradient is mixed into the momentum once more.
    pub nesterov: bool,
    /// Iterations of the orthogonalisation.
    pub iterations: usize,
    /// What the orthogonalised matrix is multiplied by.
    pub step_size: f32,
}

/// Updates in place: `m ← m + (1−μ)(g − m)`, `u ← g + μ(m − g)` with Nesterov's momentum and `m` without,
/// `w ← keep·w − step_size · orthogonalized(u)`.
///
/// # Panics
/// When the shape is not that of the matrix.
pub fn update(weight: &mut [f32], momentum_buffer: &mut [f32], gradient: &[f32], step: Step) {
    let mut direction = Buffer::new(weight.len());
    let parts = direction.par_chunks_mut(ELEMENTS).zip(momentum_buffer.par_chunks_mut(ELEMENTS));
    parts.zip(gradient.par_chunks(ELEMENTS)).for_each(|((direction, momentum), gradient)| {
        vectorized(
            #[inline(always)]
            || {
                for ((direction, momentum), gradient) in direction.iter_mut().zip(momentum).zip(gradient) {
                    let gradient = gradient * step.gradient_scale;
                    *momentum += (1.0 - step.momentum) * (gradient - *momentum);
                    let mixed = gradient + step.momentum * (*momentum - gradient);
                    *direction = if step.nesterov { mixed } else { *momentum };
                }
            },
        );
    });
    orthogonalize(&mut direction, step.shape, step.iterations);
    let parts = weight.par_chunks_mut(ELEMENTS).zip(direction.par_chunks(ELEMENTS));
    parts.for_each(|(weight, direction)| {
        vectorized(
            #[inline(always)]
            || {
                for (weight, direction) in weight.iter_mut().zip(direction) {
                    *weight = step.keep * *weight - step.step_size * direction;
                }
            },
        );
    });
}
