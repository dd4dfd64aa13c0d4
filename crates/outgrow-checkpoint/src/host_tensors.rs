//! Tensors as f32 values in memory, to and from files. It reads and writes whole tensors; what must not be held in
//! memory goes through [`crate::shards::ShardWriter`].

use std::{
    collections::BTreeMap,
    fs,
    io::{BufWriter, Write},
    path::Path,
};

use crate::{
    checkpoint::Checkpoint,
    config::LlamaConfig,
    dtype::{
        Dtype,
        values::{ValueTooLarge, decode_into, encode_into},
    },
    error::{CheckpointError, Problems},
    folder::{PendingFolder, file_names::CONFIG_FILE, write_atomically},
    safetensors::{SafetensorsFile, StoredTensor, header::header_bytes, spec::TensorSpec},
    shards::{layout::ShardLayout, writer::ShardWriter},
};

/// A tensor in memory, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// As many values as the product of the sizes.
    pub values: Vec<f32>,
}

/// Tensors by their Hugging Face names.
pub type NamedTensors = BTreeMap<String, HostTensor>;

impl Checkpoint {
    /// All tensors of the model as f32.
    ///
    /// # Errors
    /// None today beyond those of [`Checkpoint::bytes`]: an opened checkpoint is sound.
    pub fn to_named_tensors(&self) -> Result<NamedTensors, CheckpointError> {
        // Opening has refused a model with tensors that aren't floating-point numbers.
        let floats = self.tensors().filter_map(|tensor| Some((tensor, tensor.dtype.float()?)));
        let load = |(tensor, dtype): (&StoredTensor, Dtype)| {
            let values = decode(self.bytes(&tensor.name)?, dtype);
            Ok((tensor.name.clone(), HostTensor { shape: tensor.shape.clone(), values }))
        };
        floats.map(load).collect()
    }
}

/// Reads a whole checkpoint folder, single-file or sharded: the opposite of [`write_checkpoint`]. Notes on the folder
/// are left out; [`Checkpoint::open`] has them, and reads no more of a folder than is asked for.
///
/// ```
/// use outgrow_checkpoint::{HostTensor, LlamaConfig, read_checkpoint, write_checkpoint};
///
/// # let scratch = tempfile::tempdir()?;
/// # let folder = scratch.path().join("model");
/// let config = LlamaConfig::from_json(r#"{ "model_type": "llama", "vocab_size": 32, "hidden_size": 8,
///     "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4 }"#)?;
/// let zeros = |shape: Vec<usize>| HostTensor { values: vec![0.0; shape.iter().product()], shape };
/// let tensors = config.tensors().into_iter().map(|one| (one.name, zeros(one.shape))).collect();
/// // In shards of at most a thousand bytes.
/// write_checkpoint(&folder, &config, &tensors, 1000)?;
/// assert_eq!(read_checkpoint(&folder)?, (config, tensors));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`Checkpoint::open`].
pub fn read_checkpoint(folder: &Path) -> Result<(LlamaConfig, NamedTensors), CheckpointError> {
    let checkpoint = Checkpoint::open(folder)?;
    let tensors = checkpoint.to_named_tensors()?;
    Ok((checkpoint.config().clone(), tensors))
}

/// Writes a whole checkpoint folder from values, in `config.dtype`, in shards of at most `shard_size_bytes`.
///
/// # Errors
/// [`CheckpointError::TargetExists`]; `Config` or `Tensors` where the values don't make up such a model; `Io` or
/// `DiskFull`. Nothing is left behind.
pub fn write_checkpoint(
    target: &Path,
    config: &LlamaConfig,
    tensors: &NamedTensors,
    shard_size_bytes: u64,
) -> Result<(), CheckpointError> {
    let pending = PendingFolder::create(target)?;
    write_model_files(pending.path(), config, tensors, shard_size_bytes)
        .map_err(|error| pending.at_target(error))?;
    pending.commit()
}

/// Writes config.json and the shards into an existing folder, typically a [`PendingFolder`]'s.
///
/// # Errors
/// As [`write_checkpoint`]; files that were begun stay.
pub fn write_model_files(
    folder: &Path,
    config: &LlamaConfig,
    tensors: &NamedTensors,
    shard_size_bytes: u64,
) -> Result<(), CheckpointError> {
    check_against(folder, config, tensors)?;
    let spec = |(name, tensor): (&String, &HostTensor)| TensorSpec {
        name: name.clone(),
        dtype: config.dtype.into(),
        shape: tensor.shape.clone(),
    };
    let ordered = config.tensors();
    let specs = ordered.iter().filter_map(|one| tensors.get_key_value(&one.name)).map(spec).collect();
    let mut writer = ShardWriter::create(folder, &ShardLayout::new(specs, shard_size_bytes))?;
    for one in &ordered {
        let bytes = encode(&tensors[&one.name].values, config.dtype).map_err(|problem| {
            let problems = Problems(vec![format!("`{}` {problem}", one.name)]);
            CheckpointError::Tensors { path: folder.to_owned(), problems }
        })?;
        writer.write(&one.name, &bytes)?;
    }
    writer.finish()?;
    let path = folder.join(CONFIG_FILE);
    let text = format!("{:#}\n", config.to_json());
    fs::write(&path, text).map_err(|source| CheckpointError::io("write", &path, source))
}

