//! AdamW as PyTorch has it, with its state keyed by parameter name.
//!
//! burn's own AdamW has other defaults and keys its state by random identifiers, which growth and files can't carry.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use outgrow_checkpoint::{LlamaConfig, NamedTensors};
use outgrow_kernels::{AdamWParameter, AdamWStep, adamw};
use outgrow_model::Decoder;

use crate::{
    error::TrainError,
    gradients::Gradients,
    moments::{from_host, shapes, to_host},
    settings::optimizer::AdamWSettings,
};

/// What it keeps of a parameter.
pub(crate) const MOMENTS: [&str; 2] = ["exp_avg", "exp_avg_sq"];

/// What the optimizer keeps for one parameter: its moments, flat, on the device without autodiff, and its updates.
#[derive(Clone, Debug)]
struct ParameterState {
    exp_avg: Tensor<1>,
    exp_avg_sq: Tensor<1>,
    steps: u64,
}

/// The optimizer: settings, and a state for each parameter that has been updated.
#[derive(Clone, Debug)]
pub struct AdamW {
    settings: AdamWSettings,
    states: BTreeMap<String, ParameterState>,
}

impl AdamW {
    /// An optimizer that has seen nothing.
    pub fn new(settings: AdamWSettings) -> Self {
        Self { settings, states: BTreeMap::new() }
    }

    /// What it was made with.
    pub fn settings(&self) -> &AdamWSettings {
        &self.settings
    }

    /// Forgets the state of parameters that are no longer trained, so that freezing frees its memory.
    pub fn retain(&mut self, is_trained: impl Fn(&str) -> bool) {
        self.states.retain(|name, _| is_trained(name));
    }

    /// The names that have a state.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.states.keys().map(String::as_str)
    }

    /// One update of all parameters that have a gradient. `scale` is multiplied into every gradient: the clip factor.
    ///
    /// With `g` the scaled gradient, `t` the parameter's count of updates and `η` the learning rate: `m ← β₁m +
    /// (1−β₁)g`, `v ← β₂v + (1−β₂)g²`, `w ← (1 − ηλ)w − η · (m / (1−β₁ᵗ)) / (sqrt(v / (1−β₂ᵗ)) + ε)` (arXiv 1711.05101,
    /// as in PyTorch).
    pub fn step(&mut self, decoder: &mut Decoder, mut gradients: Gradients, scale: f64, learning_rate: f64) {
        decoder.update(|name, weight| match gradients.remove(name) {
            Some(gradient) => self.updated(name, weight, gradient, scale, learning_rate),
            None => weight,
        });
    }

    /// A parameter after one update.
    pub(crate) fn updated(
        &mut self,
        name: &str,
        weight: Tensor<1>,
        gradient: Tensor<1>,
        gradient_scale: f64,
        learning_rate: f64,
    ) -> Tensor<1> {
        let AdamWSettings { beta1, beta2, epsilon, weight_decay, decay, .. } = self.settings;
        let old = self.states.remove(name).unwrap_or_else(|| ParameterState {
            exp_avg: weight.zeros_like(),
            exp_avg_sq: weight.zeros_like(),
            steps: 0,
        });
        let steps = old.steps + 1;
        let correction = |beta: f64| 1.0 - beta.powf(steps as f64);
        let step = AdamWStep {
            keep: if decay.includes(name) { 1.0 - learning_rate * weight_decay } else { 1.0 },
            gradient_scale,
            beta1,
            beta2,
            step_size: learning_rate / correction(beta1),
            inverse_root_correction: 1.0 / correction(beta2).sqrt(),
            epsilon,
        };
        let parameter = AdamWParameter { weight, exp_avg: old.exp_avg, exp_avg_sq: old.exp_avg_sq };
        let AdamWParameter { weight, exp_avg, exp_avg_sq } = adamw(parameter, gradient, step);
        self.states.insert(name.to_owned(), ParameterState { exp_avg, exp_avg_sq, steps });
        weight
    }

    /// The moments as `NAME.exp_avg` and `NAME.exp_avg_sq`, in the shapes of their parameters, and the count of updates
    /// of each parameter.
    pub fn to_host(&self, config: &LlamaConfig) -> (NamedTensors, BTreeMap<String, u64>) {
        let (shapes, mut tensors) = (shapes(config), NamedTensors::new());
        for (name, state) in &self.states {
            for (part, moment) in MOMENTS.into_iter().zip([&state.exp_avg, &state.exp_avg_sq]) {
                to_host(&mut tensors, &shapes, name, part, moment);
            }
        }
        (tensors, self.states.iter().map(|(name, state)| (name.clone(), state.steps)).collect())
    }

    /// The inverse of [`AdamW::to_host`], on the decoder's device.
    ///
    /// # Errors
    /// When a moment is missing, or is not of its parameter's shape.
    pub fn from_host(
        settings: AdamWSettings,
        tensors: &NamedTensors,
        steps: &BTreeMap<String, u64>,
        decoder: &Decoder,
    ) -> Result<Self, TrainError> {
        let (device, shapes) = (decoder.device(), shapes(decoder.config()));
        let load = |name: &str, part: &str| from_host(tensors, &shapes, name, part, &device);
        let states = steps
            .iter()
            .map(|(name, &steps)| {
                let [exp_avg, exp_avg_sq] = MOMENTS.map(|part| load(name, part));
                let state = ParameterState { exp_avg: exp_avg?, exp_avg_sq: exp_avg_sq?, steps };
                Ok((name.clone(), state))
            })
            .collect::<Result<_, TrainError>>()?;
        Ok(Self { settings, states })
    }
}
