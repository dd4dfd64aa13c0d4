//! How far copies have parted since a growth: the cosine between the weights of a copy and of the first. Computed on
//! the host in f64, so that it is the same on every device.

use std::collections::BTreeMap;

use outgrow_checkpoint::{HostTensor, tensor_names::name_in_layer};
use outgrow_model::Decoder;
use outgrow_operators::{ChannelCopies, Lineage, TensorLineage};
use serde::{Deserialize, Serialize};

/// Cosines between copies of one kind of tensor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopyCosines {
    /// How many later copies there are, each compared with the first.
    pub pairs: u64,
    /// The mean of their cosines; 1 where nothing has parted.
    pub mean: f64,
    /// The largest.
    pub largest: f64,
}

/// Cosines between all copies that a growth made, by the tensor's name without its layer: `self_attn.q_proj.weight`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GrowthCopies {
    /// Between layers that are copies of one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub layers: BTreeMap<String, CopyCosines>,
    /// Between rows, or else columns, of a tensor that are copies of one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub channels: BTreeMap<String, CopyCosines>,
}

impl GrowthCopies {
    /// As the weights are now; `None` where the growth made no copies.
    pub(crate) fn measure(lineage: &Lineage, decoder: &Decoder) -> Option<Self> {
        let has_copies =
            |(_, tensor): (_, &TensorLineage)| tensor.first.is_some() || tensor.channels.is_some();
        if !lineage.tensors().iter().any(has_copies) {
            return None;
        }
        let tensors = decoder.to_named_tensors();
        let (mut layers, mut channels) = (BTreeMap::new(), BTreeMap::new());
        for (name, lineage) in lineage.tensors() {
            let Some(tensor) = tensors.get(name) else { continue };
            let kind = name_in_layer(name);
            if let Some(first) = lineage.first.as_ref().and_then(|first| tensors.get(first)) {
                add(&mut layers, kind, [cosine(first.values.iter().zip(&tensor.values))]);
            }
            if let Some(copies) = &lineage.channels {
                add(&mut channels, kind, channel_cosines(tensor, copies));
            }
        }
        Some(Self { layers: finished(layers), channels: finished(channels) })
    }
}

/// Pairs, the sum of their cosines, and the largest.
type Sums<'a> = BTreeMap<&'a str, (u64, f64, f64)>;

/// What has no direction is no pair: a tensor that is zero.
fn add<'a>(sums: &mut Sums<'a>, kind: &'a str, cosines: impl IntoIterator<Item = Option<f64>>) {
    for cosine in cosines.into_iter().flatten() {
        let (pairs, sum, largest) = sums.entry(kind).or_insert((0, 0.0, f64::NEG_INFINITY));
        (*pairs, *sum, *largest) = (*pairs + 1, *sum + cosine, largest.max(cosine));
    }
}

fn finished(sums: Sums<'_>) -> BTreeMap<String, CopyCosines> {
    let mean = |(kind, (pairs, sum, largest)): (&str, (u64, f64, f64))| {
        (kind.to_owned(), CopyCosines { pairs, mean: sum / pairs as f64, largest })
    };
    sums.into_iter().map(mean).collect()
}

fn channel_cosines(tensor: &HostTensor, copies: &ChannelCopies) -> Vec<Option<f64>> {
    let columns = tensor.shape.get(1).copied().unwrap_or(1);
    let line = |index: usize| {
        let (first, step, length) = match copies {
            ChannelCopies::Rows(_) => (index * columns, 1, columns),
            ChannelCopies::Columns(_) => (index, columns, tensor.values.len() / columns),
        };
        tensor.values[first..].iter().step_by(step).take(length)
    };
    // A row of one value has no direction but its sign.
    let (ChannelCopies::Rows(pairs) | ChannelCopies::Columns(pairs)) = copies;
    let is_vector = tensor.shape.len() < 2;
    let pairs = if is_vector { &[][..] } else { pairs };
    pairs.iter().map(|[first, later]| cosine(line(*first).zip(line(*later)))).collect()
}

fn cosine<'a>(values: impl Iterator<Item = (&'a f32, &'a f32)>) -> Option<f64> {
    let (mut product, mut one, mut other) = (0.0, 0.0, 0.0);
    for (left, right) in values {
        let (left, right) = (f64::from(*left), f64::from(*right));
        product += left * right;
        one += left * left;
        other += right * right;
    }
    (one > 0.0 && other > 0.0).then(|| (product / (one.sqrt() * other.sqrt())).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cosine_is_of_directions() {
        let of = |one: &[f32], other: &[f32]| cosine(one.iter().zip(other));
        assert_eq!(of(&[3.0, 4.0], &[6.0, 8.0]), Some(1.0));
        assert_eq!(of(&[3.0, 0.0], &[0.0, 2.0]), Some(0.0));
        assert_eq!(of(&[1.0, 0.0], &[-2.0, 0.0]), Some(-1.0));
        assert_eq!(of(&[1.0, 0.0], &[0.0, 0.0]), None);
    }

    #[test]
    fn rows_and_columns_are_compared_as_such() {
        let tensor = HostTensor { shape: vec![2, 3], values: vec![1.0, 2.0, 2.0, 0.0, 3.0, 3.0] };
        assert_eq!(channel_cosines(&tensor, &ChannelCopies::Columns(vec![[1, 2]])), [Some(1.0)]);
        let rows = channel_cosines(&tensor, &ChannelCopies::Rows(vec![[0, 1]]));
        assert_eq!(rows, [Some(12.0 / (3.0 * 18_f64.sqrt()))]);
    }
}
