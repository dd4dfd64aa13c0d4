//! The old and the new values of a grown model apart, in the steps after a growth: the norms of their gradients and of
//! what an update changes. Which are which the growth's plan says; what is made of the numbers is the observer's.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use outgrow_kernels::sum_of_squares;
use outgrow_operators::{Lineage, NewPart, TensorLineage};
use serde::{Deserialize, Serialize};

use crate::{
    gradients::Gradients,
    new_values::{NewValues, Rates},
    position::Position,
    training::Training,
};

/// Steps of a stage that are measured from its first on.
pub(crate) const FIRST_STEPS: u64 = 10;
/// Validations of a stage whose step is measured.
pub(crate) const FIRST_VALIDATIONS: u64 = 20;

/// Norms in one step after a growth. A part of which nothing is trained has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GrowthNorms {
    /// Of what goes on from the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<PartNorms>,
    /// Of what is new, copies included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<PartNorms>,
    /// Of what is made of several values of the source: all that a learned growth mixes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mixed: Option<PartNorms>,
}

/// The norms of one part, each over all of its values as one vector.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartNorms {
    /// How many values it has that are trained.
    pub parameters: u64,
    /// Of the gradients, before clipping.
    pub grad_norm: f64,
    /// Of the change of the weights in the step, weight decay included.
    pub update_norm: f64,
}

/// Whether the step that ended here is measured: the first ones of the stage, and those that end with one of its first
/// validations. It follows from the position alone, so that a run that goes on measures the same steps.
pub(crate) fn is_measured(after: &Position, step_tokens: u64, interval: u64, validates: bool) -> bool {
    let began = after.tokens - after.stage_tokens;
    let validations = after.tokens / interval - began / interval;
    after.stage_tokens.div_ceil(step_tokens.max(1)) <= FIRST_STEPS
        || validates && validations <= FIRST_VALIDATIONS
}

/// What is old and what is new in a stage that began with a growth.
pub(crate) struct GrownStage {
    pub lineage: Lineage,
    /// Where they have a learning rate of their own.
    pub new_values: Option<NewValues>,
}

impl GrownStage {
    /// Follows from the schedule alone. Matrices that were learned mix everything: then nothing is old or new.
    pub(crate) fn of(training: &Training<'_>, stage: usize, device: &Device) -> Option<Self> {
        let at_growth = &training.schedule.stages()[stage].at_growth;
        let growth = training.schedule.growth(stage).filter(|_| at_growth.learning.is_none())?;
        let lineage = growth.plan().lineage();
        let new_values = at_growth.new_parameters.map(|_| NewValues::new(&lineage, device));
        Some(Self { lineage, new_values })
    }
}

/// What a step does with old and new values apart, around each update: nothing by default.
#[derive(Default)]
pub(crate) struct OldAndNew<'a> {
    /// Measures them.
    pub measurement: Option<Measurement<'a>>,
    /// Gives new ones a learning rate of their own.
    pub new_rate: Option<(&'a NewValues, f64)>,
}

impl OldAndNew<'_> {
    /// Carries out an update of a parameter at the learning rate of the stage.
    pub(crate) fn around(
        &mut self,
        name: &str,
        weight: Tensor<1>,
        learning_rate: f64,
        update: impl FnOnce(Tensor<1>, f64) -> Tensor<1>,
    ) -> Tensor<1> {
        let update = |weight| match self.new_rate {
            Some((values, of_new)) => {
                values.around(Rates { of_old: learning_rate, of_new }, name, weight, update)
            }
            None => update(weight, learning_rate),
        };
        match &mut self.measurement {
            Some(measurement) => measurement.around(name, weight, update),
            None => update(weight),
        }
    }
}

/// Gathers the norms of one step, parameter by parameter.
pub(crate) struct Measurement<'a> {
    lineage: &'a Lineage,
    device: Device,
    masks: BTreeMap<String, Tensor<1>>,
    gradients: Sums,
    updates: Sums,
}

/// Parts of a model, in the order of [`GrowthNorms`].
#[derive(Clone, Copy)]
enum Part {
    Old,
    New,
    Mixed,
}

/// Sums of squares for each part, on the device, and the values that they are over.
#[derive(Default)]
struct Sums {
    squares: [Option<Tensor<1>>; 3],
    parameters: [u64; 3],
}

