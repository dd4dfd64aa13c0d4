//! Carrying out a plan, over any medium that holds named tensors: folders on disk, or tensors in memory.

pub(crate) mod values;
pub(crate) mod products;
pub(crate) mod matrix_gradients;
pub(crate) mod rounding;

use outgrow_checkpoint::{HostTensor, NamedTensors};

use crate::{
    error::GrowthError,
    execute::values::{Values, rows_and_columns},
    plan::{
        GrowthPlan,
        moments::{MomentsPlan, with_sources},
        origin::{Origin, PlannedTensor},
    },
};

/// Where a plan is carried out: a source of named tensors and a grown model that is filled tensor by tensor.
pub(crate) trait Medium {
    /// Why a tensor can't be made.
    type Error;

    /// Whether a copy is stored in another type than it has in the source, so that its values have to be computed.
    fn converts(&self, target: &PlannedTensor) -> bool;

    /// Makes `target` a copy of the source's tensor `source`.
    ///
    /// # Errors
    /// When the source has no such tensor, or one of another shape, or the medium fails.
    fn copy(&mut self, source: &str, target: &PlannedTensor) -> Result<(), Self::Error>;

    /// Makes `target` by computing its values.
    ///
    /// # Errors
    /// As [`Self::copy`].
    fn compute(&mut self, target: &PlannedTensor) -> Result<(), Self::Error>;

    /// Takes note of a tensor that has been made.
    ///
    /// # Errors
    /// To make no more of them.
    fn made(&mut self, target: &PlannedTensor) -> Result<(), Self::Error>;
}

/// Makes every one of the tensors, in their order.
///
/// # Errors
/// The medium's first.
pub(crate) fn execute<M: Medium>(tensors: &[PlannedTensor], medium: &mut M) -> Result<(), M::Error> {
    tensors.iter().try_for_each(|tensor| {
        match &tensor.origin {
            Origin::Copy { source } if !medium.converts(tensor) => medium.copy(source, tensor),
            Origin::Copy { .. }
            | Origin::Fresh(_)
            | Origin::Widened { .. }
            | Origin::Sum { .. }
            | Origin::Mapped { .. } => medium.compute(tensor),
        }?;
        medium.made(tensor)
    })
}

/// Carries out a plan in memory: for a model in training.
///
/// # Errors
/// When `source` lacks a tensor, or has it with another shape.
pub fn grow_tensors(plan: &GrowthPlan, source: &NamedTensors) -> Result<NamedTensors, GrowthError> {
    for expected in plan.source().tensors() {
        let found = source.get(&expected.name);
        match found.map(|tensor| &tensor.shape) {
            None => return Err(GrowthError::MissingTensor { name: expected.name }),
            Some(shape) if *shape != expected.shape => {
                let (name, found, expected) = (expected.name, shape.clone(), expected.shape);
                return Err(GrowthError::WrongShape { name, found, expected });
            }
            Some(_) => {}
        }
    }
    grow_named(plan.tensors(), source)
}

/// Carries out a plan of moments in memory. What is made of parameters without moments has none.
///
/// # Errors
/// When a moment of `source` has another shape.
pub fn grow_moments(plan: &MomentsPlan, source: &NamedTensors) -> Result<NamedTensors, GrowthError> {
    let moments = with_sources(plan.tensors().to_vec(), source.keys().map(String::as_str));
    grow_named(&moments, source)
}

/// Makes the tensors in memory.
pub(crate) fn grow_named(
    tensors: &[PlannedTensor],
    source: &NamedTensors,
) -> Result<NamedTensors, GrowthError> {
    let mut memory = Memory { source, grown: NamedTensors::new() };
    execute(tensors, &mut memory)?;
    Ok(memory.grown)
}

struct Memory<'a> {
    source: &'a NamedTensors,
    grown: NamedTensors,
}

impl Medium for Memory<'_> {
    type Error = GrowthError;

    fn converts(&self, _target: &PlannedTensor) -> bool {
        false
    }

    fn copy(&mut self, source: &str, target: &PlannedTensor) -> Result<(), GrowthError> {
        let tensor = self.source.get(source);
        let tensor = tensor.ok_or_else(|| GrowthError::MissingTensor { name: source.to_owned() })?;
        self.grown.insert(target.name.clone(), tensor.clone());
        Ok(())
    }

    fn compute(&mut self, target: &PlannedTensor) -> Result<(), GrowthError> {
        let (rows, columns) = rows_and_columns(&target.shape);
        let mut values = vec![0.0; rows * columns];
        Values::new(&target.origin, &target.shape, self.source)?.fill(0..rows, &mut values)?;
        self.grown.insert(target.name.clone(), HostTensor { shape: target.shape.clone(), values });
        Ok(())
    }

    fn made(&mut self, _target: &PlannedTensor) -> Result<(), GrowthError> {
        Ok(())
    }
}
