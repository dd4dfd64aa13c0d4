//! Training checkpoints: a folder that `transformers` opens, with what resuming needs in `training/`.
//!
//! `step-XXXXXXXX/` appears whole or not at all: it is written under a temporary name, synchronised and renamed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use burn::tensor::Device;
use outgrow_checkpoint::{Checkpoint, PendingFolder, read_tensors, write_model_files, write_tensors};
use outgrow_data::Batches;
use outgrow_model::Decoder;
use outgrow_schedules::Schedule;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{adamw::AdamW, error::TrainError, event::Position, settings::TrainSettings, trainer::SideFile};

const FORMAT: u32 = 1;
const SHARD_SIZE_BYTES: u64 = 5_000_000_000;

/// `training/state.json`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    format: u32,
    position: Position,
    seed: u64,
    schedule: Schedule,
    settings: TrainSettings,
    /// What `samples` of the position count.
    data: Value,
    optimizer_steps: BTreeMap<String, u64>,
}

/// What a run needs to be to go on from a checkpoint.
pub(crate) struct Identity<'a> {
    pub seed: u64,
    pub schedule: &'a Schedule,
    pub settings: &'a TrainSettings,
    pub data: &'a Batches,
}

impl Identity<'_> {
    /// All that decides which tokens a sample holds.
    fn data(&self) -> Value {
        let shards = &self.data.shards().manifest().shards;
        let sums: Vec<_> = shards.iter().map(|shard| &shard.sha256).collect();
        json!({ "sequence_length": self.data.sequence_length(), "order": self.data.order(), "shards": sums })
    }
}

/// The training state at a moment.
pub(crate) struct Snapshot {
    pub position: Position,
    pub decoder: Decoder,
    pub optimizer: AdamW,
}

/// The checkpoint with the highest step in a run's folder; `None` when there is none yet.
pub fn latest_checkpoint(run: &Path) -> Option<PathBuf> {
    checkpoints(run).pop()
}

/// All checkpoints of a run, oldest first.
pub(crate) fn checkpoints(run: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(run) else { return Vec::new() };
    let is_checkpoint = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let digits = name.strip_prefix("step-").unwrap_or_default();
        digits.len() == 8
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && path.join("training/state.json").is_file()
    };
    let mut found: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(is_checkpoint).collect();
    found.sort();
    found
}

/// Writes a checkpoint and removes the oldest ones beyond `checkpoints_kept`. `side_files` (a tokenizer) are copied in.
pub(crate) fn save(
    run: &Path,
    snapshot: &Snapshot,
    identity: &Identity,
    side_files: &[SideFile],
) -> Result<PathBuf, TrainError> {
    let target = run.join(format!("step-{:08}", snapshot.position.step));
    if checkpoints(run).contains(&target) {
        return Ok(target);
    }
    let pending = PendingFolder::create(&target)?;
    let config = snapshot.decoder.config();
    write_model_files(pending.path(), config, &snapshot.decoder.to_named_tensors(), SHARD_SIZE_BYTES)?;
    for file in side_files {
        let path = pending.path().join(&file.name);
        fs::write(&path, &file.bytes).map_err(|source| TrainError::Io { path, source })?;
    }
    let training = pending.path().join("training");
    fs::create_dir(&training).map_err(|source| TrainError::Io { path: training.clone(), source })?;
    let (moments, optimizer_steps) = snapshot.optimizer.to_host(snapshot.decoder.config());
    write_tensors(&training.join("optimizer.safetensors"), &moments)?;
    let state = State {
        format: FORMAT,
        position: snapshot.position,
        seed: identity.seed,
        schedule: identity.schedule.clone(),
        settings: identity.settings.clone(),
        data: identity.data(),
        optimizer_steps,
    };
    let file = training.join("state.json");
    let text = serde_json::to_string_pretty(&state).map_err(|problem| state_error(&file, &problem))?;
    fs::write(&file, text).map_err(|source| TrainError::Io { path: file.clone(), source })?;
    pending.commit()?;
    remove_old(run, identity.settings.checkpoints_kept)?;
    Ok(target)
}

/// Reads a checkpoint of the same run.
pub(crate) fn load(folder: &Path, identity: &Identity, device: &Device) -> Result<Snapshot, TrainError> {
    let file = folder.join("training/state.json");
    let text = fs::read_to_string(&file).map_err(|source| TrainError::Io { path: file.clone(), source })?;
    let saved: State = serde_json::from_str(&text).map_err(|problem| state_error(&file, &problem))?;
    let precision = identity.settings.precision;
    let differs = [
        (saved.format != FORMAT, "checkpoint format"),
        (saved.seed != identity.seed, "seed"),
        (saved.schedule != *identity.schedule, "stages"),
        (TrainSettings { precision, ..saved.settings.clone() } != *identity.settings, "settings"),
        (saved.data != identity.data(), "training data, data order or sequence length"),
    ];
    if let Some((_, what)) = differs.into_iter().find(|(differs, _)| *differs) {
        return Err(TrainError::OtherRun { folder: folder.to_owned(), what });
    }
    if saved.settings.precision != precision {
        let found = saved.settings.precision;
        return Err(TrainError::OtherPrecision { folder: folder.to_owned(), found, computed: precision });
    }
    let stage = identity.schedule.stages().get(saved.position.stage).ok_or_else(|| {
        let (index, count) = (saved.position.stage, identity.schedule.stages().len());
        TrainError::State {
            file,
            problem: format!("stage is {index}, but there are {count}, counted from 0"),
        }
    })?;
    let tensors = Checkpoint::open(folder)?.to_named_tensors()?;
    let decoder = Decoder::new(&stage.model, &tensors, device)?
        .with_precision(precision)
        .with_trainable(|name| stage.trainable.includes(&stage.model, name));
    let moments = read_tensors(&folder.join("training/optimizer.safetensors"))?;
    let optimizer =
        AdamW::from_host(identity.settings.optimizer.clone(), &moments, &saved.optimizer_steps, &decoder)?;
    Ok(Snapshot { position: saved.position, decoder, optimizer })
}

fn remove_old(run: &Path, kept: usize) -> Result<(), TrainError> {
    let found = checkpoints(run);
    for folder in &found[..found.len().saturating_sub(kept)] {
        fs::remove_dir_all(folder).map_err(|source| TrainError::Io { path: folder.clone(), source })?;
    }
    Ok(())
}

fn state_error(file: &Path, problem: &serde_json::Error) -> TrainError {
    TrainError::State { file: file.to_owned(), problem: problem.to_string() }
}
