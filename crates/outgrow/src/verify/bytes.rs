//! Which tensors of the target have the bytes of which tensors of the source. Files are read in pieces, each tensor
//! once; nothing is taken for granted from names.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{DefaultHasher, Hasher},
};

use outgrow_checkpoint::{CheckpointError, Dtype, StoredTensor, WeightFolder};
use outgrow_operators::Source;
use serde::Serialize;

const PIECE_BYTES: usize = 1 << 20;

/// A tensor of the target, and what the source has of it.
#[derive(Debug, Serialize)]
pub(super) struct ComparedTensor {
    pub name: String,
    pub dtype: String,
    pub shape: Vec<usize>,
    pub relation: Relation,
    /// The tensors of the source with the same type, shape and bytes.
    pub identical_to: Vec<String>,
    /// All values are the same, as in a norm that was never trained: then equal bytes say nothing of where they are
    /// from.
    pub is_constant: bool,
    /// The 2-norm of its gradient; `None` where the models weren't run.
    pub gradient_norm: Option<f64>,
}

/// What a tensor of the target is to the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Relation {
    /// The bytes of the source's tensor of that name.
    Kept,
    /// The bytes of another tensor of the source.
    Copied,
    /// The source has a tensor of that name, but these bytes nowhere.
    Changed,
    /// Neither the name nor the bytes are in the source.
    New,
}

/// Tensors of the target that are copies of each other, each group by its names.
pub(super) type Duplicates = Vec<Vec<String>>;

/// What a comparison finds.
#[derive(Debug)]
pub(super) struct Compared {
    /// The tensors of the target's model.
    pub tensors: Vec<ComparedTensor>,
    /// Those of them that are copies of each other.
    pub duplicates: Duplicates,
    /// The tensors of the source's model that the target has neither by name nor by their bytes.
    pub left_out: Vec<String>,
}

/// Compares all tensors of the target's model with all of the source's folder.
///
/// # Errors
/// When a file can't be read.
pub(super) fn compare(source: &Source, target: &Source) -> Result<Compared, CheckpointError> {
    let mut by_content: HashMap<Content, Vec<String>> = HashMap::new();
    for tensor in source.weights().tensors() {
        let (content, _) = read(source.weights(), tensor)?;
        by_content.entry(content).or_default().push(tensor.name.clone());
    }
    let mut tensors = Vec::new();
    let mut groups: BTreeMap<Content, Vec<String>> = BTreeMap::new();
    for tensor in target.weights().tensors().iter().filter(|tensor| target.has_tensor(&tensor.name)) {
        let (content, is_constant) = read(target.weights(), tensor)?;
        let identical_to = by_content.get(&content).cloned().unwrap_or_default();
        let relation = match (identical_to.contains(&tensor.name), source.weights().tensor(&tensor.name)) {
            (true, _) => Relation::Kept,
            (false, _) if !identical_to.is_empty() => Relation::Copied,
            (false, Some(_)) => Relation::Changed,
            (false, None) => Relation::New,
        };
        if !is_constant {
            groups.entry(content).or_default().push(tensor.name.clone());
        }
        tensors.push(ComparedTensor {
            name: tensor.name.clone(),
            dtype: tensor.dtype.to_string(),
            shape: tensor.shape.clone(),
            relation,
            identical_to,
            is_constant,
            gradient_norm: None,
        });
    }
    let found: HashSet<&str> =
        tensors.iter().flat_map(|tensor| &tensor.identical_to).map(String::as_str).collect();
    let is_left_out = |name: &&String| {
        source.has_tensor(name) && !found.contains(name.as_str()) && !target.has_tensor(name)
    };
    let names = source.weights().tensors().iter().map(|tensor| &tensor.name);
    let left_out = names.filter(is_left_out).cloned().collect();
    let duplicates = groups.into_values().filter(|group| group.len() > 1).collect();
    Ok(Compared { tensors, duplicates, left_out })
}

/// Equal for tensors of the same type, shape and bytes, and for no others that anyone will meet: 128 bits of hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Content {
    dtype: String,
    shape: Vec<usize>,
    digest: [u64; 2],
}

/// A tensor's content, and whether all of its values are the same.
fn read(folder: &WeightFolder, tensor: &StoredTensor) -> Result<(Content, bool), CheckpointError> {
    let mut hashers = [DefaultHasher::new(), DefaultHasher::new()];
    hashers[1].write_u8(1);
    let mut is_constant = true;
    let mut first: Option<Vec<u8>> = None;
    in_pieces(folder, tensor, &mut |bytes| {
        for hasher in &mut hashers {
            hasher.write(bytes);
        }
        // Values narrower than a byte are taken by twos.
        let size = (tensor.dtype.size_bits() as usize / 8).max(1);
        let first = first.get_or_insert_with(|| bytes[..size].to_vec());
        is_constant = is_constant && bytes.chunks(size).all(|value| value == first);
    })?;
    let [left, right] = hashers;
    let (dtype, shape) = (tensor.dtype.to_string(), tensor.shape.clone());
    Ok((Content { dtype, shape, digest: [left.finish(), right.finish()] }, is_constant))
}

fn in_pieces(
    folder: &WeightFolder,
    tensor: &StoredTensor,
    each: &mut dyn FnMut(&[u8]),
) -> Result<(), CheckpointError> {
    let size = tensor.range.end - tensor.range.start;
    let mut buffer = vec![0; PIECE_BYTES.min(size as usize)];
    let mut start = 0;
    while start < size {
        let piece = &mut buffer[..PIECE_BYTES.min((size - start) as usize)];
        folder.read_into(&tensor.name, start, piece)?;
        each(piece);
        start += piece.len() as u64;
    }
    Ok(())
}

/// A tensor's values, and the type that they are stored in.
///
/// # Errors
/// When the file can't be read.
pub(super) fn values(
    folder: &WeightFolder,
    tensor: &StoredTensor,
) -> Result<(Vec<f32>, Dtype), CheckpointError> {
    let dtype = tensor.dtype.float().expect("tensors of a model that is run are numbers");
    let mut values = vec![0.0; tensor.shape.iter().product()];
    let mut rest = &mut values[..];
    in_pieces(folder, tensor, &mut |bytes| {
        let (piece, after) = std::mem::take(&mut rest).split_at_mut(bytes.len() / dtype.size_bytes());
        outgrow_checkpoint::dtype::decode_into(bytes, dtype, piece);
        rest = after;
    })?;
    Ok((values, dtype))
}
