//! A recipe's `[schedule]` made into stages, of a final model that its sizes say or of a base that there is. What is
//! wrong with a stage by itself, outgrow-schedules finds.

mod model;
mod one_by_one;
mod method;
mod methods;

use outgrow_operators::{Origin, PlannedTensor};
use outgrow_schedules::Schedule;

pub(crate) use self::{methods::schedule, model::Model};

/// The names of stages whose growth makes the model that there was.
pub(crate) fn that_grow_nothing(schedule: &Schedule) -> impl Iterator<Item = &str> {
    schedule.stages().iter().enumerate().filter_map(|(index, stage)| {
        let plan = schedule.growth(index)?.plan();
        let is_same = |tensor: &PlannedTensor| match &tensor.origin {
            Origin::Copy { source } => *source == tensor.name,
            _ => false,
        };
        let stays = plan.source() == plan.target() && plan.tensors().iter().all(is_same);
        stays.then_some(stage.name.as_str())
    })
}
