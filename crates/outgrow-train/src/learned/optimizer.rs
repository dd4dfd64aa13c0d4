//! AdamW on the matrices of a learned growth. They belong to no decoder, and go to the host at each step to be grown
//! by.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use outgrow_checkpoint::{HostTensor, NamedTensors};
use outgrow_kernels::{AdamWParameter, AdamWStep, adamw};
use outgrow_operators::growth::LearnedMatrices;

use crate::{error::TrainError, settings::optimizer::AdamWSettings};

/// The matrices in training. They decay as any weights do: docs/EXPERIMENTS.md has what that does to them.
#[derive(Debug)]
pub(crate) struct MatrixOptimizer<'a> {
    settings: AdamWSettings,
    matrices: BTreeMap<String, Matrix>,
    steps: u64,
    device: &'a Device,
}

#[derive(Debug)]
struct Matrix {
    shape: Vec<usize>,
    parameter: AdamWParameter,
}

impl<'a> MatrixOptimizer<'a> {
    /// Has seen nothing.
    ///
    /// # Errors
    /// No matrices.
    pub(crate) fn new(
        initial: &LearnedMatrices,
        settings: AdamWSettings,
        device: &'a Device,
    ) -> Result<Self, TrainError> {
        let initial = initial.to_named_tensors();
        if initial.is_empty() {
            return Err(TrainError::NothingToLearn);
        }
        let matrices = initial.into_iter().map(|(name, HostTensor { shape, values })| {
            let weight = flat(values, device);
            let (exp_avg, exp_avg_sq) = (weight.zeros_like(), weight.zeros_like());
            (name, Matrix { shape, parameter: AdamWParameter { weight, exp_avg, exp_avg_sq } })
        });
        Ok(Self { settings, matrices: matrices.collect(), steps: 0, device })
    }

    /// One update of all matrices by their gradients, whose norm is given.
    pub(crate) fn step(&mut self, gradients: &NamedTensors, gradient_norm: f64, learning_rate: f64) {
        self.steps += 1;
        let AdamWSettings { beta1, beta2, epsilon, weight_decay, clip_norm, .. } = self.settings;
        let correction = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        let step = AdamWStep {
            keep: 1.0 - learning_rate * weight_decay,
            gradient_scale: clip_norm.map_or(1.0, |limit| (limit / (gradient_norm + 1e-6)).min(1.0)),
            beta1,
            beta2,
            step_size: learning_rate / correction(beta1),
            inverse_root_correction: 1.0 / correction(beta2).sqrt(),
            epsilon,
        };
        let matrices = std::mem::take(&mut self.matrices).into_iter();
        let updated = matrices.map(|(name, Matrix { shape, parameter })| {
            let gradient = flat(gradients[&name].values.clone(), self.device);
            (name, Matrix { shape, parameter: adamw(parameter, gradient, step) })
        });
        self.matrices = updated.collect();
    }

    /// Where they are now.
    pub(crate) fn matrices(&self) -> LearnedMatrices {
        let tensors = self.matrices.iter().map(|(name, Matrix { shape, parameter })| {
            let values = parameter.weight.to_data().try_into_vec::<f32>().expect("matrices are f32");
            (name.clone(), HostTensor { shape: shape.clone(), values })
        });
        LearnedMatrices::from_named_tensors(tensors.collect())
    }
}

fn flat(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let size = values.len();
    Tensor::from_data(TensorData::new(values, [size]), device)
}
