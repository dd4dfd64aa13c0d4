//! The sizes of a model that is grown in width, and where each of its channels, neurons and heads comes from. What that
//! means for a tensor is in widen.rs.

use std::sync::Arc;

use outgrow_checkpoint::{LlamaConfig, LlamaFields};

use crate::{
    error::GrowthError,
    growth::Width,
    plan::origin::{Channel, Channels},
};

/// Channels of one kind beyond those of any decoder; a bound, so that a slip in a size is an error and not an endless
/// allocation.
const LARGEST_WIDTH: usize = 1 << 20;

/// For each channel of the grown model, the channel of the source that it is made of; `None` where it is new.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ChannelMap {
    sources: Vec<Option<usize>>,
    source_size: usize,
}

impl ChannelMap {
    /// The source's channels again and again, from the first (the `R = [I I …]` of arXiv 2405.15319, A.3).
    fn repeated(source_size: usize, target_size: usize) -> Self {
        Self { sources: (0..target_size).map(|index| Some(index % source_size)).collect(), source_size }
    }

    /// The same with only the first of the copies of each channel; the others are new.
    fn without_copies(&self) -> Self {
        let firsts = self.firsts();
        let first =
            |(index, source): (usize, &Option<usize>)| source.filter(|source| firsts[*source] == index);
        Self { sources: self.sources.iter().enumerate().map(first).collect(), source_size: self.source_size }
    }

    /// The channel of the source for each channel.
    pub(crate) fn sources(&self) -> &[Option<usize>] {
        &self.sources
    }

    /// Every channel of a head for each head.
    fn of_heads(&self, head_dim: usize) -> Self {
        let channels = |head: &Option<usize>| {
            let head = *head;
            (0..head_dim).map(move |channel| head.map(|head| head * head_dim + channel))
        };
        let sources = self.sources.iter().flat_map(channels).collect();
        Self { sources, source_size: self.source_size * head_dim }
    }

    /// For each channel of the source, the first channel that is made of it.
    pub(crate) fn firsts(&self) -> Vec<usize> {
        let mut firsts = vec![usize::MAX; self.source_size];
        for (index, source) in self.sources.iter().enumerate() {
            if let Some(source) = source {
                firsts[*source] = firsts[*source].min(index);
            }
        }
        firsts
    }

    /// How often each channel of the source occurs.
    fn multiplicities(&self) -> Vec<usize> {
        let mut counts = vec![0; self.source_size];
        self.sources.iter().flatten().for_each(|source| counts[*source] += 1);
        counts
    }

    /// Whether every channel of the source occurs equally often.
    pub(crate) fn is_even(&self) -> bool {
        let counts = self.multiplicities();
        counts.windows(2).all(|pair| pair[0] == pair[1])
    }

    fn is_identity(&self) -> bool {
        self.sources.len() == self.source_size
            && self.sources.iter().enumerate().all(|(index, source)| *source == Some(index))
    }

    /// As rows of what writes into these channels: copies are whole. Their gradients are divided as what reads them is.
    pub(crate) fn written(&self, share: Option<f64>) -> Option<Channels> {
        let shares = self.shares(share);
        self.channels(|index| (1.0, shares[index] as f32))
    }

    /// As columns of what reads these channels: the copies' weights add up to the source's. The first gets `share`, the
    /// others the rest; all the same without it.
    pub(crate) fn read(&self, share: Option<f64>) -> Option<Channels> {
        let shares = self.shares(share);
        self.channels(|index| (shares[index] as f32, 1.0))
    }

    /// As gains that are made smaller or larger, all by the same number.
    pub(crate) fn scaled(&self, scale: f64) -> Option<Channels> {
        self.channels(|_| (scale as f32, (1.0 / scale) as f32))
    }

    /// As [`Self::written`], but only those that `keep` says, by index; the others are new.
    pub(crate) fn only(&self, keep: impl Fn(usize) -> bool) -> Channels {
        let shares = self.shares(None);
        let channel = |(index, source): (usize, &Option<usize>)| {
            let source = source.filter(|_| keep(index))?;
            Some(Channel { source, scale: 1.0, gradient: shares[index] as f32 })
        };
        self.sources.iter().enumerate().map(channel).collect()
    }

    /// The part of its source's readers that each channel has; 0 for new ones.
    pub(crate) fn shares(&self, share: Option<f64>) -> Vec<f64> {
        let (counts, firsts) = (self.multiplicities(), self.firsts());
        let of = |(index, source): (usize, &Option<usize>)| {
            let Some(source) = *source else { return 0.0 };
            let count = counts[source];
            match share {
                Some(share) if count > 1 && firsts[source] == index => share,
                Some(share) if count > 1 => (1.0 - share) / (count - 1) as f64,
                _ => 1.0 / count as f64,
            }
        };
        self.sources.iter().enumerate().map(of).collect()
    }

    /// Scale and gradient of each channel; `None` where nothing is changed.
    fn channels(&self, numbers: impl Fn(usize) -> (f32, f32)) -> Option<Channels> {
        let channel = |(index, source): (usize, &Option<usize>)| {
            let (scale, gradient) = numbers(index);
            source.map(|source| Channel { source, scale, gradient })
        };
        let channels: Vec<_> = self.sources.iter().enumerate().map(channel).collect();
        let is_unscaled = channels.iter().flatten().all(|channel| channel.scale.to_bits() == 1_f32.to_bits());
        if self.is_identity() && is_unscaled { None } else { Some(Arc::from(channels)) }
    }
}

