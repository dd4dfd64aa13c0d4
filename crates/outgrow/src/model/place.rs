//! Where a model is: in its own folder, or in that of a run, which stands for its last whole checkpoint. Nothing is
//! opened here but what tells whether a checkpoint is whole.

use std::path::{Path, PathBuf};

use outgrow_checkpoint::{Checkpoint, folder::CONFIG_FILE, with_causes};
use outgrow_train::resume::{CheckpointFolder, Condition, checkpoint_folders, checkpoint_name};

use crate::error::{BadInput, Result};

/// Files of a run, by which one without a checkpoint is known.
const RUN_FILES: [&str; 2] = ["run.json", "metrics.jsonl"];

/// A model's folder, found from what was given for one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ModelPlace {
    /// The folder: what was given, or a checkpoint in it.
    pub folder: PathBuf,
    /// Which checkpoint a run stands for.
    pub note: Option<String>,
}

impl ModelPlace {
    /// Takes a run as its last whole checkpoint, and any other path as it is. A checkpoint that was published, without
    /// its training state, is as good as another here.
    ///
    /// # Errors
    /// A run that has no whole checkpoint.
    pub(crate) fn find(path: &Path) -> Result<Self> {
        let as_it_is = Self { folder: path.to_owned(), note: None };
        if path.join(CONFIG_FILE).exists() {
            return Ok(as_it_is);
        }
        let checkpoints = checkpoint_folders(path);
        if checkpoints.is_empty() {
            if RUN_FILES.iter().all(|name| path.join(name).is_file()) {
                let problem = format!("{}: is a run that has written no checkpoint yet", path.display());
                return Err(BadInput(problem).into());
            }
            return Ok(as_it_is);
        }
        let mut passed_over = Vec::new();
        for checkpoint in checkpoints.into_iter().rev() {
            let name = checkpoint_name(checkpoint.step);
            let Some(problem) = problem_of(&checkpoint) else {
                let mut note = format!("{}: is a run; its last whole checkpoint is {name}", path.display());
                if !passed_over.is_empty() {
                    note = format!("{note} ({})", passed_over.join("; "));
                }
                return Ok(Self { folder: checkpoint.path, note: Some(note) });
            };
            passed_over.push(format!("{name}: {problem}"));
        }
        let passed_over = passed_over.join("; ");
        Err(BadInput(format!("{}: is a run without a whole checkpoint: {passed_over}", path.display()))
            .into())
    }
}

/// What keeps a checkpoint from being used as a model.
fn problem_of(checkpoint: &CheckpointFolder) -> Option<String> {
    match checkpoint.condition() {
        Condition::Whole { .. } => None,
        Condition::NoTrainingState => {
            Checkpoint::open(&checkpoint.path).err().map(|error| with_causes(&error))
        }
        Condition::Damaged { problem } => Some(problem),
    }
}
