//! Carrying out a plan on folders. Tensors are copied as byte ranges, so that memory stays the same whatever the model's
//! size, and no value is ever converted.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{
    CONFIG_FILE, Checkpoint, CheckpointError, PendingFolder, ShardLayout, ShardWriter, StoredTensor,
    TensorSpec, write_file_atomically,
};
use serde_json::Value;

use crate::{
    error::GrowthError,
    execute::{Medium, execute},
    growth::Growth,
    plan::{GrowthPlan, Origin, PlannedTensor, plan},
};

/// Weights that are not grown: copied along they would leave a folder with two models in it.
const WEIGHTS: [&str; 10] =
    ["safetensors", "bin", "pth", "pt", "ckpt", "gguf", "h5", "msgpack", "onnx", "ot"];
/// What `transformers` says about the training of the source, which is not the target's.
const TRAINER_STATE: &str = "trainer_state.json";
/// The one list in config.json that has an entry a layer.
const LAYER_TYPES: &str = "layer_types";

/// Grows a folder into a new one. The tensors keep their bytes; the tokenizer and other side files come along.
///
/// Passed over are weights in other formats, `training/` and all other subfolders, hidden files, and a second copy of
/// a tied head.
///
/// # Errors
/// When the growth doesn't fit the model, the target exists, or a disk refuses. Nothing is left of the target then.
pub fn grow_folder(
    source: &Checkpoint,
    growth: &Growth,
    target: &Path,
    shard_size_bytes: u64,
) -> Result<(), GrowthError> {
    let plan = plan(source.config(), growth)?;
    let config = grown_config(source.raw_config(), &plan)?;
    let layout = layout(source, &plan, shard_size_bytes)?;
    let pending = PendingFolder::create(target)?;
    let mut medium = FolderMedium { source, writer: ShardWriter::create(pending.path(), &layout)? };
    execute(&plan, &mut medium)?;
    medium.writer.finish()?;
    write_file_atomically(&pending.path().join(CONFIG_FILE), format!("{config:#}\n").as_bytes())?;
    for file in side_files(source.folder())? {
        copy_along(&file, pending.path())?;
    }
    Ok(pending.commit()?)
}

/// The files of the grown folder. Each tensor is stored as its source is.
pub(crate) fn layout(
    source: &Checkpoint,
    plan: &GrowthPlan,
    shard_size_bytes: u64,
) -> Result<ShardLayout, GrowthError> {
    let specs = plan.tensors.iter().map(|tensor| {
        let Origin::Copy { source: name } = &tensor.origin;
        let dtype = stored(source, name)?.dtype;
        Ok(TensorSpec { name: tensor.name.clone(), dtype, shape: tensor.shape.clone() })
    });
    Ok(ShardLayout::new(specs.collect::<Result<_, GrowthError>>()?, shard_size_bytes))
}

/// The source's config.json with the new depth; everything else in it stays. A list with an entry a layer grows with
/// the layers.
pub(crate) fn grown_config(raw: &Value, plan: &GrowthPlan) -> Result<Value, GrowthError> {
    let mut config = raw.clone();
    let source_layers = plan.source.num_hidden_layers;
    if let Some(list) = config.get_mut(LAYER_TYPES).filter(|list| !list.is_null()) {
        let entries = list.as_array().filter(|entries| entries.len() == source_layers);
        let entries = entries.ok_or_else(|| GrowthError::ConfigKey {
            key: LAYER_TYPES,
            problem: format!("expected a list of {source_layers} entries, one for each layer"),
        })?;
        *list = plan.layers.iter().map(|layer| entries[*layer].clone()).collect();
    }
    config["num_hidden_layers"] = plan.layers.len().into();
    Ok(config)
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
    let is_replaced = name == CONFIG_FILE || name == TRAINER_STATE || name.ends_with(".index.json");
    !is_replaced && !name.starts_with('.') && !WEIGHTS.contains(&extension.as_str())
}

fn copy_along(file: &Path, folder: &Path) -> Result<(), CheckpointError> {
    let copy = folder.join(file.file_name().unwrap_or_default());
    let mut from = File::open(file).map_err(|error| CheckpointError::io("read", file, error))?;
    let copied = File::create(&copy).and_then(|mut to| io::copy(&mut from, &mut to));
    copied.map(|_| ()).map_err(|error| CheckpointError::io("write", &copy, error))
}

fn stored<'a>(source: &'a Checkpoint, name: &str) -> Result<&'a StoredTensor, GrowthError> {
    source.tensor(name).ok_or_else(|| GrowthError::MissingTensor { name: name.to_owned() })
}

/// From an opened checkpoint into the shards of a new one.
struct FolderMedium<'a> {
    source: &'a Checkpoint,
    writer: ShardWriter,
}

impl Medium for FolderMedium<'_> {
    type Error = GrowthError;

    fn copy(&mut self, source: &str, target: &PlannedTensor) -> Result<(), GrowthError> {
        let stored = stored(self.source, source)?;
        if stored.shape != target.shape {
            let (found, expected) = (stored.shape.clone(), target.shape.clone());
            return Err(GrowthError::WrongShape { name: source.to_owned(), found, expected });
        }
        Ok(self.writer.copy(&target.name, stored)?)
    }
}
