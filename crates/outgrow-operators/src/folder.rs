//! Carrying out a plan on folders. Copied tensors are copied byte ranges, never converted; computed ones pass through in pieces. So
//! memory stays the same whatever the model's size.

use std::{
    collections::BTreeMap,
    fs,
    panic::resume_unwind,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use outgrow_checkpoint::{
    CONFIG_FILE, CheckpointError, Dtype, PendingFolder, ShardLayout, ShardSet, ShardWriter, StoredDtype,
    StoredTensor, TensorSpec, WeightFolder, WrittenShards, encode_into, json_text, layer_index,
    refuse_target_within, with_layer_index, write_file_atomically,
};

use crate::{
    card::{self, CARD_FILE},
    error::GrowthError,
    execute::{Medium, execute},
    folder_plan::FolderPlan,
    identity::identity,
    mask::MASK_FILE,
    moments::{Moments, plan_moments, with_sources},
    outline::Plannable,
    passthrough_plan::PassthroughDtypes,
    plan::PlannedTensor,
    rounding::{Rounded, round},
    side_files::{copy_along, side_files},
    source::Source,
    values::{Values, rows_and_columns},
};

/// Values of a computed tensor that are in memory at a time.
pub(crate) const VALUES_AT_ONCE: usize = 1 << 20;

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

/// Shards to make, and what of.
pub(crate) struct GrownSet<'a> {
    pub source: &'a WeightFolder,
    pub tensors: &'a [PlannedTensor],
    pub layout: ShardLayout,
    pub dtypes: Option<PassthroughDtypes>,
}

impl GrownSet<'_> {
    fn write(&self, folder: &Path) -> Result<WrittenShards, GrowthError> {
        let writer = ShardWriter::resume(folder, &self.layout)?;
        let specs = self.layout.shards().iter().flat_map(|shard| &shard.tensors);
        let dtypes = specs.map(|spec| (spec.name.as_str(), spec.dtype)).collect();
        let mut medium = FolderMedium { weights: self.source, dtypes, passthrough: self.dtypes, writer };
        // In their order, which is the layout's: so that one shard is finished before the next is begun.
        execute(self.tensors, &mut medium)?;
        Ok(medium.writer.finish()?)
    }
}

/// The files of the grown folder. Each tensor is stored as its source is, unless the plan says otherwise.
pub(crate) fn layout(
    source: Plannable,
    plan: &FolderPlan,
    shard_size_bytes: u64,
) -> Result<ShardLayout, GrowthError> {
    let stored = plan.dtypes.and_then(|dtypes| dtypes.stored);
    let specs = match source {
        Plannable::Opened(source) => specs(&plan.tensors, |tensor| {
            let dtype = stored_dtype(source.weights(), tensor)?;
            // Only numbers are converted.
            Ok(stored.filter(|_| dtype.float().is_some()).map_or(dtype, StoredDtype::Float))
        }),
        Plannable::Outline(outline) => specs(&plan.tensors, |_| Ok(stored.unwrap_or(outline.dtype()).into())),
    };
    Ok(ShardLayout::new(specs?, shard_size_bytes))
}

fn specs(
    tensors: &[PlannedTensor],
    dtype: impl Fn(&PlannedTensor) -> Result<StoredDtype, GrowthError>,
) -> Result<Vec<TensorSpec>, GrowthError> {
    let spec = |tensor: &PlannedTensor| {
        Ok(TensorSpec { name: tensor.name.clone(), dtype: dtype(tensor)?, shape: tensor.shape.clone() })
    };
    tensors.iter().map(spec).collect()
}

/// A made tensor is stored as what it is made of; a fresh one as the same tensor of the lowest layer that has it.
fn stored_dtype(weights: &WeightFolder, tensor: &PlannedTensor) -> Result<StoredDtype, GrowthError> {
    if let Some(name) = tensor.origin.first_source() {
        return Ok(stored(weights, name)?.dtype);
    }
    let layer = layer_index(&tensor.name).unwrap_or(0);
    let is_like = |one: &&StoredTensor| with_layer_index(&one.name, layer) == tensor.name;
    // Moments that start at zero may have no tensor to go by.
    Ok(weights.tensors().iter().find(is_like).map_or(Dtype::F32.into(), |one| one.dtype))
}

/// An optimizer's moments beside the weights of a grown folder.
pub(crate) struct GrownMoments {
    source: WeightFolder,
    tensors: Vec<PlannedTensor>,
}

impl GrownMoments {
    /// `None` where they are reset.
    pub fn plan(folder: &Path, plan: &FolderPlan, policy: Moments) -> Result<Option<Self>, GrowthError> {
        let tensors = plan_moments(&plan.tensors, policy)?;
        if tensors.is_empty() {
            return Ok(None);
        }
        let found = WeightFolder::open_moments(folder)?;
        let source = found.ok_or_else(|| GrowthError::MomentsMissing { folder: folder.to_owned() })?;
        let tensors = with_sources(tensors, |name| source.tensor(name).is_some());
        Ok(Some(Self { source, tensors }))
    }

