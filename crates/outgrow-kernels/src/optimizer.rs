//! An optimizer's arithmetic on one parameter, AdamW's and Muon's: fused and in place on the CPU, composed of burn's
//! operations elsewhere. Learning rates, and which parameter is whose, are the caller's.

use burn::tensor::Tensor;

use crate::home::at_home;

/// A parameter and its moments, flat, on a device without autodiff.
#[derive(Clone, Debug)]
pub struct AdamWParameter {
    /// The parameter.
    pub weight: Tensor<1>,
    /// The running mean of its gradients.
    pub exp_avg: Tensor<1>,
    /// The running mean of their squares.
    pub exp_avg_sq: Tensor<1>,
}

/// The numbers of one update, in which the bias corrections are done with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWStep {
    /// `1 − ηλ`, or one where the parameter doesn't decay.
    pub keep: f64,
    /// Multiplied into the gradient: the clip factor.
    pub gradient_scale: f64,
    /// `β₁`
    pub beta1: f64,
    /// `β₂`
    pub beta2: f64,
    /// `η / (1 − β₁ᵗ)`
    pub step_size: f64,
    /// `1 / sqrt(1 − β₂ᵗ)`
    pub inverse_root_correction: f64,
    /// `ε`
    pub epsilon: f64,
}

/// One AdamW update (arXiv 1711.05101, as in PyTorch). Memory that nobody else holds is updated in place.
///
/// ```
/// use burn::tensor::Tensor;
/// use outgrow_kernels::{AdamWParameter, AdamWStep, DeviceName, adamw, open_device};
///
/// let device = open_device(DeviceName::Flex)?;
/// let flat = |value: f32| Tensor::<1>::full([3], value, &device);
/// let (learning_rate, beta1, beta2) = (0.1, 0.9, 0.99_f64);
/// let first_step = AdamWStep {
///     keep: 1.0,
///     gradient_scale: 1.0,
///     beta1,
///     beta2,
///     step_size: learning_rate / (1.0 - beta1),
///     inverse_root_correction: 1.0 / (1.0 - beta2).sqrt(),
///     epsilon: 1e-8,
/// };
/// let parameter = AdamWParameter { weight: flat(1.0), exp_avg: flat(0.0), exp_avg_sq: flat(0.0) };
/// // The first step is the learning rate, whatever the size of the gradient.
/// let weight = adamw(parameter, flat(5.0), first_step).weight.into_data().try_into_vec::<f32>().unwrap();
/// assert!(weight.iter().all(|weight| (weight - 0.9).abs() < 1e-6));
/// # Ok::<(), outgrow_kernels::DeviceError>(())
/// ```
pub fn adamw(parameter: AdamWParameter, gradient: Tensor<1>, step: AdamWStep) -> AdamWParameter {
    at_home!(parameter.weight, adamw(parameter, gradient, step))
}

/// The coefficients `a`, `b`, `c` of an iteration that makes singular values nearly one: `σ ← aσ + bσ³ + cσ⁵`. They are
/// Keller Jordan's, steep at zero: five iterations take all from 0.002 to 1 into the range from 0.68 to 1.21.
pub const NEWTON_SCHULZ: [f32; 3] = [3.4445, -4.7750, 2.0315];

/// A matrix that Muon trains, and its momentum, flat, on a device without autodiff.
#[derive(Clone, Debug)]
pub struct MuonParameter {
    /// The matrix, row by row.
    pub weight: Tensor<1>,
    /// The running mean of its gradients.
    pub momentum_buffer: Tensor<1>,
}

/// The numbers of one update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MuonStep {
    /// Rows and columns of the matrix.
    pub shape: [usize; 2],
    /// `1 − ηλ`
    pub keep: f64,
    /// Multiplied into the gradient: the clip factor.
    pub gradient_scale: f64,
    /// `μ`
    pub momentum: f64,
    /// Whether the gradient is mixed into the momentum once more before it is orthogonalised.
    pub nesterov: bool,
    /// How often [`NEWTON_SCHULZ`] is applied.
    pub iterations: usize,
    /// `η` times the adjustment for the shape.
    pub step_size: f64,
}

/// One Muon update (Jordan 2024): `m ← μm + (1−μ)g`, `w ← keep·w − step_size · orthogonalized(u)`, where `u` is `m`, or
/// `μm + (1−μ)g` with Nesterov's momentum. Memory that nobody else holds is updated in place.
///
/// It differs from PyTorch 2.15 in two ways, both in [`orthogonalized`].
///
/// # Panics
/// When the shape is not that of the parameter.
pub fn muon(parameter: MuonParameter, gradient: Tensor<1>, step: MuonStep) -> MuonParameter {
    let [rows, columns] = step.shape;
    let [elements] = parameter.weight.dims();
    assert_eq!(rows * columns, elements, "a matrix of {rows} rows of {columns}");
    at_home!(parameter.weight, muon(parameter, gradient, step))
}

/// A matrix with the singular vectors of `matrix` and singular values near one: the matrix is divided by its norm, and
/// [`NEWTON_SCHULZ`] is applied so many times. What is zero stays zero. On a device without autodiff.
///
/// It differs from PyTorch 2.15 in two ways:
///
/// - The norm has no floor, where PyTorch's is at least 1e-7. The result doesn't depend on how large the gradient is,
///   also where it is 1e-12, as behind fresh layers that preserve a model's function. PyTorch leaves such a matrix as
///   good as unchanged.
/// - It iterates in f32, where PyTorch does in bf16, whatever the gradient is.
///
/// ```
/// use burn::tensor::Tensor;
/// use outgrow_kernels::{DeviceName, open_device, orthogonalized};
///
/// let device = open_device(DeviceName::Flex)?;
/// let matrix = Tensor::<2>::from_floats([[3.0, 0.0, 0.0], [0.0, 0.0, -0.4]], &device);
/// let size = |factor: f32| {
///     let values = orthogonalized(matrix.clone() * factor, 5).into_data().try_into_vec::<f32>().unwrap();
///     [values[0], -values[5]]
/// };
/// assert!(size(1.0).iter().all(|size| (0.68..1.21).contains(size)));
/// assert_eq!(size(2_f32.powi(-60)), size(1.0));
/// # Ok::<(), outgrow_kernels::DeviceError>(())
/// ```
pub fn orthogonalized(matrix: Tensor<2>, iterations: usize) -> Tensor<2> {
    at_home!(matrix, orthogonalized(matrix, iterations))
}

/// `Σ x²`, as a tensor `[1]` on the same device.
pub fn sum_of_squares(values: Tensor<1>) -> Tensor<1> {
    at_home!(values, sum_of_squares(values))
}