fn check_against(folder: &Path, config: &LlamaConfig, tensors: &NamedTensors) -> Result<(), CheckpointError> {
    let mut problems = Vec::new();
    let mut left: BTreeMap<_, _> = tensors.iter().collect();
    for expected in config.tensors() {
        let (name, shape) = (&expected.name, &expected.shape);
        match left.remove(name) {
            None => problems.push(format!("`{name}` is missing, expected shape {shape:?}")),
            Some(found) if found.shape != *shape => {
                problems.push(format!("`{name}` has shape {:?}, expected {shape:?}", found.shape));
            }
            Some(found) => problems.extend(wrong_length(name, found)),
        }
    }
    problems.extend(left.keys().map(|name| format!("`{name}` is no tensor of the model")));
    Problems(problems).into_result(|problems| CheckpointError::Tensors { path: folder.to_owned(), problems })
}

fn wrong_length(name: &str, tensor: &HostTensor) -> Option<String> {
    let (shape, found) = (&tensor.shape, tensor.values.len());
    let size: usize = shape.iter().product();
    (size != found).then(|| format!("`{name}` has {found} values; shape {shape:?} needs {size}"))
}

/// Writes any tensors as f32 to one safetensors file, whole or not at all.
///
/// ```
/// use outgrow_checkpoint::{HostTensor, NamedTensors, read_tensors, write_tensors};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("tensors.safetensors");
/// let gain = HostTensor { shape: vec![3], values: vec![1.0, 0.5, 0.25] };
/// let tensors = NamedTensors::from([("gain".to_owned(), gain)]);
/// write_tensors(&path, &tensors)?;
/// assert_eq!(read_tensors(&path)?, tensors);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// `Tensors` where values and shape differ; `Io`, `DiskFull` or `NoFolder`.
pub fn write_tensors(path: &Path, tensors: &NamedTensors) -> Result<(), CheckpointError> {
    let problems = Problems(tensors.iter().filter_map(|(name, tensor)| wrong_length(name, tensor)).collect());
    problems.into_result(|problems| CheckpointError::Tensors { path: path.to_owned(), problems })?;
    let specs: Vec<TensorSpec> = tensors
        .iter()
        .map(|(name, one)| TensorSpec {
            name: name.clone(),
            dtype: Dtype::F32.into(),
            shape: one.shape.clone(),
        })
        .collect();
    write_atomically(path, |file| {
        let mut file = BufWriter::new(file);
        file.write_all(&header_bytes(&specs))?;
        for value in tensors.values().flat_map(|tensor| &tensor.values) {
            file.write_all(&value.to_le_bytes())?;
        }
        file.flush()
    })
}

/// Reads all tensors of one safetensors file as f32.
///
/// # Errors
/// `Io`, `Damaged`, or `Tensors` where a type is not F32, F16 or BF16.
pub fn read_tensors(path: &Path) -> Result<NamedTensors, CheckpointError> {
    let (file, entries) = SafetensorsFile::open(path)?;
    let mut tensors = NamedTensors::new();
    let mut problems = Vec::new();
    for entry in entries {
        match entry.dtype.and_then(|dtype| dtype.float().ok_or_else(|| dtype.to_string())) {
            Ok(dtype) => {
                let values = decode(file.bytes(&entry.range), dtype);
                tensors.insert(entry.name, HostTensor { shape: entry.shape, values });
            }
            Err(other) => problems.push(format!("`{}` is {other}, expected F32, F16 or BF16", entry.name)),
        }
    }
    Problems(problems)
        .into_result(|problems| CheckpointError::Tensors { path: path.to_owned(), problems })?;
    Ok(tensors)
}

fn decode(bytes: &[u8], dtype: Dtype) -> Vec<f32> {
    let mut values = vec![0.0; bytes.len() / dtype.size_bytes()];
    decode_into(bytes, dtype, &mut values);
    values
}

fn encode(values: &[f32], dtype: Dtype) -> Result<Vec<u8>, ValueTooLarge> {
    let mut bytes = vec![0; values.len() * dtype.size_bytes()];
    encode_into(values, dtype, &mut bytes)?;
    Ok(bytes)
}
