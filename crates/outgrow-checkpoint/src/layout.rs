//! Which tensors go into which file: shards by size, in Hugging Face's file names. Pure.

use std::ops::Range;

use serde_json::{Map, Value, json};

use crate::{config::Dtype, open::SINGLE_FILE};

/// A tensor that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its name.
    pub name: String,
    /// How its values are stored.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: Vec<usize>,
}

impl TensorSpec {
    /// Bytes of its data.
    pub fn size_bytes(&self) -> u64 {
        self.shape.iter().map(|size| *size as u64).product::<u64>() * self.dtype.size_bytes() as u64
    }
}

/// One safetensors file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its name: `model.safetensors`, or `model-00001-of-00003.safetensors`.
    pub file: String,
    /// Which of the layout's tensors are in it.
    pub tensors: Range<usize>,
    /// Bytes of their data.
    pub size_bytes: u64,
}

/// All files of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardLayout {
    /// The tensors, in order.
    pub tensors: Vec<TensorSpec>,
    /// The files, in order.
    pub shards: Vec<Shard>,
}

impl ShardLayout {
    /// Fills one file after the other up to `shard_size_bytes`; a larger tensor has a file of its own.
    pub fn new(tensors: Vec<TensorSpec>, shard_size_bytes: u64) -> Self {
        let mut ranges: Vec<(Range<usize>, u64)> = Vec::new();
        for (index, tensor) in tensors.iter().enumerate() {
            let bytes = tensor.size_bytes();
            match ranges.last_mut() {
                Some((range, size)) if *size + bytes <= shard_size_bytes => {
                    range.end = index + 1;
                    *size += bytes;
                }
                _ => ranges.push((index..index + 1, bytes)),
            }
        }
        let count = ranges.len();
        let name = |number: usize| match count {
            1 => SINGLE_FILE.to_owned(),
            _ => format!("model-{number:05}-of-{count:05}.safetensors"),
        };
        let shards = ranges.into_iter().enumerate();
        let shards = shards.map(|(index, (tensors, size_bytes))| Shard { file: name(index + 1), tensors, size_bytes });
        let shards = shards.collect();
        Self { tensors, shards }
    }

    /// The tensors of a shard.
    pub fn tensors_of(&self, shard: &Shard) -> &[TensorSpec] {
        &self.tensors[shard.tensors.clone()]
    }

    /// `model.safetensors.index.json`; `None` when there is one file.
    pub fn index(&self) -> Option<Value> {
        if self.shards.len() < 2 {
            return None;
        }
        let total: u64 = self.shards.iter().map(|shard| shard.size_bytes).sum();
        let files = self.shards.iter().flat_map(|shard| {
            self.tensors_of(shard).iter().map(|tensor| (tensor.name.clone(), Value::from(shard.file.clone())))
        });
        Some(json!({ "metadata": { "total_size": total }, "weight_map": files.collect::<Map<_, _>>() }))
    }
}
