//! Carrying out a plan on folders: tensors are copied as byte ranges, whatever the model's size memory stays the same.

use std::{
    collections::HashMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

use outgrow_checkpoint::{
    CONFIG_FILE, Checkpoint, CheckpointError, INDEX_FILE, PendingFolder, ShardLayout, ShardWriter,
    TensorSpec, write_file_atomically,
};
use serde_json::Value;

use crate::{
    error::GrowthError,
    execute::{Medium, execute},
    growth::Growth,
    plan::{GrowthPlan, Origin, PlannedTensor, plan},
};

/// Weights in formats that are not grown: copying them along would leave a folder with two models in it.
const OTHER_WEIGHTS: [&str; 7] = ["bin", "pth", "pt", "gguf", "ckpt", "h5", "msgpack"];

/// Grows a folder into a new one. The tensors keep their bytes; the tokenizer and other side files come along.
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
    let mut medium = FolderMedium {
        source,
        layout: &layout,
        target: pending.path(),
        open: None,
        sources: HashMap::new(),
        made: 0,
    };
    execute(&plan, &mut medium)?;
    drop(medium);
    if let Some(index) = layout.index() {
        write_file_atomically(&pending.path().join(INDEX_FILE), format!("{index:#}\n").as_bytes())?;
    }
    write_file_atomically(&pending.path().join(CONFIG_FILE), format!("{config:#}\n").as_bytes())?;
    for file in side_files(source.folder())? {
        let copy = pending.path().join(file.file_name().unwrap_or_default());
        fs::copy(&file, &copy).map_err(|error| CheckpointError::io("copy", &file, error))?;
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
        let stored = source.tensor(name).ok_or_else(|| GrowthError::MissingTensor { name: name.clone() })?;
        Ok(TensorSpec { name: tensor.name.clone(), dtype: stored.dtype, shape: tensor.shape.clone() })
    });
    Ok(ShardLayout::new(specs.collect::<Result<_, GrowthError>>()?, shard_size_bytes))
}

/// The source's config.json with the new depth; everything else in it stays. A list with an entry a layer grows with the layers.
pub(crate) fn grown_config(raw: &Value, plan: &GrowthPlan) -> Result<Value, GrowthError> {
    let mut config = raw.clone();
    let source_layers = plan.source.num_hidden_layers;
    if let Some(list) = config.get_mut("layer_types").filter(|list| !list.is_null()) {
        let entries = list.as_array().filter(|entries| entries.len() == source_layers);
        let entries = entries.ok_or_else(|| GrowthError::ConfigKey {
            key: "layer_types".to_owned(),
            problem: format!("expected a list of {source_layers} entries, one for each layer"),
        })?;
        *list = plan.layers.iter().map(|layer| entries[*layer].clone()).collect();
    }
    config["num_hidden_layers"] = plan.layers.len().into();
    Ok(config)
}

/// What comes along: every file of the folder but configuration, weights and hidden files; no folders.
fn side_files(folder: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let failed = |error| CheckpointError::io("read", folder, error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let is_weights = extension == "safetensors"
            || OTHER_WEIGHTS.contains(&extension.as_str())
            || name.ends_with(".index.json");
        if path.is_file() && name != CONFIG_FILE && !is_weights && !name.starts_with('.') {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Fills the layout's files one after the other, in the plan's order.
struct FolderMedium<'a> {
    source: &'a Checkpoint,
    layout: &'a ShardLayout,
    target: &'a Path,
    open: Option<(usize, ShardWriter)>,
    sources: HashMap<PathBuf, File>,
    made: usize,
}

impl FolderMedium<'_> {
    /// The file that the next tensor belongs to.
    fn writer(&mut self) -> Result<&mut ShardWriter, GrowthError> {
        let made = self.made;
        let shards = &self.layout.shards;
        let index = shards.iter().position(|shard| shard.tensors.contains(&made)).unwrap_or(0);
        let writer = match self.open.take() {
            Some((open, writer)) if open == index => writer,
            _ => {
                let shard = &shards[index];
                ShardWriter::create(&self.target.join(&shard.file), self.layout.tensors_of(shard))?
            }
        };
        Ok(&mut self.open.insert((index, writer)).1)
    }
}

impl Medium for FolderMedium<'_> {
    type Error = GrowthError;

    fn copy(&mut self, source: &str, target: &PlannedTensor) -> Result<(), GrowthError> {
        let name = || source.to_owned();
        let stored = self.source.tensor(source).ok_or_else(|| GrowthError::MissingTensor { name: name() })?;
        if stored.shape != target.shape {
            let (found, expected) = (stored.shape.clone(), target.shape.clone());
            return Err(GrowthError::WrongShape { name: name(), found, expected });
        }
        let mut file = match self.sources.remove(&stored.shard) {
            Some(file) => file,
            None => File::open(&stored.shard)
                .map_err(|error| CheckpointError::io("read", &stored.shard, error))?,
        };
        self.writer()?.range(&stored.shard, &mut file, stored.range.clone())?;
        self.sources.insert(stored.shard.clone(), file);
        self.made += 1;
        Ok(())
    }
}
