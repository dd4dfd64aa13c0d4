//! The optimizer of a run: AdamW, or Muon for the matrices of the layers and AdamW for the rest. Which parameter is
//! whose is decided here; what each does with one is its own.

use std::collections::BTreeMap;

use outgrow_checkpoint::{LlamaConfig, NamedTensors};
use outgrow_model::Decoder;
use outgrow_operators::{PlannedTensor, grow_moments};
use outgrow_schedules::PlannedGrowth;

use crate::{
    adamw::{self, AdamW},
    error::TrainError,
    gradients::Gradients,
    muon::{MOMENTUM_BUFFER, Muon},
    new_values::NewValues,
    old_and_new::OldAndNew,
    settings::optimizer::OptimizerSettings,
};

/// Settings, and a state for each parameter that has been updated.
#[derive(Clone, Debug)]
pub struct Optimizer {
    adamw: AdamW,
    muon: Option<Muon>,
    settings: OptimizerSettings,
}

impl Optimizer {
    /// One for a model that has seen nothing.
    pub fn new(settings: OptimizerSettings, model: &LlamaConfig) -> Self {
        let muon = settings.muon.clone().zip(settings.muon_weight_decay());
        let muon = muon.map(|(settings, weight_decay)| Muon::new(settings, weight_decay, model));
        Self { adamw: AdamW::new(settings.adamw.clone()), muon, settings }
    }

    /// What it was made with.
    pub fn settings(&self) -> &OptimizerSettings {
        &self.settings
    }

    /// Forgets the state of parameters that are no longer trained, so that freezing frees its memory.
    pub fn retain(&mut self, is_trained: impl Fn(&str) -> bool) {
        self.adamw.retain(&is_trained);
        if let Some(muon) = &mut self.muon {
            muon.retain(is_trained);
        }
    }

    /// The names that have a state: AdamW's, then Muon's.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.adamw.names().chain(self.muon.iter().flat_map(Muon::names))
    }

    /// What is kept of a parameter, by the ends of the names: `exp_avg` and `exp_avg_sq` by AdamW, `momentum_buffer` by
    /// Muon.
    pub fn moments_of(&self, name: &str) -> &'static [&'static str] {
        if self.muon.as_ref().is_some_and(|muon| muon.has(name)) {
            &[MOMENTUM_BUFFER]
        } else {
            &adamw::MOMENTS
        }
    }

    /// One update of all parameters that have a gradient. `scale` is multiplied into every gradient: the clip factor.
    pub fn step(&mut self, decoder: &mut Decoder, gradients: Gradients, scale: f64, learning_rate: f64) {
        self.step_apart(decoder, gradients, scale, learning_rate, &mut OldAndNew::default());
    }

    /// The same, with a learning rate of their own for the new values of a grown model.
    pub fn step_with_new_values(
        &mut self,
        decoder: &mut Decoder,
        gradients: Gradients,
        scale: f64,
        learning_rate: f64,
        new: (&NewValues, f64),
    ) {
        let mut apart = OldAndNew { new_rate: Some(new), ..OldAndNew::default() };
        self.step_apart(decoder, gradients, scale, learning_rate, &mut apart);
    }

    /// The same, with what is done with old and new values apart.
    pub(crate) fn step_apart(
        &mut self,
        decoder: &mut Decoder,
        mut gradients: Gradients,
        scale: f64,
        learning_rate: f64,
        old_and_new: &mut OldAndNew<'_>,
    ) {
        let Self { adamw, muon, settings: _ } = self;
        decoder.update(|name, weight| {
            let Some(gradient) = gradients.remove(name) else { return weight };
            old_and_new.around(name, weight, learning_rate, |weight, learning_rate| match muon {
                Some(muon) if muon.has(name) => muon.updated(name, weight, gradient, scale, learning_rate),
                _ => adamw.updated(name, weight, gradient, scale, learning_rate),
            })
        });
    }

    /// What is kept, by the names of the parameters and [`Optimizer::moments_of`], in the shapes of the parameters; and
    /// the count of updates of each.
    pub fn to_host(&self, config: &LlamaConfig) -> (NamedTensors, BTreeMap<String, u64>) {
        let (mut moments, mut steps) = self.adamw.to_host(config);
        if let Some(muon) = &self.muon {
            let (more_moments, more_steps) = muon.to_host(config);
            moments.extend(more_moments);
            steps.extend(more_steps);
        }
        (moments, steps)
    }

    /// The inverse of [`Optimizer::to_host`], on the decoder's device.
    ///
    /// # Errors
    /// When something is missing, or is not of its parameter's shape.
    pub fn from_host(
        settings: OptimizerSettings,
        tensors: &NamedTensors,
        steps: &BTreeMap<String, u64>,
        decoder: &Decoder,
    ) -> Result<Self, TrainError> {
        let mut new = Self::new(settings, decoder.config());
        let is_muons = |name: &str| new.muon.as_ref().is_some_and(|muon| muon.has(name));
        let (of_muon, of_adamw) =
            steps.clone().into_iter().partition::<BTreeMap<_, _>, _>(|(name, _)| is_muons(name));
        let adamw = new.settings.adamw.clone();
        new.adamw = AdamW::from_host(adamw, tensors, &of_adamw, decoder)?;
        new.muon = new.muon.map(|muon| muon.with_states(tensors, &of_muon, decoder)).transpose()?;
        Ok(new)
    }

    /// The optimizer of a grown model. A parameter has had as many updates as what it is made of; one that is fresh,
    /// none.
    pub(crate) fn grown(&self, growth: &PlannedGrowth, grown: &Decoder) -> Result<Self, TrainError> {
        let (settings, plan) = (self.settings.clone(), growth.plan());
        let (moments, updates) = self.to_host(plan.source());
        let moments = grow_moments(growth.moments(), &moments)?;
        let new = Self::new(settings.clone(), grown.config());
        let has_moments = |name: &str| {
            new.moments_of(name).iter().all(|part| moments.contains_key(&format!("{name}.{part}")))
        };
        let updates_of = |tensor: &PlannedTensor| updates.get(tensor.origin.first_source()?).copied();
        let tensors = plan.tensors().iter().filter(|tensor| has_moments(&tensor.name));
        let updates = tensors.filter_map(|tensor| Some((tensor.name.clone(), updates_of(tensor)?))).collect();
        Self::from_host(settings, &moments, &updates, grown)
    }
}
