//! Muon, and the orthogonalisation that it is made of, product by product.

use burn::tensor::Tensor;

use crate::{MuonParameter, MuonStep, NEWTON_SCHULZ};

/// One update: `m ← m + (1−μ)(g − m)`, `u ← g + μ(m − g)` with Nesterov's momentum and `m` without,
/// `w ← keep·w − step_size · orthogonalized(u)`.
pub fn muon(parameter: MuonParameter, gradient: Tensor<1>, step: MuonStep) -> MuonParameter {
    let MuonParameter { weight, momentum_buffer } = parameter;
    let gradient = gradient * step.gradient_scale;
    let change = (gradient.clone() - momentum_buffer.clone()) * (1.0 - step.momentum);
    let momentum_buffer = momentum_buffer + change;
    let direction = if step.nesterov {
        gradient.clone() + (momentum_buffer.clone() - gradient) * step.momentum
    } else {
        momentum_buffer.clone()
    };
    let [elements] = weight.dims();
    let update = orthogonalized(direction.reshape(step.shape), step.iterations).reshape([elements]);
    MuonParameter { weight: weight * step.keep - update * step.step_size, momentum_buffer }
}

/// `X ← X / ‖X‖`, then as often as asked `X ← aX + (bA + cA²)X` with `A = XXᵀ`, on the shorter side of the matrix.
pub fn orthogonalized(matrix: Tensor<2>, iterations: usize) -> Tensor<2> {
    let [rows, columns] = matrix.dims();
    if rows > columns {
        return orthogonalized(matrix.transpose(), iterations).transpose();
    }
    // In two divisions, so that no square is lost below the smallest number. Zeros are divided by something, too.
    let largest = matrix.clone().abs().max().clamp_min(f32::MIN_POSITIVE);
    let matrix = matrix / largest.reshape([1, 1]);
    let norm = matrix.clone().square().sum().sqrt().clamp_min(1.0);
    let mut matrix = matrix / norm.reshape([1, 1]);
    let [first, third, fifth] = NEWTON_SCHULZ;
    for _ in 0..iterations {
        let gram = matrix.clone().matmul(matrix.clone().transpose());
        let polynomial = gram.clone() * third + gram.clone().matmul(gram) * fifth;
        matrix = matrix.clone() * first + polynomial.matmul(matrix);
    }
    matrix
}
