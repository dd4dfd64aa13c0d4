//! What the folders and files of checkpoints are called.

/// What resuming needs, within a checkpoint.
pub(crate) const TRAINING_FOLDER: &str = "training";
/// What a checkpoint remembers of its run.
pub(crate) const STATE_FILE: &str = "training/state.json";
/// The optimizer's moments.
pub(crate) const OPTIMIZER_FILE: &str = "training/optimizer.safetensors";

/// The name of the checkpoint after so many steps.
pub fn checkpoint_name(step: u64) -> String {
    format!("step-{step:08}")
}
