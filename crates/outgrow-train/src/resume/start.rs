//! Where a run begins: anew, or from a checkpoint of its own or of another run, that is looked at once, read once and
//! compared once. Nothing is
//! changed to find out. Which checkpoints are whole is the run folder's to say; which differences may be,
//! the rules'.

use std::{
    fs,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{COST_FILE, TrainingCost, write_file_atomically};

use crate::{
    error::TrainError,
    position::Position,
    resume::{
        beginning::compare_beginnings,
        branch::{BranchPoint, branch_from},
        comparison::Comparison,
        difference::Difference,
        layout::checkpoint_name,
        rules::Rule,
        run_folder::{CheckpointFolder, WholeCheckpoint, checkpoint_folders, newest_whole, whole_at},
        state::State,
    },
    training::Training,
};

/// Where a run stands: a [`Start`] that wasn't checked yet. What is known to differ beyond the checkpoint can be added
/// until then.
#[derive(Debug)]
pub struct Standing<'a> {
    training: &'a Training<'a>,
    from: Option<Resumption>,
}

/// Where a run begins, accepted: nothing in its folder speaks against it. [`train`](crate::train) takes it.
#[derive(Debug)]
pub struct Start<'a> {
    training: &'a Training<'a>,
    from: Option<Resumption>,
}

/// A checkpoint that a run goes on from, its own or another run's, read and compared with what is to be run now.
#[derive(Debug)]
pub struct Resumption {
    checkpoint: CheckpointFolder,
    /// Where it is another run's.
    branch: Option<BranchPoint>,
    saved: State,
    comparison: Comparison,
    newer: Vec<CheckpointFolder>,
}

impl<'a> Standing<'a> {
    /// Looks at the newest checkpoint of the run's folder; a folder without one begins anew.
    ///
    /// # Errors
    /// Those of [`Training::check`], and [`TrainError::NotWhole`] where the newest checkpoint isn't whole: a run that
    /// went on from an older one would meet the newer ones on its way.
    pub fn newest(training: &'a Training<'a>) -> Result<Self, TrainError> {
        training.check()?;
        let found = newest_whole(training.folder)?;
        Ok(Self { training, from: found.map(|found| Resumption::new(found, training)) })
    }

    /// Looks at the checkpoint after so many steps; newer ones will have to be set aside.
    ///
    /// # Errors
    /// Those of [`Training::check`], [`TrainError::NoSuchCheckpoint`] with those that there are, and
    /// [`TrainError::NotWhole`].
    pub fn at_step(training: &'a Training<'a>, step: u64) -> Result<Self, TrainError> {
        training.check()?;
        let found = whole_at(training.folder, step)?;
        Ok(Self { training, from: Some(Resumption::new(found, training)) })
    }

    /// Looks at a checkpoint of another run, or at the newest whole one of the run in a folder: the run is to branch
    /// off there, and to become what it would be had it trained all of that itself.
    ///
    /// # Errors
    /// Those of [`Training::check`], and [`TrainError::NoBranch`] where there is no such checkpoint, or it isn't whole.
    pub fn branch(training: &'a Training<'a>, other: &Path) -> Result<Self, TrainError> {
        training.check()?;
        let found = branch_from(other)?;
        Ok(Self { training, from: Some(Resumption::of_branch(found, training)) })
    }

    /// The checkpoint; `None` where the run begins anew.
    pub fn resumption(&self) -> Option<&Resumption> {
        self.from.as_ref()
    }

    /// Adds differences that no checkpoint tells. A run that begins anew differs from nothing.
    pub fn add(&mut self, differences: impl IntoIterator<Item = Difference>) {
        if let Some(from) = &mut self.from {
            from.comparison.differences.extend(differences);
        }
    }

    /// Refuses all that the rules don't allow, and an extension that no step would follow.
    ///
    /// # Errors
    /// [`TrainError::OtherRun`] with everything that differs ([`TrainError::OtherBeginning`] where the run is to branch
    /// off another), or [`TrainError::NothingToExtend`].
    pub fn check(self) -> Result<Start<'a>, TrainError> {
        if let Some(from) = &self.from {
            let folder = from.checkpoint.path.clone();
            let refused = from.comparison.refused(self.training.extend);
            match (refused.is_empty(), from.branch) {
                (true, None) => from.check_extension(self.training)?,
                (true, Some(_)) => {}
                (false, None) => return Err(TrainError::OtherRun { folder, differences: refused }),
                (false, Some(_)) => {
                    return Err(TrainError::OtherBeginning { folder, differences: refused });
                }
            }
        }
        Ok(Start { training: self.training, from: self.from })
    }
}

impl<'a> Start<'a> {
    /// The checkpoint; `None` where the run begins anew.
    pub fn resumption(&self) -> Option<&Resumption> {
        self.from.as_ref()
    }

    /// Whether no step is left to take: the checkpoint is the end of the last stage.
    pub fn is_at_the_end(&self) -> bool {
        self.from.as_ref().is_some_and(|from| from.is_at_the_end(self.training))
    }

