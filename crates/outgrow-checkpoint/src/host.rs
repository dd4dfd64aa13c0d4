//! Tensors on the host, in f32: for training, where values matter and not how they are stored.

use std::{collections::BTreeMap, path::Path};

use half::{bf16, f16};

use crate::{
    config::{Dtype, LlamaConfig},
    error::{CheckpointError, Problems},
    folder::{PendingFolder, write_file_atomically},
    layout::{ShardLayout, TensorSpec},
    open::{CONFIG_FILE, INDEX_FILE, SafetensorsFile},
    write::ShardWriter,
};

/// Values in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// The shape.
    pub shape: Vec<usize>,
    /// As many as the shape says.
    pub values: Vec<f32>,
}

/// Tensors by name.
pub type NamedTensors = BTreeMap<String, HostTensor>;

/// Writes a whole model folder, in `config.dtype`: temporary name, synchronised, renamed.
///
/// # Errors
/// When `target` exists, a tensor is missing or of another shape, or the disk refuses.
pub fn write_checkpoint(
    target: &Path,
    config: &LlamaConfig,
    tensors: &NamedTensors,
    shard_size_bytes: u64,
) -> Result<(), CheckpointError> {
    let pending = PendingFolder::create(target)?;
    write_model_files(pending.path(), config, tensors, shard_size_bytes)?;
    pending.commit()
}

/// Writes a model's files into a folder that is there: for a [`PendingFolder`] that gets more files.
///
/// # Errors
/// When a tensor is missing, unexpected or of another shape, or the disk refuses.
pub fn write_model_files(
    folder: &Path,
    config: &LlamaConfig,
    tensors: &NamedTensors,
    shard_size_bytes: u64,
) -> Result<(), CheckpointError> {
    check(folder, config, tensors)?;
    let spec = |tensor: crate::tensors::TensorShape| TensorSpec { name: tensor.name, dtype: config.dtype, shape: tensor.shape };
    let layout = ShardLayout::new(config.tensors().into_iter().map(spec).collect(), shard_size_bytes);
    for shard in &layout.shards {
        let mut writer = ShardWriter::create(&folder.join(&shard.file), layout.tensors_of(shard))?;
        for tensor in layout.tensors_of(shard) {
            writer.bytes(&encode(&tensors[&tensor.name].values, tensor.dtype))?;
        }
    }
    if let Some(index) = layout.index() {
        write_file_atomically(&folder.join(INDEX_FILE), format!("{index:#}\n").as_bytes())?;
    }
    let config = config.to_json();
    write_file_atomically(&folder.join(CONFIG_FILE), format!("{config:#}\n").as_bytes())
}

fn check(folder: &Path, config: &LlamaConfig, tensors: &NamedTensors) -> Result<(), CheckpointError> {
    let expected: BTreeMap<_, _> = config.tensors().into_iter().map(|tensor| (tensor.name, tensor.shape)).collect();
    let mut problems = Vec::new();
    for (name, shape) in &expected {
        match tensors.get(name) {
            None => problems.push(format!("tensor `{name}` is missing")),
            Some(tensor) if tensor.shape != *shape => {
                problems.push(format!("tensor `{name}` has shape {:?}, expected {shape:?}", tensor.shape));
            }
            Some(tensor) if tensor.values.len() != shape.iter().product::<usize>() => {
                problems.push(format!("tensor `{name}` has {} values, expected shape {shape:?}", tensor.values.len()));
            }
            Some(_) => {}
        }
    }
    let unexpected = tensors.keys().filter(|name| !expected.contains_key(*name));
    problems.extend(unexpected.map(|name| format!("tensor `{name}` has no place in the model")));
    Problems(problems).into_result(|problems| CheckpointError::Tensors { path: folder.to_owned(), problems })
}

/// Writes any named tensors as f32 to one safetensors file.
///
/// # Errors
/// When the disk refuses.
pub fn write_tensors(path: &Path, tensors: &NamedTensors) -> Result<(), CheckpointError> {
    let specs = tensors.iter().map(|(name, tensor)| TensorSpec {
        name: name.clone(),
        dtype: Dtype::F32,
        shape: tensor.shape.clone(),
    });
    let mut writer = ShardWriter::create(path, &specs.collect::<Vec<_>>())?;
    tensors.values().try_for_each(|tensor| writer.bytes(&encode(&tensor.values, Dtype::F32)))
}

/// Reads all tensors of one safetensors file as f32.
///
/// # Errors
/// When the file is missing, damaged, or holds other than F32, F16 and BF16.
pub fn read_tensors(path: &Path) -> Result<NamedTensors, CheckpointError> {
    let file = SafetensorsFile::open(path)?;
    let read = file.tensors.iter().map(|tensor| {
        let bytes = file.bytes(tensor);
        (tensor.name.clone(), HostTensor { shape: tensor.shape.clone(), values: decode(bytes, tensor.dtype) })
    });
    Ok(read.collect())
}

/// Little-endian bytes to values.
pub(crate) fn decode(bytes: &[u8], dtype: Dtype) -> Vec<f32> {
    let pairs = |convert: fn(u16) -> f32| {
        bytes.chunks_exact(2).map(|pair| convert(u16::from_le_bytes([pair[0], pair[1]]))).collect()
    };
    match dtype {
        Dtype::F32 => bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect(),
        Dtype::F16 => pairs(|bits| f16::from_bits(bits).to_f32()),
        Dtype::BF16 => pairs(|bits| bf16::from_bits(bits).to_f32()),
    }
}

/// Values to little-endian bytes, rounded to nearest.
fn encode(values: &[f32], dtype: Dtype) -> Vec<u8> {
    match dtype {
        Dtype::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Dtype::F16 => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
        Dtype::BF16 => values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect(),
    }
}