    /// How each is made.
    pub fn tensors(&self) -> &[PlannedTensor] {
        &self.tensors
    }

    /// Their files.
    pub fn layout(&self, shard_size_bytes: u64) -> Result<ShardLayout, GrowthError> {
        let specs = specs(&self.tensors, |tensor| stored_dtype(&self.source, tensor))?;
        Ok(ShardLayout::of(ShardSet::Optimizer, specs, shard_size_bytes))
    }

    fn set(&self, shard_size_bytes: u64) -> Result<GrownSet<'_>, GrowthError> {
        let layout = self.layout(shard_size_bytes)?;
        Ok(GrownSet { source: &self.source, tensors: &self.tensors, layout, dtypes: None })
    }
}

fn stored<'a>(weights: &'a WeightFolder, name: &str) -> Result<&'a StoredTensor, GrowthError> {
    weights.tensor(name).ok_or_else(|| GrowthError::MissingTensor { name: name.to_owned() })
}

/// From an opened folder into the shards of a new one.
struct FolderMedium<'a> {
    weights: &'a WeightFolder,
    /// How each tensor of the grown folder is stored; the layout has all of them.
    dtypes: BTreeMap<&'a str, StoredDtype>,
    passthrough: Option<PassthroughDtypes>,
    writer: ShardWriter,
}

impl FolderMedium<'_> {
    /// In a shard that an earlier attempt finished.
    fn is_there(&self, target: &PlannedTensor) -> bool {
        !self.writer.awaits(&target.name)
    }

    /// What a tensor is converted to when it is read, and what its product is rounded to before it is stored.
    fn rounding(&self, target: &PlannedTensor) -> Result<[Option<Dtype>; 2], GrowthError> {
        let Some(PassthroughDtypes { loaded, .. }) = self.passthrough else { return Ok([None; 2]) };
        let product = match (loaded, target.origin.first_source()) {
            (Some(loaded), _) => Some(loaded),
            (None, Some(source)) => stored(self.weights, source)?.dtype.float(),
            (None, None) => None,
        };
        Ok([loaded, product])
    }
}

impl Medium for FolderMedium<'_> {
    type Error = GrowthError;

    fn copy(&mut self, source: &str, target: &PlannedTensor) -> Result<(), GrowthError> {
        if self.is_there(target) {
            return Ok(());
        }
        let stored = stored(self.weights, source)?;
        if stored.shape != target.shape {
            let (found, expected) = (stored.shape.clone(), target.shape.clone());
            return Err(GrowthError::WrongShape { name: source.to_owned(), found, expected });
        }
        let loaded = self.passthrough.and_then(|dtypes| dtypes.loaded).map(StoredDtype::Float);
        let is_converted =
            loaded.is_some_and(|loaded| loaded != stored.dtype && stored.dtype.float().is_some());
        if is_converted || self.dtypes[target.name.as_str()] != stored.dtype {
            return self.compute(target);
        }
        Ok(self.writer.copy(&target.name, stored)?)
    }

    fn compute(&mut self, target: &PlannedTensor) -> Result<(), GrowthError> {
        if self.is_there(target) {
            return Ok(());
        }
        let dtype = self.dtypes[target.name.as_str()].float();
        let dtype = dtype.ok_or_else(|| GrowthError::NoNumbers { name: target.name.clone() })?;
        let too_large = |problem| GrowthError::Value { name: target.name.clone(), problem };
        let [loaded, product] = self.rounding(target)?;
        let source = Rounded { weights: self.weights, dtype: loaded };
        let values = Values::new(&target.origin, &target.shape, &source)?;
        let (rows, columns) = rows_and_columns(&target.shape);
        let rows_at_once = (VALUES_AT_ONCE / columns.max(1)).clamp(1, rows.max(1));
        let mut piece = vec![0.0; rows_at_once * columns];
        let mut bytes = vec![0; piece.len() * dtype.size_bytes()];
        let mut writer = self.writer.begin(&target.name)?;
        for first in (0..rows).step_by(rows_at_once) {
            let end = rows.min(first + rows_at_once);
            let piece = &mut piece[..(end - first) * columns];
            let bytes = &mut bytes[..piece.len() * dtype.size_bytes()];
            values.fill(first..end, piece)?;
            round(piece, product.filter(|product| *product != dtype)).map_err(too_large)?;
            encode_into(piece, dtype, bytes).map_err(too_large)?;
            writer.append(bytes)?;
        }
        Ok(writer.finish()?)
    }
}
