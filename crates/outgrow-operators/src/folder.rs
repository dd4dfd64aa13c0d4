//! Carrying out a plan on folders. Copied tensors are copied byte ranges, never converted; computed ones pass through in pieces. So
//! memory stays the same whatever the model's size.

use std::{
    fs::{self, File},
    io,
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

use outgrow_checkpoint::{
    CONFIG_FILE, CheckpointError, Dtype, PendingFolder, ShardLayout, ShardSet, ShardWriter, StoredTensor,
    TensorSpec, WeightFolder, encode_into, with_layer_index, write_file_atomically,
};

use crate::{
    card::{self, CARD_FILE},
    error::GrowthError,
    execute::{Medium, execute},
    folder_plan::FolderPlan,
    moments::{Moments, plan_moments, with_sources},
    plan::PlannedTensor,
    source::Source,
    values::{Values, rows_and_columns},
};

/// Weights that are not grown: copied along they would leave a folder with two models in it.
const WEIGHTS: [&str; 10] =
    ["safetensors", "bin", "pth", "pt", "ckpt", "gguf", "h5", "msgpack", "onnx", "ot"];
/// What `transformers` says about the training of the source, which is not the target's.
const TRAINER_STATE: &str = "trainer_state.json";
/// Values of a computed tensor that are in memory at a time.
const VALUES_AT_ONCE: usize = 1 << 20;

/// Grows a folder into a new one. Copied tensors keep their bytes; the tokenizer and other side files come along, and a card says
/// how the folder was made.
///
/// Passed over are weights in other formats, `training/` and all other subfolders, hidden files, and a second copy of
/// a tied head.
///
/// # Errors
/// When the plan is another source's, the target exists, or a disk refuses. Nothing is left of the target then.
pub fn grow_folder(
    source: &Source,
    plan: &FolderPlan,
    moments: Moments,
    target: &Path,
    shard_size_bytes: u64,
) -> Result<(), GrowthError> {
    let layout = layout(source.weights(), plan, shard_size_bytes)?;
    let moments = GrownMoments::plan(source, plan, moments)?;
    let pending = PendingFolder::create(target)?;
    let filling = thread::scope(|scope| {
        // Reading the source once more beside the copying costs a core, not time.
        let files = scope.spawn(|| card::digests(source));
        let folder = pending.path();
        let mut medium = FolderMedium {
            weights: source.weights(),
            dtype: plan.dtype,
            writer: ShardWriter::create(folder, &layout)?,
        };
        execute(&plan.tensors, &mut medium)?;
        medium.writer.finish()?;
        if let Some(moments) = moments {
            moments.write(folder, shard_size_bytes)?;
        }
        write_file_atomically(&folder.join(CONFIG_FILE), format!("{:#}\n", plan.config).as_bytes())?;
        for file in side_files(source.weights().folder())? {
            copy_along(&file, folder)?;
        }
        let files = files.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        write_file_atomically(&folder.join(CARD_FILE), card::card(source, plan, files)?.as_bytes())?;
        Ok(())
    });
    filling.map_err(|error| match error {
        GrowthError::Checkpoint(error) => GrowthError::Checkpoint(pending.at_target(error)),
        other => other,
    })?;
    Ok(pending.commit()?)
}

/// The files of the grown folder. Each tensor is stored as its source is, unless the plan says otherwise.
pub(crate) fn layout(
    weights: &WeightFolder,
    plan: &FolderPlan,
    shard_size_bytes: u64,
) -> Result<ShardLayout, GrowthError> {
    let specs = plan.tensors.iter().map(|tensor| {
        let (name, shape) = (tensor.name.clone(), tensor.shape.clone());
        let dtype = stored_dtype(weights, tensor)?;
        Ok(TensorSpec { dtype: plan.dtype.unwrap_or(dtype), name, shape })
    });
    Ok(ShardLayout::new(specs.collect::<Result<_, GrowthError>>()?, shard_size_bytes))
}

/// A made tensor is stored as what it is made of; a fresh one as the same tensor of the lowest layer.
fn stored_dtype(weights: &WeightFolder, tensor: &PlannedTensor) -> Result<Dtype, GrowthError> {
    match tensor.origin.first_source() {
        Some(name) => Ok(stored(weights, name)?.dtype),
        // Moments that start at zero may have no tensor to go by.
        None => Ok(weights.tensor(&with_layer_index(&tensor.name, 0)).map_or(Dtype::F32, |one| one.dtype)),
    }
}

/// An optimizer's moments beside the weights of a grown folder.
struct GrownMoments {
    source: WeightFolder,
    tensors: Vec<PlannedTensor>,
}

impl GrownMoments {
    /// `None` where they are reset.
    fn plan(source: &Source, plan: &FolderPlan, policy: Moments) -> Result<Option<Self>, GrowthError> {
        let tensors = plan_moments(&plan.tensors, policy)?;
        if tensors.is_empty() {
            return Ok(None);
        }
        let folder = source.weights().folder();
        let found = WeightFolder::open_moments(folder)?;
        let source = found.ok_or_else(|| GrowthError::MomentsMissing { folder: folder.to_owned() })?;
        let tensors = with_sources(tensors, |name| source.tensor(name).is_some());
        Ok(Some(Self { source, tensors }))
    }

    fn write(&self, folder: &Path, shard_size_bytes: u64) -> Result<(), GrowthError> {
        let spec = |tensor: &PlannedTensor| {
            let dtype = match tensor.origin.first_source() {
                Some(name) => stored(&self.source, name)?.dtype,
                None => Dtype::F32,
            };
            Ok(TensorSpec { name: tensor.name.clone(), dtype, shape: tensor.shape.clone() })
        };
        let specs = self.tensors.iter().map(spec).collect::<Result<_, GrowthError>>()?;
        let layout = ShardLayout::of(ShardSet::Optimizer, specs, shard_size_bytes);
        let mut medium = FolderMedium {
            weights: &self.source,
            dtype: None,
            writer: ShardWriter::create(folder, &layout)?,
        };
        execute(&self.tensors, &mut medium)?;
        Ok(medium.writer.finish()?)
    }
}

/// What comes along: every file of the folder but configuration, weights, training state and hidden files; no folders.
pub(crate) fn side_files(folder: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let failed = |error| CheckpointError::io("read", folder, error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        // Follows links: a downloaded folder is often one of links into a cache.
        if path.is_file() && comes_along(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn comes_along(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let extension = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let is_replaced =
        name == CONFIG_FILE || name == CARD_FILE || name == TRAINER_STATE || name.ends_with(".index.json");
    !is_replaced && !name.starts_with('.') && !WEIGHTS.contains(&extension.as_str())
}

fn copy_along(file: &Path, folder: &Path) -> Result<(), CheckpointError> {
    let copy = folder.join(file.file_name().unwrap_or_default());
    let mut from = File::open(file).map_err(|error| CheckpointError::io("read", file, error))?;
    let copied = File::create(&copy).and_then(|mut to| io::copy(&mut from, &mut to));
    copied.map(|_| ()).map_err(|error| CheckpointError::io("write", &copy, error))
}

fn stored<'a>(weights: &'a WeightFolder, name: &str) -> Result<&'a StoredTensor, GrowthError> {
    weights.tensor(name).ok_or_else(|| GrowthError::MissingTensor { name: name.to_owned() })
}

/// From an opened folder into the shards of a new one.
struct FolderMedium<'a> {
    weights: &'a WeightFolder,
    /// How all tensors are stored; without it, each as its source.
    dtype: Option<Dtype>,
    writer: ShardWriter,
}

impl Medium for FolderMedium<'_> {
    type Error = GrowthError;

    fn copy(&mut self, source: &str, target: &PlannedTensor) -> Result<(), GrowthError> {
        let stored = stored(self.weights, source)?;
        if stored.shape != target.shape {
            let (found, expected) = (stored.shape.clone(), target.shape.clone());
            return Err(GrowthError::WrongShape { name: source.to_owned(), found, expected });
        }
        if self.dtype.is_some_and(|dtype| dtype != stored.dtype) {
            return self.compute(target);
        }
        Ok(self.writer.copy(&target.name, stored)?)
    }

    fn compute(&mut self, target: &PlannedTensor) -> Result<(), GrowthError> {
        let dtype = self.dtype.map_or_else(|| stored_dtype(self.weights, target), Ok)?;
        let values = Values::new(&target.origin, &target.shape, self.weights)?;
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
            encode_into(piece, dtype, bytes)
                .map_err(|problem| GrowthError::Value { name: target.name.clone(), problem })?;
            writer.append(bytes)?;
        }
        Ok(writer.finish()?)
    }
}