    /// Writes anew what the run's checkpoints say they have cost, where what their base has cost has become known.
    /// Gives the names of those that say something else now.
    ///
    /// # Errors
    /// When what one says can't be read or written. Checkpoints without a state that can be read are let be.
    pub fn update_costs(&self) -> Result<Vec<String>, TrainError> {
        let mut updated = Vec::new();
        let Some(base) = self.training.base else { return Ok(updated) };
        for CheckpointFolder { path, step } in checkpoint_folders(self.training.folder) {
            let Ok(saved) = State::read(&path) else { continue };
            let cost = State { base: Some(base.record.clone()), ..saved }.cost();
            if TrainingCost::read(&path)? != Some(cost) {
                write_file_atomically(&path.join(COST_FILE), cost.to_text().as_bytes())?;
                updated.push(checkpoint_name(step));
            }
        }
        Ok(updated)
    }

    /// Moves all checkpoints that are newer than where the run begins into another folder, the newest first: whenever
    /// that is cut short, what is left is a run. Gives their names.
    ///
    /// # Errors
    /// When one can't be moved.
    pub fn set_aside_newer(&mut self, into: &Path) -> Result<Vec<String>, TrainError> {
        let Some(from) = &mut self.from else { return Ok(Vec::new()) };
        let mut moved = Vec::new();
        while let Some(checkpoint) = from.newer.last() {
            let name = checkpoint_name(checkpoint.step);
            fs::rename(&checkpoint.path, into.join(&name))
                .map_err(|source| TrainError::Io { path: checkpoint.path.clone(), source })?;
            from.newer.pop();
            moved.push(name);
        }
        moved.reverse();
        Ok(moved)
    }

    /// What is trained, and from where. A run doesn't meet newer checkpoints on its way.
    pub(crate) fn into_parts(self) -> Result<(&'a Training<'a>, Option<Resumption>), TrainError> {
        let newer = self.from.as_ref().and_then(|from| Some((from, from.newer.last()?)));
        if let Some((from, newest)) = newer {
            let (run, step) = (self.training.folder.to_owned(), from.checkpoint.step);
            return Err(TrainError::NewerCheckpoints { run, step, newest: newest.step });
        }
        Ok((self.training, self.from))
    }
}

impl Resumption {
    fn new(found: WholeCheckpoint, training: &Training<'_>) -> Self {
        let WholeCheckpoint { folder, saved } = found;
        let comparison = Comparison::with(&saved, training);
        let is_newer = |one: &CheckpointFolder| one.step > folder.step;
        let newer = checkpoint_folders(training.folder).into_iter().filter(is_newer).collect();
        Self { checkpoint: folder, branch: None, saved, comparison, newer }
    }

    fn of_branch(found: WholeCheckpoint, training: &Training<'_>) -> Self {
        let WholeCheckpoint { folder, mut saved } = found;
        let comparison = compare_beginnings(&saved, training);
        let branch = Some(BranchPoint::of(&mut saved, training));
        Self { checkpoint: folder, branch, saved, comparison, newer: Vec::new() }
    }

    /// What the checkpoint's last step is to this run, where it is another run's.
    pub fn branch(&self) -> Option<&BranchPoint> {
        self.branch.as_ref()
    }

    /// The checkpoint's folder.
    pub fn checkpoint(&self) -> &Path {
        &self.checkpoint.path
    }

    /// What the stages are called in the run that wrote it.
    pub fn stage_names(&self) -> Vec<&str> {
        self.saved.schedule.stages().iter().map(|stage| stage.name.as_str()).collect()
    }

    /// Where the run had come to.
    pub fn position(&self) -> &Position {
        &self.saved.position
    }

    /// In what the run differs now from what it was then.
    pub fn comparison(&self) -> &Comparison {
        &self.comparison
    }

    /// Whatever has the name of a newer checkpoint, by step. It has to be set aside before the run goes on.
    pub fn newer(&self) -> &[CheckpointFolder] {
        &self.newer
    }

    pub(crate) fn saved(&self) -> &State {
        &self.saved
    }

    fn is_at_the_end(&self, training: &Training<'_>) -> bool {
        let (stages, position) = (training.schedule.stages(), self.position());
        position.stage + 1 == stages.len()
            && stages.last().is_some_and(|stage| position.stage_tokens >= stage.tokens)
    }

    /// What an extension changes would stand in a record of the run, and no number would have come of it without a
    /// step.
    fn check_extension(&self, training: &Training<'_>) -> Result<(), TrainError> {
        let stage_tokens = self.position().stage_tokens;
        let extends = |one: &&Difference| one.rule() == Rule::Extension;
        let extensions: Vec<_> = self.comparison.differences.iter().filter(extends).cloned().collect();
        if !self.is_at_the_end(training) || extensions.is_empty() {
            return Ok(());
        }
        let folder = PathBuf::from(self.checkpoint());
        Err(TrainError::NothingToExtend { folder, extensions, stage_tokens })
    }
}
