//! Schedules under the names that the papers gave them. Each is a constructor of [`Schedule`](crate::Schedule) with
//! settings of its own, and gives a list of stages and nothing more: the trainer knows no method.

pub(crate) mod length;

pub(crate) mod scratch;
pub(crate) mod g_stack;
pub(crate) mod stacking2;

use outgrow_checkpoint::LlamaConfig;

use crate::error::ScheduleError;

/// The same model with another depth.
fn with_layers(model: &LlamaConfig, num_hidden_layers: usize) -> Result<LlamaConfig, ScheduleError> {
    model.with(|fields| fields.num_hidden_layers = num_hidden_layers).map_err(ScheduleError::Model)
}
