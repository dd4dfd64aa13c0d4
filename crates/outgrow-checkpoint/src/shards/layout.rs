//! How tensors are spread over shards, before any is written. Pure: the plan of a growth prints it.

use serde_json::{Map, Value, json};

use crate::{safetensors::spec::TensorSpec, shards::set::ShardSet};

/// Bytes of values in a shard where nobody asks for another size: 5 GB, as Hugging Face's tools have it.
pub const DEFAULT_SHARD_SIZE_BYTES: u64 = 5_000_000_000;

/// One file of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// `model.safetensors`, or `model-00001-of-00007.safetensors`.
    pub file_name: String,
    /// Its tensors, in the order of their bytes.
    pub tensors: Vec<TensorSpec>,
}

impl Shard {
    /// Bytes of all values; the file's header comes on top.
    pub fn size_bytes(&self) -> u64 {
        self.tensors.iter().map(TensorSpec::size_bytes).sum()
    }
}

/// Tensors spread over shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardLayout {
    set: ShardSet,
    shards: Vec<Shard>,
}

impl ShardLayout {
    /// Fills shards in the given order up to `shard_size_bytes` of values each; a larger tensor has a shard to itself.
    pub fn new(tensors: Vec<TensorSpec>, shard_size_bytes: u64) -> Self {
        Self::of(ShardSet::Model, tensors, shard_size_bytes)
    }

    /// The same, for files that hold something else than parameters.
    pub fn of(set: ShardSet, tensors: Vec<TensorSpec>, shard_size_bytes: u64) -> Self {
        let mut groups: Vec<Vec<TensorSpec>> = vec![Vec::new()];
        let mut filled = 0;
        for tensor in tensors {
            let size = tensor.size_bytes();
            if filled > 0 && filled + size > shard_size_bytes {
                groups.push(Vec::new());
                filled = 0;
            }
            filled += size;
            if let Some(group) = groups.last_mut() {
                group.push(tensor);
            }
        }
        let count = groups.len();
        let shard = |(index, mut tensors): (usize, Vec<TensorSpec>)| {
            // Readers view the bytes in place, so that a wide type must not begin at an odd multiple of a narrow one.
            tensors.sort_by_key(|tensor| std::cmp::Reverse(tensor.dtype.size_bits()));
            let file_name = match count {
                1 => set.single_file(),
                _ => format!("{}-{:05}-of-{count:05}.safetensors", set.stem(), index + 1),
            };
            Shard { file_name, tensors }
        };
        Self { set, shards: groups.into_iter().enumerate().map(shard).collect() }
    }

    /// The shards, in order; at least one.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// The file that says which shard holds which tensor.
    pub(crate) fn index_file(&self) -> String {
        self.set.index_file()
    }

    /// Bytes of all values.
    pub fn size_bytes(&self) -> u64 {
        self.shards.iter().map(Shard::size_bytes).sum()
    }

    /// model.safetensors.index.json; a single file needs none.
    pub(crate) fn index(&self) -> Option<Value> {
        if self.shards.len() == 1 {
            return None;
        }
        let weight_map: Map<String, Value> = self
            .shards
            .iter()
            .flat_map(|shard| {
                shard.tensors.iter().map(|tensor| (tensor.name.clone(), json!(shard.file_name)))
            })
            .collect();
        Some(json!({ "metadata": { "total_size": self.size_bytes() }, "weight_map": weight_map }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::Dtype;

    fn tensor(name: &str, dtype: Dtype, length: usize) -> TensorSpec {
        TensorSpec { name: name.to_owned(), dtype: dtype.into(), shape: vec![length] }
    }

    fn names(layout: &ShardLayout) -> Vec<Vec<&str>> {
        layout
            .shards
            .iter()
            .map(|shard| shard.tensors.iter().map(|one| one.name.as_str()).collect())
            .collect()
    }

    #[test]
    fn shards_fill_up_to_the_size_and_a_larger_tensor_stands_alone() {
        let tensors =
            [("a", 2), ("b", 2), ("c", 9), ("d", 1)].map(|(name, length)| tensor(name, Dtype::F32, length));
        let layout = ShardLayout::new(tensors.to_vec(), 16);
        assert_eq!(names(&layout), [vec!["a", "b"], vec!["c"], vec!["d"]]);
        assert_eq!(layout.shards()[1].file_name, "model-00002-of-00003.safetensors");
        assert_eq!(layout.size_bytes(), 4 * 14);
    }

    #[test]
    fn one_shard_is_a_single_file_without_an_index() {
        let layout = ShardLayout::new(vec![tensor("a", Dtype::F16, 3)], 0);
        assert_eq!(layout.shards()[0].file_name, "model.safetensors");
        assert_eq!(layout.index(), None);
    }

    #[test]
    fn wide_tensors_come_before_narrow_ones_in_a_shard() {
        let layout = ShardLayout::new(vec![tensor("a", Dtype::Bf16, 3), tensor("b", Dtype::F32, 1)], 100);
        assert_eq!(names(&layout), [vec!["b", "a"]]);
    }
}
