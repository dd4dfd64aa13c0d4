//! Carrying out a plan on folders. Copied tensors are copied byte ranges, never converted; computed ones pass through in pieces. So
//! memory stays the same whatever the model's size.

pub(crate) mod source;
pub(crate) mod outline;
mod head;

pub(crate) mod plan;
pub(crate) mod passthrough_plan;
mod config_json;
mod silence;
pub(crate) mod mask;
pub(crate) mod masked;

mod shards;
pub(crate) mod side_files;
pub(crate) mod card;
pub(crate) mod digest;
mod fingerprint;

pub(crate) mod account;
mod peak_memory;

use std::{
    fs,
    panic::resume_unwind,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use outgrow_checkpoint::{
    CONFIG_FILE, CheckpointError, PendingFolder, WrittenShards, json_text, refuse_target_within,
    write_file_atomically,
};

use crate::{
    error::GrowthError,
    folder::{
        card::CARD_FILE,
        fingerprint::identity,
        mask::MASK_FILE,
        plan::FolderPlan,
        shards::{GrownMoments, GrownSet, layout},
        side_files::{copy_along, side_files},
        source::Source,
    },
    plan::moments::Moments,
};

/// What growing a folder took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grown {
    /// Shards of the grown folder, the optimizer's among them.
    pub shards: usize,
    /// Those of them that an earlier attempt had finished when it was killed.
    pub reused: usize,
}

/// Grows a folder into a new one. Copied tensors keep their bytes; the tokenizer and other side files come along, and a card says
/// how the folder was made.
///
/// Passed over are weights in other formats, `training/` and all other subfolders, hidden files, and a second copy of
/// a tied head.
///
/// Where an attempt at the same growth was killed, its finished shards are used; the result is the same.
///
/// # Errors
/// When the plan is another source's, the target exists or is in the source, or a disk refuses. Nothing is left of the target
/// then.
pub fn grow_folder(
    source: &Source,
    plan: &FolderPlan,
    moments: Moments,
    target: &Path,
    shard_size_bytes: u64,
) -> Result<Grown, GrowthError> {
    refuse_target_within(source.weights().folder(), target)?;
    let layout = layout(source.into(), plan, shard_size_bytes)?;
    let mut sets =
        vec![GrownSet { source: source.weights(), tensors: &plan.tensors, layout, dtypes: plan.dtypes }];
    let moments = GrownMoments::plan(source.weights().folder(), plan, moments)?;
    if let Some(moments) = &moments {
        sets.push(moments.set(shard_size_bytes)?);
    }
    let pending = PendingFolder::resume(target, &identity(&sets)?)?;
    let written = fill(source, plan, &sets, &pending).map_err(|error| match error {
        GrowthError::Checkpoint(error) => GrowthError::Checkpoint(pending.at_target(error)),
        other => other,
    })?;
    pending.commit_with_durable(&written.durable)?;
    Ok(Grown { shards: written.count, reused: written.reused })
}

/// Puts everything into the folder, but for shards that are finished.
fn fill(
    source: &Source,
    plan: &FolderPlan,
    sets: &[GrownSet],
    pending: &PendingFolder,
) -> Result<WrittenShards, GrowthError> {
    let is_card_wanted = AtomicBool::new(true);
    thread::scope(|scope| {
        // Reading the source once more beside the copying costs a core, not time.
        let files = scope.spawn(|| card::digests(source, &is_card_wanted));
        let written = fill_but_card(source, plan, sets, pending);
        is_card_wanted.store(written.is_ok(), Ordering::Relaxed);
        let files = files.join().unwrap_or_else(|panic| resume_unwind(panic));
        let written = written?;
        let card = card::card(source, plan, files?)?;
        write_file_atomically(&pending.path().join(CARD_FILE), card.as_bytes())?;
        Ok(written)
    })
}

fn fill_but_card(
    source: &Source,
    plan: &FolderPlan,
    sets: &[GrownSet],
    pending: &PendingFolder,
) -> Result<WrittenShards, GrowthError> {
    let folder = pending.path();
    let shards = sets.iter().flat_map(|set| set.layout.shards());
    pending.keep_only(&shards.map(|shard| shard.file_name.clone()).collect())?;
    let mut all = WrittenShards::default();
    for set in sets {
        let WrittenShards { count, reused, mut durable } = set.write(folder)?;
        all.count += count;
        all.reused += reused;
        all.durable.append(&mut durable);
    }
    write_file_atomically(&folder.join(CONFIG_FILE), json_text(&plan.config).as_bytes())?;
    if let Some(mask) = &plan.mask {
        let file = folder.join(MASK_FILE);
        let training = file.parent().unwrap_or(folder);
        fs::create_dir_all(training).map_err(|error| CheckpointError::io("create", training, error))?;
        write_file_atomically(&file, mask.to_json().as_bytes())?;
    }
    for file in side_files(source.weights().folder())? {
        copy_along(&file, folder)?;
    }
    Ok(all)
}
