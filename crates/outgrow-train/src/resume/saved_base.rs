//! What checkpoints tell of costs and of the model that their run began with. Whether they are whole is not asked.

use std::path::Path;

use outgrow_checkpoint::{LlamaConfig, TrainingCost};

use crate::{
    base::BaseRecord,
    error::TrainError,
    resume::{layout::STATE_FILE, run_folder::checkpoint_folders, state::State},
};

/// The model that the run in a folder began with, and its shape, as the newest checkpoint has them. `None` where there
/// is no such checkpoint, or the first weights were drawn.
pub fn saved_base(run: &Path) -> Option<(BaseRecord, LlamaConfig)> {
    let newest = checkpoint_folders(run).pop()?;
    let State { base, schedule, .. } = State::read(&newest.path).ok()?;
    Some((base?, schedule.stages().first()?.model.clone()))
}

/// What training the model of a folder has cost: as it says itself or, where an earlier version trained it, as its
/// state does. Of others nothing is known.
///
/// # Errors
/// When what it says can't be read.
pub fn checkpoint_cost(folder: &Path) -> Result<TrainingCost, TrainError> {
    if let Some(cost) = TrainingCost::read(folder)? {
        return Ok(cost);
    }
    if folder.join(STATE_FILE).is_file() {
        Ok(State::read(folder)?.cost())
    } else {
        Ok(TrainingCost::UNKNOWN)
    }
}
