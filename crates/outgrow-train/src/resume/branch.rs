//! A checkpoint of another run that a run begins from: finding it, and what of its last step is this run's. In what the
//! two beginnings differ is the comparison's.

use std::path::{Path, PathBuf};

use crate::{
    error::TrainError,
    old_and_new::is_measured,
    position::Position,
    resume::{
        beginning::step_tokens,
        layout::checkpoint_name,
        run_folder::{CheckpointFolder, WholeCheckpoint, checkpoint_folders},
        state::State,
    },
    training::Training,
};

/// What the last step before a branch is to the run that begins there. The other run may have validated there, or not,
/// for reasons of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BranchPoint {
    /// Whether a stage ends with it here. Then the run begins with the validation of that end.
    pub ends_stage: bool,
    /// Whether it ends with a validation here.
    pub validates: bool,
    /// Whether old and new values are measured in it here.
    pub is_measured: bool,
}

impl BranchPoint {
    /// What the last step of a state is to a run. Validations that the run doesn't make, or makes anew, are removed
    /// from the state.
    pub(crate) fn of(saved: &mut State, training: &Training<'_>) -> Self {
        let position = saved.position;
        let interval = training.settings.validation_interval_tokens;
        let stage = training.schedule.stages().get(position.stage);
        let Some(stage) = stage.filter(|_| position.stage_tokens > 0) else {
            // A stage begins there, with a validation if anything grew.
            return Self { ends_stage: false, validates: true, is_measured: true };
        };
        let step_tokens = step_tokens(training);
        let before = Position { tokens: position.tokens.saturating_sub(step_tokens), ..position };
        let ends = position.stage_tokens >= stage.tokens;
        let validates = ends || position.crosses(&before, interval);
        let is_earlier = |flops: f64| flops < position.flops;
        if !validates {
            saved.validations.retain(|point| is_earlier(point.flops));
        }
        let ends_stage =
            ends || stage.ends_at.is_some_and(|slope| slope.reached(&saved.validations).is_some());
        if ends_stage {
            saved.validations.retain(|point| is_earlier(point.flops));
        }
        let is_measured = is_measured(&position, step_tokens, interval, validates);
        Self { ends_stage, validates, is_measured }
    }
}

/// The checkpoint that a path names: itself, or the newest whole one of a run.
///
/// # Errors
/// [`TrainError::NoBranch`] where there is none, or it isn't whole.
pub(crate) fn branch_from(path: &Path) -> Result<WholeCheckpoint, TrainError> {
    let none = |problem: String| TrainError::NoBranch { folder: path.to_owned(), problem };
    // `final` is a link to the last one.
    let target = if path.is_symlink() { path.canonicalize().ok() } else { None };
    let path = target.unwrap_or_else(|| path.to_owned());
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let step = name.strip_prefix("step-").and_then(|digits| digits.parse::<u64>().ok());
    if let Some(step) = step {
        let run = path.parent().map_or_else(PathBuf::new, Path::to_owned);
        let folder = CheckpointFolder { path: run.join(checkpoint_name(step)), step };
        if !folder.path.exists() {
            return Err(none(format!("there is no such checkpoint{}", those_of(&run))));
        }
        return folder.whole().map_err(none);
    }
    if !path.is_dir() {
        return Err(none("there is no such folder".to_owned()));
    }
    let mut newest_problem = None;
    for folder in checkpoint_folders(&path).into_iter().rev() {
        let step = folder.step;
        match folder.whole() {
            Ok(found) => return Ok(found),
            Err(problem) => {
                newest_problem.get_or_insert(format!("{}: {problem}", checkpoint_name(step)));
            }
        }
    }
    Err(none(newest_problem.unwrap_or_else(|| "it holds no checkpoint".to_owned())))
}

fn those_of(run: &Path) -> String {
    let here = if run.as_os_str().is_empty() { Path::new(".") } else { run };
    let names: Vec<String> = checkpoint_folders(here).iter().map(|one| checkpoint_name(one.step)).collect();
    if names.is_empty() { String::new() } else { format!(", there are {}", names.join(", ")) }
}
