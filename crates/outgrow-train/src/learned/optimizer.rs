//! AdamW on the matrices of a learned growth. They belong to no decoder, and go to the host at each step to be grown by.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use outgrow_checkpoint::{HostTensor, NamedTensors};
use outgrow_kernels::{AdamWParameter, AdamWStep, adamw};
use outgrow_operators::growth::LearnedMatrices;

use crate::{error::TrainError, settings::optimizer::AdamWSettings};

/// The matrices in training. What is trained of each is its change, so that decay draws it to where it began and not to
/// zero, which would be a model without layers.
#[derive(Debug)]
pub(crate) struct MatrixOptimizer<'a> {
    settings: AdamWSettings,
    initial: NamedTensors,
    changes: BTreeMap<String, AdamWParameter>,
    steps: u64,
    device: &'a Device,
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
        let zeros = |matrix: &HostTensor| Tensor::<1>::zeros([matrix.values.len()], device);
        let changes = initial.iter().map(|(name, matrix)| {
            let [weight, exp_avg, exp_avg_sq] = [zeros(matrix), zeros(matrix), zeros(matrix)];
            (name.clone(), AdamWParameter { weight, exp_avg, exp_avg_sq })
        });
        let changes = changes.collect();
        Ok(Self { settings, initial, changes, steps: 0, device })
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
        let changes = std::mem::take(&mut self.changes).into_iter();
        let updated = changes.map(|(name, change)| {
            let values = gradients[&name].values.clone();
            let size = values.len();
            let gradient = Tensor::from_data(TensorData::new(values, [size]), self.device);
            let change = adamw(change, gradient, step);
            (name, change)
        });
        self.changes = updated.collect();
    }

    /// Where they are now.
    pub(crate) fn matrices(&self) -> LearnedMatrices {
        let moved = self.initial.iter().map(|(name, initial)| {
            let change = self.changes[name].weight.to_data().try_into_vec::<f32>();
            let change = change.expect("matrices are f32");
            let values = initial.values.iter().zip(change).map(|(value, change)| value + change).collect();
            (name.clone(), HostTensor { shape: initial.shape.clone(), values })
        });
        LearnedMatrices::from_named_tensors(moved.collect())
    }
}
