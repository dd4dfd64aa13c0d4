//! A learning rate of their own for the new values of a grown model, under any optimizer: an update is linear in the
//! rate. Which values are new the growth's plan says, and what their rate is the stage.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use outgrow_operators::{Lineage, NewPart, TensorLineage};

/// The new values of a grown model, ready for its device.
#[derive(Clone, Debug)]
pub struct NewValues {
    parts: BTreeMap<String, Part>,
}

#[derive(Clone, Debug)]
enum Part {
    /// The whole parameter is new.
    Everything,
    /// 1 where a value is new, 0 elsewhere: `[elements]`.
    Some(Box<Tensor<1>>),
}

impl NewValues {
    /// Those of a growth. What is new in rows or columns takes the memory of its parameters once more.
    pub fn new(lineage: &Lineage, device: &Device) -> Self {
        let part = |(name, tensor): (&String, &TensorLineage)| {
            let part = match &tensor.new {
                NewPart::Nothing | NewPart::Mixed => return None,
                NewPart::Everything => Part::Everything,
                NewPart::Lines { .. } => {
                    let mask = tensor.values(0_f32, 1.0)?;
                    let length = mask.len();
                    Part::Some(Box::new(Tensor::from_data(TensorData::new(mask, [length]), device)))
                }
            };
            Some((name.clone(), part))
        };
        Self { parts: lineage.tensors().iter().filter_map(part).collect() }
    }

    /// Carries out an update of a parameter at the rate of its values.
    ///
    /// Where only some are new it is `u + m (η_new/η − 1) (u − w)`, with `w` before and `u` after an update at the rate
    /// `η`, and `m` 1 where a value is new: old ones are what the update makes of them.
    pub(crate) fn around(
        &self,
        rates: Rates,
        name: &str,
        weight: Tensor<1>,
        update: impl FnOnce(Tensor<1>, f64) -> Tensor<1>,
    ) -> Tensor<1> {
        let Rates { of_old, of_new } = rates;
        match self.parts.get(name) {
            Some(Part::Everything) => update(weight, of_new),
            // At the same rate there is nothing to do, and at none nothing moves.
            Some(Part::Some(mask)) if of_new.to_bits() != of_old.to_bits() && of_old > 0.0 => {
                let before = weight.clone();
                let after = update(weight, of_old);
                let more = (after.clone() - before) * mask.clone().mul_scalar(of_new / of_old - 1.0);
                after + more
            }
            Some(Part::Some(_)) | None => update(weight, of_old),
        }
    }
}

/// The rates of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rates {
    /// Of old values.
    pub of_old: f64,
    /// Of new ones.
    pub of_new: f64,
}