/// Where everything that has a width comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WidthMaps {
    /// Channels of the residual stream.
    pub hidden: ChannelMap,
    /// Channels of the query heads.
    pub queries: ChannelMap,
    /// Channels of the key and value heads.
    pub keys: ChannelMap,
    /// Neurons of the feed-forward network.
    pub neurons: ChannelMap,
}

impl WidthMaps {
    /// Copies in everything that grows.
    pub(crate) fn repeated(source: &LlamaConfig, target: &LlamaConfig) -> Self {
        let (queries, keys) = heads(source, target);
        Self {
            hidden: ChannelMap::repeated(source.hidden_size, target.hidden_size),
            queries: queries.of_heads(source.head_dim),
            keys: keys.of_heads(source.head_dim),
            neurons: ChannelMap::repeated(source.intermediate_size, target.intermediate_size),
        }
    }

    /// What grows is new.
    pub(crate) fn padded(source: &LlamaConfig, target: &LlamaConfig) -> Self {
        let Self { hidden, queries, keys, neurons } = Self::repeated(source, target);
        let [hidden, queries, keys, neurons] =
            [hidden, queries, keys, neurons].map(|map| map.without_copies());
        Self { hidden, queries, keys, neurons }
    }
}

/// Query and key-value heads. Where the groups stay as large as they are, whole groups are added; where the key-value
/// heads stay, each group gets more queries; where only they grow, each is copied for a part of its queries.
fn heads(source: &LlamaConfig, target: &LlamaConfig) -> (ChannelMap, ChannelMap) {
    let (source_keys, target_keys) = (source.num_key_value_heads, target.num_key_value_heads);
    let source_group = source.num_attention_heads / source_keys;
    let target_group = target.num_attention_heads / target_keys;
    // Where only the key-value heads grow, the copies stand beside each other.
    let parts = if target_group < source_group { source_group / target_group } else { 1 };
    let key = |index: usize| if parts > 1 { index / parts } else { index % source_keys };
    let query = |index: usize| {
        if parts > 1 {
            index
        } else {
            key(index / target_group) * source_group + (index % target_group) % source_group
        }
    };
    let map = |size: usize, source_size, source_of: &dyn Fn(usize) -> usize| ChannelMap {
        sources: (0..size).map(|index| Some(source_of(index))).collect(),
        source_size,
    };
    (map(target.num_attention_heads, source.num_attention_heads, &query), map(target_keys, source_keys, &key))
}

/// The grown model's configuration.
///
/// # Errors
/// Every size that shrinks, and heads that can't be grown in whole groups.
pub(crate) fn widened(source: &LlamaConfig, width: &Width) -> Result<LlamaConfig, GrowthError> {
    let target = LlamaFields {
        hidden_size: width.hidden_size.unwrap_or(source.hidden_size),
        intermediate_size: width.intermediate_size.unwrap_or(source.intermediate_size),
        num_attention_heads: width.num_attention_heads.unwrap_or(source.num_attention_heads),
        num_key_value_heads: width.num_key_value_heads.unwrap_or(source.num_key_value_heads),
        ..source.clone().into_fields()
    };
    let sizes = [
        ("hidden_size", source.hidden_size, target.hidden_size),
        ("intermediate_size", source.intermediate_size, target.intermediate_size),
        ("num_attention_heads", source.num_attention_heads, target.num_attention_heads),
        ("num_key_value_heads", source.num_key_value_heads, target.num_key_value_heads),
    ];
    let mut problems: Vec<String> = sizes
        .iter()
        .filter(|(_, source, target)| target < source)
        .map(|(key, source, target)| format!("`{key}` = {target} is less than the source's {source}"))
        .collect();
    let channels = [1, 1, source.head_dim, source.head_dim];
    for ((key, _, target), channels) in sizes.iter().zip(channels) {
        let largest = LARGEST_WIDTH / channels.max(1);
        if *target > largest {
            problems.push(format!("`{key}` = {target}: at most {largest} are possible"));
        }
    }
    if !problems.is_empty() {
        return Err(GrowthError::Width { problems: problems.join("; ") });
    }
    let target = LlamaConfig::new(target).map_err(GrowthError::of_target)?;
    match ungrouped(source, &target) {
        None => Ok(target),
        Some(problem) => Err(GrowthError::Width { problems: problem }),
    }
}

/// Why the heads can't be grown, if they can't.
fn ungrouped(source: &LlamaConfig, target: &LlamaConfig) -> Option<String> {
    let [(heads, keys), (target_heads, target_keys)] =
        [source, target].map(|model| (model.num_attention_heads, model.num_key_value_heads));
    let same_group = heads / keys == target_heads / target_keys;
    let only_keys = heads == target_heads && target_keys.is_multiple_of(keys);
    if same_group || keys == target_keys || only_keys {
        return None;
    }
    Some(format!(
        "{heads} heads in {keys} groups can't become {target_heads} in {target_keys} in one step: grow by whole groups of {}, \
         or only the heads, or only the groups by a whole factor",
        heads / keys
    ))
}
