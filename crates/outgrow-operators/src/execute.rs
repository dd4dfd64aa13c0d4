//! Carrying out a plan, over any medium that holds named tensors: folders on disk, or tensors in memory.

use outgrow_checkpoint::NamedTensors;

use crate::{
    error::GrowthError,
    plan::{GrowthPlan, Origin, PlannedTensor},
};

/// Where a plan is carried out: a source of named tensors and a grown model that is filled tensor by tensor.
pub trait Medium {
    /// Why a tensor can't be made.
    type Error;

    /// Makes `target` a copy of the source's tensor `source`.
    ///
    /// # Errors
    /// When the source has no such tensor, or one of another shape, or the medium fails.
    fn copy(&mut self, source: &str, target: &PlannedTensor) -> Result<(), Self::Error>;
}

/// Makes every tensor of the plan, in its order.
///
/// # Errors
/// The medium's first.
pub fn execute<M: Medium>(plan: &GrowthPlan, medium: &mut M) -> Result<(), M::Error> {
    plan.tensors.iter().try_for_each(|tensor| match &tensor.origin {
        Origin::Copy { source } => medium.copy(source, tensor),
    })
}

/// Carries out a plan in memory: for a model in training.
///
/// # Errors
/// When `source` lacks a tensor, or has it with another shape.
pub fn grow_tensors(plan: &GrowthPlan, source: &NamedTensors) -> Result<NamedTensors, GrowthError> {
    let mut memory = Memory { source, grown: NamedTensors::new() };
    execute(plan, &mut memory)?;
    Ok(memory.grown)
}

struct Memory<'a> {
    source: &'a NamedTensors,
    grown: NamedTensors,
}

impl Medium for Memory<'_> {
    type Error = GrowthError;

    fn copy(&mut self, source: &str, target: &PlannedTensor) -> Result<(), GrowthError> {
        let name = || source.to_owned();
        let tensor = self.source.get(source).ok_or_else(|| GrowthError::MissingTensor { name: name() })?;
        if tensor.shape != target.shape {
            let (found, expected) = (tensor.shape.clone(), target.shape.clone());
            return Err(GrowthError::WrongShape { name: name(), found, expected });
        }
        self.grown.insert(target.name.clone(), tensor.clone());
        Ok(())
    }
}
