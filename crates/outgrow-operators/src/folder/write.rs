//! Carrying out a growth on disk: everything that the grown folder holds, from its shards to its card, or nothing of
//! it. What it is to hold has been decided before.

use std::{
    fs,
    ops::ControlFlow,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use outgrow_checkpoint::{
    COST_FILE, CheckpointError, PendingFolder, TensorSpec, WeightFolder,
    folder::{CONFIG_FILE, refuse_target},
    json::json_text,
    shards::WrittenShards,
    write_file_atomically, write_tensors,
};

use crate::{
    error::GrowthError,
    folder::{
        card::{self, CARD_FILE},
        fingerprint::fingerprint,
        growth::{Decided, FolderGrowth},
        learning::{LearningRecord, MATRICES_FILE},
        mask::MASK_FILE,
        progress::{Counting, GrowProgress, Watcher},
        shards::GrownSet,
        side_files::copy_along,
        source::Source,
    },
};

/// What growing a folder took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grown {
    /// Shards of the grown folder, the optimizer's among them.
    pub shards: usize,
    /// Those of them that an earlier attempt had finished when it was killed.
    pub reused: usize,
}

impl FolderGrowth<&Source> {
    /// Makes the grown folder. Copied tensors keep their bytes; the tokenizer and other side files come along, and a
    /// card says how the folder was made.
    ///
    /// Passed over are weights in other formats, `training/` and all other subfolders, hidden files, and a second copy
    /// of a tied head.
    ///
    /// Where an attempt at the same growth was killed, its finished shards are used; the result is the same.
    ///
    /// # Errors
    /// When the target exists or is in the source, or a disk refuses. Nothing is left of
    /// the target then.
    pub fn carry_out(&self, target: &Path) -> Result<Grown, GrowthError> {
        self.carry_out_watched(target, &mut |_| ControlFlow::Continue(()))
    }

    /// The same; `progress` is told after each tensor, and stops it by `Break`.
    ///
    /// # Errors
    /// As [`Self::carry_out`], and [`GrowthError::Stopped`].
    pub fn carry_out_watched(
        &self,
        target: &Path,
        progress: &mut dyn FnMut(GrowProgress) -> ControlFlow<()>,
    ) -> Result<Grown, GrowthError> {
        let weights = self.plan.source.weights();
        refuse_target(weights.folder(), target)?;
        let pending = PendingFolder::resume(target, &fingerprint(&sets(self))?)?;
        let written = fill(self, &pending, progress).map_err(|error| match error {
            GrowthError::Checkpoint(error) => GrowthError::Checkpoint(pending.at_target(error)),
            other => other,
        })?;
        pending.commit_with_durable(&written.durable)?;
        Ok(Grown { shards: written.count, reused: written.reused })
    }
}

/// What is made, and of which folder's tensors.
fn sets<'a>(growth: &'a FolderGrowth<&Source>) -> Vec<(&'a WeightFolder, &'a GrownSet)> {
    let Decided { weights, moments, .. } = &growth.decided;
    let moments = moments.iter().map(|moments| (&moments.source, &moments.set));
    std::iter::once((growth.plan.source.weights(), weights)).chain(moments).collect()
}

/// Puts everything into the folder, but for shards that are finished.
fn fill(
    growth: &FolderGrowth<&Source>,
    pending: &PendingFolder,
    watcher: Watcher<'_>,
) -> Result<WrittenShards, GrowthError> {
    let is_card_wanted = AtomicBool::new(true);
    thread::scope(|scope| {
        // Reading the source once more beside the copying costs a core, not time.
        let files = scope.spawn(|| card::digests(growth.plan.source, &is_card_wanted));
        let written = fill_but_card(growth, pending, watcher);
        is_card_wanted.store(written.is_ok(), Ordering::Relaxed);
        let files = files.join().unwrap_or_else(|panic| resume_unwind(panic));
        let written = written?;
        let card = card::card(growth.plan.source, &growth.plan.planned, files?)?;
        write_file_atomically(&pending.path().join(CARD_FILE), card.as_bytes())?;
        Ok(written)
    })
}

/// A file in a subfolder that is there.
fn file_in(folder: &Path, name: &str) -> Result<PathBuf, CheckpointError> {
    let file = folder.join(name);
    let subfolder = file.parent().unwrap_or(folder);
    fs::create_dir_all(subfolder).map_err(|error| CheckpointError::io("create", subfolder, error))?;
    Ok(file)
}

fn fill_but_card(
    growth: &FolderGrowth<&Source>,
    pending: &PendingFolder,
    watcher: Watcher<'_>,
) -> Result<WrittenShards, GrowthError> {
    let (folder, sets) = (pending.path(), sets(growth));
    let (planned, side_files) = (&growth.plan.planned, &growth.decided.side_files);
    let shards = sets.iter().flat_map(|(_, set)| set.layout.shards());
    pending.keep_only(&shards.map(|shard| shard.file_name.clone()).collect())?;
    let specs = || sets.iter().flat_map(|(_, set)| set.specs());
    let progress = GrowProgress {
        tensors: 0,
        total_tensors: specs().count(),
        bytes: 0,
        total_bytes: specs().map(TensorSpec::size_bytes).sum(),
    };
    let mut counting = Counting { progress, watcher };
    let mut all = WrittenShards::default();
    for (source, set) in sets {
        let WrittenShards { count, reused, mut durable } = set.write(source, folder, &mut counting)?;
        all.count += count;
        all.reused += reused;
        all.durable.append(&mut durable);
    }
    write_file_atomically(&folder.join(CONFIG_FILE), json_text(&planned.config).as_bytes())?;
    if let Some(mask) = &planned.mask {
        write_file_atomically(&file_in(folder, MASK_FILE)?, mask.to_json().as_bytes())?;
    }
    // The source's cost is a part of that of the grown folder, which has a file of its own then.
    let comes_along = |file: &&PathBuf| planned.learning.is_none() || !file.ends_with(COST_FILE);
    for file in side_files.iter().filter(comes_along) {
        copy_along(file, folder)?;
    }
    if let Some(LearningRecord { matrices, cost, .. }) = &planned.learning {
        write_tensors(&file_in(folder, MATRICES_FILE)?, &matrices.to_named_tensors())?;
        write_file_atomically(&folder.join(COST_FILE), cost.to_text().as_bytes())?;
    }
    Ok(all)
}
