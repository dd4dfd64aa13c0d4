//! The optimizer's arithmetic on one parameter: in one pass and in place on the CPU, composed of burn's operations
//! elsewhere.

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

/// `Σ x²`, as a tensor `[1]` on the same device.
pub fn sum_of_squares(values: Tensor<1>) -> Tensor<1> {
    at_home!(values, sum_of_squares(values))
}
