//! Training checkpoints: a folder that `transformers` opens, with what resuming needs in `training/`. Which folders
//! of a run are such is the run folder's to know.
//!
//! `step-XXXXXXXX/` appears whole or not at all: it is written under a temporary name, synchronised and renamed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use burn::tensor::Device;
use outgrow_checkpoint::{
    COST_FILE, Checkpoint, PendingFolder, read_tensors, write_model_files, write_tensors,
};
use outgrow_model::Decoder;
use outgrow_operators::folder::{MASK_FILE, card::CARD_FILE};
use outgrow_schedules::LossPoint;

use crate::{
    error::TrainError,
    mask,
    optimizer::Optimizer,
    position::Position,
    resume::{
        layout::{OPTIMIZER_FILE, STATE_FILE, TRAINING_FOLDER, checkpoint_name},
        run_folder::{CheckpointFolder, checkpoint_folders},
        start::Resumption,
        state::State,
    },
    training::Training,
};

const SHARD_SIZE_BYTES: u64 = 5_000_000_000;

/// The training state at a moment.
pub(crate) struct Snapshot {
    pub position: Position,
    pub decoder: Decoder,
    pub optimizer: Optimizer,
    /// Of the current stage, where its end depends on them.
    pub validations: Vec<LossPoint>,
}

/// Writes a checkpoint and removes the oldest ones beyond `checkpoints_kept`. Side files (a tokenizer) are copied in,
/// and the card.
pub(crate) fn save(
    training: &Training<'_>,
    snapshot: &Snapshot,
    card: Option<&str>,
) -> Result<PathBuf, TrainError> {
    let run = training.folder;
    let target = run.join(checkpoint_name(snapshot.position.step));
    if checkpoint_folders(run).iter().any(|one| one.path == target && one.has_state()) {
        return Ok(target);
    }
    let pending = PendingFolder::create(&target)?;
    let config = snapshot.decoder.config();
    write_model_files(pending.path(), config, &snapshot.decoder.to_named_tensors(), SHARD_SIZE_BYTES)?;
    let side_files = training.side_files.iter().map(|file| (file.name.as_str(), &*file.bytes));
    for (name, bytes) in side_files.chain(card.map(|card| (CARD_FILE, card.as_bytes()))) {
        let path = pending.path().join(name);
        fs::write(&path, bytes).map_err(|source| TrainError::Io { path, source })?;
    }
    let folder = pending.path().join(TRAINING_FOLDER);
    fs::create_dir(&folder).map_err(|source| TrainError::Io { path: folder.clone(), source })?;
    if let Some(mask) = mask::of_checkpoint(training.schedule, &snapshot.position) {
        let path = pending.path().join(MASK_FILE);
        fs::write(&path, mask.to_json()).map_err(|source| TrainError::Io { path, source })?;
    }
    let (moments, optimizer_steps) = snapshot.optimizer.to_host(snapshot.decoder.config());
    write_tensors(&pending.path().join(OPTIMIZER_FILE), &moments)?;
    let state = State {
        validations: snapshot.validations.clone(),
        ..State::of(training, snapshot.position, optimizer_steps)
    };
    // Beside config.json, as `training/` is removed before a model is published.
    let file = pending.path().join(COST_FILE);
    fs::write(&file, state.cost().to_text())
        .map_err(|source| TrainError::Io { path: file.clone(), source })?;
    let file = pending.path().join(STATE_FILE);
    fs::write(&file, state.to_text()?).map_err(|source| TrainError::Io { path: file.clone(), source })?;
    pending.commit()?;
    remove_old(run, training.settings.checkpoints_kept)?;
    Ok(target)
}

/// Reads the checkpoint that a run goes on from. It was compared: it has the stages of this run.
pub(crate) fn load(
    from: &Resumption,
    training: &Training<'_>,
    device: &Device,
) -> Result<Snapshot, TrainError> {
    let (folder, saved) = (from.checkpoint(), from.saved());
    let stage = &training.schedule.stages()[saved.position.stage];
    let tensors = Checkpoint::open(folder)?.to_named_tensors()?;
    let mut decoder = Decoder::new(&stage.model, &tensors, device)?
        .with_precision(training.settings.precision)
        .with_trainable(|name| stage.trainable.includes(&stage.model, name));
    mask::put(&mut decoder, training.schedule, &saved.position)?;
    let moments = read_tensors(&folder.join(OPTIMIZER_FILE))?;
    let settings = training.settings.optimizer.clone();
    let optimizer = Optimizer::from_host(settings, &moments, &saved.optimizer_steps, &decoder)?;
    Ok(Snapshot { position: saved.position, decoder, optimizer, validations: saved.validations.clone() })
}

/// Those without a training state are somebody's to keep.
fn remove_old(run: &Path, kept: usize) -> Result<(), TrainError> {
    let found: Vec<_> = checkpoint_folders(run).into_iter().filter(CheckpointFolder::has_state).collect();
    for CheckpointFolder { path, .. } in &found[..found.len().saturating_sub(kept)] {
        // Out of the way first: half of a checkpoint would be taken for somebody's own folder.
        let aside = run.join(format!(".step-being-removed.{}", std::process::id()));
        let removed = fs::rename(path, &aside).and_then(|()| fs::remove_dir_all(&aside));
        removed.map_err(|source| TrainError::Io { path: path.clone(), source })?;
    }
    Ok(())
}
