//! Muon for the matrices of a model's layers, with its state keyed by parameter name. What is done to one matrix is
//! outgrow-kernels'.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use outgrow_checkpoint::{LlamaConfig, NamedTensors};
use outgrow_kernels::{MuonParameter, MuonStep, muon};
use outgrow_model::Decoder;

use crate::{
    error::TrainError,
    moments::{from_host, shapes, to_host},
    settings::optimizer::MuonSettings,
};

/// What it keeps of a matrix, as PyTorch calls it.
pub(crate) const MOMENTUM_BUFFER: &str = "momentum_buffer";

/// The momentum of a matrix, flat, on the device without autodiff, and its updates.
#[derive(Clone, Debug)]
struct MatrixState {
    momentum_buffer: Tensor<1>,
    steps: u64,
}

/// Settings, the matrices that it has, and a state for each that has been updated.
#[derive(Clone, Debug)]
pub(crate) struct Muon {
    settings: MuonSettings,
    weight_decay: f64,
    matrices: BTreeMap<String, [usize; 2]>,
    states: BTreeMap<String, MatrixState>,
}

impl Muon {
    /// One that has seen nothing.
    pub(crate) fn new(settings: MuonSettings, weight_decay: f64, model: &LlamaConfig) -> Self {
        let matrices = model.layer_matrices().into_iter().collect();
        Self { settings, weight_decay, matrices, states: BTreeMap::new() }
    }

    /// Whether a parameter is one of its matrices.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.matrices.contains_key(name)
    }

    pub(crate) fn retain(&mut self, is_trained: impl Fn(&str) -> bool) {
        self.states.retain(|name, _| is_trained(name));
    }

    /// The names that have a state.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.states.keys().map(String::as_str)
    }

    /// A matrix after one update. The stage's learning rate times the ratio of the settings decays the weight; times
    /// the adjustment for the shape it is the size of the step, as in PyTorch.
    pub(crate) fn updated(
        &mut self,
        name: &str,
        weight: Tensor<1>,
        gradient: Tensor<1>,
        gradient_scale: f64,
        learning_rate: f64,
    ) -> Tensor<1> {
        let MuonSettings { momentum, nesterov, iterations, adjust, learning_rate_ratio, .. } = self.settings;
        let shape = self.matrices[name];
        let learning_rate = learning_rate * learning_rate_ratio;
        let old = self.states.remove(name);
        let steps = old.as_ref().map_or(0, |old| old.steps) + 1;
        let momentum_buffer = old.map_or_else(|| weight.zeros_like(), |old| old.momentum_buffer);
        let step = MuonStep {
            shape,
            keep: 1.0 - learning_rate * self.weight_decay,
            gradient_scale,
            momentum,
            nesterov,
            iterations,
            step_size: learning_rate * adjust.factor(shape),
        };
        let MuonParameter { weight, momentum_buffer } =
            muon(MuonParameter { weight, momentum_buffer }, gradient, step);
        self.states.insert(name.to_owned(), MatrixState { momentum_buffer, steps });
        weight
    }

    /// The momentum as `NAME.momentum_buffer`, and the count of updates of each matrix.
    pub(crate) fn to_host(&self, config: &LlamaConfig) -> (NamedTensors, BTreeMap<String, u64>) {
        let (shapes, mut tensors) = (shapes(config), NamedTensors::new());
        for (name, state) in &self.states {
            to_host(&mut tensors, &shapes, name, MOMENTUM_BUFFER, &state.momentum_buffer);
        }
        (tensors, self.states.iter().map(|(name, state)| (name.clone(), state.steps)).collect())
    }

    /// The same with the states of files, on the decoder's device.
    ///
    /// # Errors
    /// When one is missing, or is not of its matrix's shape.
    pub(crate) fn with_states(
        mut self,
        tensors: &NamedTensors,
        steps: &BTreeMap<String, u64>,
        decoder: &Decoder,
    ) -> Result<Self, TrainError> {
        let (device, shapes) = (decoder.device(), shapes(decoder.config()));
        for (name, &steps) in steps {
            let momentum_buffer = from_host(tensors, &shapes, name, MOMENTUM_BUFFER, &device)?;
            self.states.insert(name.clone(), MatrixState { momentum_buffer, steps });
        }
        Ok(self)
    }
}