impl<'a> Measurement<'a> {
    /// With the gradients of the step.
    pub(crate) fn of(lineage: &'a Lineage, gradients: &Gradients, device: Device) -> Self {
        let (masks, sums, updates) = (BTreeMap::new(), Sums::default(), Sums::default());
        let mut new = Self { lineage, device, masks, gradients: sums, updates };
        for (name, gradient) in gradients {
            for (part, values, parameters) in new.parts(name, gradient.clone()) {
                new.gradients.add(part, values, parameters);
            }
        }
        new
    }

    /// Carries out an update of a parameter, and takes note of what it changes.
    fn around(
        &mut self,
        name: &str,
        weight: Tensor<1>,
        update: impl FnOnce(Tensor<1>) -> Tensor<1>,
    ) -> Tensor<1> {
        let before = weight.clone();
        let after = update(weight);
        for (part, values, parameters) in self.parts(name, after.clone() - before) {
            self.updates.add(part, values, parameters);
        }
        after
    }

    /// Values of a parameter by the parts that they are of, with 0 for those of another.
    fn parts(&mut self, name: &str, values: Tensor<1>) -> Vec<(Part, Tensor<1>, u64)> {
        let Some(lineage) = self.lineage.of(name) else { return Vec::new() };
        let all = values.dims()[0] as u64;
        match &lineage.new {
            NewPart::Nothing => vec![(Part::Old, values, all)],
            NewPart::Everything => vec![(Part::New, values, all)],
            NewPart::Mixed => vec![(Part::Mixed, values, all)],
            NewPart::Lines { .. } => {
                let new = values.clone() * self.mask(name, lineage);
                let old = values - new.clone();
                vec![(Part::Old, old, lineage.num_old()), (Part::New, new, lineage.num_new())]
            }
        }
    }

    /// 1 where a value is new, and 0 elsewhere. Made once for a step, which needs it twice.
    fn mask(&mut self, name: &str, lineage: &TensorLineage) -> Tensor<1> {
        let device = &self.device;
        let mask = self.masks.entry(name.to_owned()).or_insert_with(|| {
            let mask = lineage.values(0_f32, 1.0).expect("some of its lines are new, and some are not");
            let length = mask.len();
            Tensor::from_data(TensorData::new(mask, [length]), device)
        });
        mask.clone()
    }

    /// The norms, in one read: a read waits for the device.
    pub(crate) fn norms(self) -> GrowthNorms {
        let Self { gradients, updates, .. } = self;
        let parameters = gradients.parameters;
        let squares: Vec<_> = [gradients.squares, updates.squares].into_iter().flatten().collect();
        let known: Vec<Tensor<1>> = squares.iter().flatten().cloned().collect();
        if known.is_empty() {
            return GrowthNorms::default();
        }
        let mut numbers =
            Tensor::cat(known, 0).into_data().try_into_vec::<f32>().expect("sums are f32").into_iter();
        let norms: Vec<_> = squares
            .iter()
            .map(|sum| sum.as_ref().and_then(|_| numbers.next()).map_or(0.0, |sum| f64::from(sum).sqrt()))
            .collect();
        let part = |part: Part| {
            let index = part as usize;
            let (parameters, grad_norm, update_norm) = (parameters[index], norms[index], norms[index + 3]);
            (parameters > 0).then_some(PartNorms { parameters, grad_norm, update_norm })
        };
        GrowthNorms { old: part(Part::Old), new: part(Part::New), mixed: part(Part::Mixed) }
    }
}

impl Sums {
    fn add(&mut self, part: Part, values: Tensor<1>, parameters: u64) {
        let index = part as usize;
        let sum = sum_of_squares(values);
        self.squares[index] = Some(match self.squares[index].take() {
            None => sum,
            Some(so_far) => so_far + sum,
        });
        self.parameters[index] += parameters;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_steps_are_measured_and_those_of_the_first_validations() {
        let (step, interval, began) = (32, 96, 128);
        let measured = |steps: u64| {
            let (stage_tokens, tokens) = (steps * step, began + steps * step);
            let position = Position { tokens, stage_tokens, ..Position::default() };
            is_measured(&position, step, interval, tokens.is_multiple_of(interval))
        };
        let all: Vec<u64> = (1..100).filter(|steps| measured(*steps)).collect();
        let validated: Vec<u64> =
            (1..100).filter(|steps| (began + steps * step).is_multiple_of(interval)).collect();
        let expected: Vec<u64> =
            (1..=10).chain(validated.into_iter().take(20).filter(|steps| *steps > 10)).collect();
        assert_eq!(all, expected);
    }
}
