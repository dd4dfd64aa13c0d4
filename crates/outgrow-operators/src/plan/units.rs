//! The units of a model, layers and channels and neurons and heads: where each one of a grown model comes from, and
//! which of them a mask can let in. What a mask does to tensors is in mask.rs.

use std::collections::BTreeSet;

use outgrow_checkpoint::LlamaConfig;

use crate::{
    error::GrowthError,
    plan::{
        depth::LayerOrigin,
        masked_units::{Copies, MaskedUnits, Share},
        widen::Style,
        width::{ChannelMap, WidthMaps},
    },
};

/// Where a unit of a grown model comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// From one of the source's.
    Of(usize),
    /// New, and let in whole.
    New,
    /// New, and let in by a mask.
    Masked,
}

/// A unit that has a width, with the part that it has of what reads its source. The parts of all copies add up to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Channel {
    unit: Unit,
    share: f64,
    /// The part that it has of what reads all copies alike, as a tied head does.
    equal_share: f64,
}

impl Channel {
    fn whole(unit: Unit) -> Self {
        Self { unit, share: 1.0, equal_share: 1.0 }
    }
}

/// All units of a grown model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Units {
    layers: Vec<Unit>,
    hidden: Vec<Channel>,
    neurons: Vec<Channel>,
    heads: Vec<Channel>,
    /// What part of the mean square over the channels is left where copies put out nothing.
    mean_square: f64,
    /// Whether the source's function is what the first copies alone compute, where it can be found in them.
    keeps_values: bool,
}

impl Units {
    /// Every unit where it was.
    pub(crate) fn unchanged(model: &LlamaConfig) -> Self {
        let channels = |size: usize| (0..size).map(|index| Channel::whole(Unit::Of(index)));
        Self {
            layers: (0..model.num_hidden_layers).map(Unit::Of).collect(),
            hidden: channels(model.hidden_size).collect(),
            neurons: channels(model.intermediate_size).collect(),
            heads: channels(model.num_attention_heads).collect(),
            mean_square: 1.0,
            keeps_values: true,
        }
    }

    /// Every unit where it was, with other values.
    pub(crate) fn changed(model: &LlamaConfig) -> Self {
        Self { keeps_values: false, ..Self::unchanged(model) }
    }

    /// Of a learned growth, which mixes units: what a mask was to let in is let in.
    pub(crate) fn mixed(model: &LlamaConfig) -> Self {
        let channels = |size: usize| vec![Channel::whole(Unit::New); size];
        Self {
            layers: vec![Unit::New; model.num_hidden_layers],
            hidden: channels(model.hidden_size),
            neurons: channels(model.intermediate_size),
            heads: channels(model.num_attention_heads),
            mean_square: 1.0,
            keeps_values: false,
        }
    }

    /// Of a growth in depth. Fresh layers are behind a mask; layers that add nothing need none.
    pub(crate) fn of_layers(model: &LlamaConfig, layers: &[LayerOrigin]) -> Self {
        let unit = |layer: &LayerOrigin| match layer {
            LayerOrigin::Copy(source) => Unit::Of(*source),
            LayerOrigin::Identity(_) => Unit::New,
            LayerOrigin::Fresh => Unit::Masked,
        };
        Self { layers: layers.iter().map(unit).collect(), ..Self::unchanged(model) }
    }

    /// Of a growth in width.
    pub(crate) fn of_width(
        source: &LlamaConfig,
        target: &LlamaConfig,
        maps: &WidthMaps,
        style: Style,
    ) -> Self {
        let new = if matches!(style, Style::Random { .. }) { Unit::Masked } else { Unit::New };
        let share = match style {
            Style::Split { share } => share,
            Style::Above | Style::Zero { .. } | Style::Random { .. } => None,
        };
        let channels = |map: &ChannelMap, size: usize| {
            let shares = map.shares(share).into_iter().zip(map.shares(None));
            let each = map.sources().iter().zip(shares).step_by(size);
            each.map(|(source, (share, equal_share))| Channel {
                unit: source.map_or(new, |one| Unit::Of(one / size)),
                share,
                equal_share,
            })
            .collect()
        };
        Self {
            hidden: channels(&maps.hidden, 1),
            neurons: channels(&maps.neurons, 1),
            heads: channels(&maps.queries, source.head_dim),
            mean_square: match style {
                Style::Split { .. } | Style::Above => source.hidden_size as f64 / target.hidden_size as f64,
                // Their gains make up for it at once.
                Style::Zero { .. } | Style::Random { .. } => 1.0,
            },
            ..Self::unchanged(source)
        }
    }

    /// Those of this growth, on a model whose own units come from `earlier`.
    pub(crate) fn over(&self, earlier: &Self) -> Self {
        let unit = |units: &[Unit], unit: Unit| match unit {
            Unit::Of(source) => units[source],
            new => new,
        };
        let channels = |channels: &[Channel], earlier: &[Channel]| {
            let over = |channel: &Channel| match channel.unit {
                Unit::Of(source) => Channel {
                    unit: earlier[source].unit,
                    share: channel.share * earlier[source].share,
                    equal_share: channel.equal_share * earlier[source].equal_share,
                },
                Unit::New | Unit::Masked => *channel,
            };
            channels.iter().map(over).collect()
        };
        Self {
            layers: self.layers.iter().map(|one| unit(&earlier.layers, *one)).collect(),
            hidden: channels(&self.hidden, &earlier.hidden),
            neurons: channels(&self.neurons, &earlier.neurons),
            heads: channels(&self.heads, &earlier.heads),
            mean_square: self.mean_square * earlier.mean_square,
            keeps_values: self.keeps_values && earlier.keeps_values,
        }
    }

    /// Those behind a mask because they are fresh.
    pub(crate) fn fresh(&self) -> MaskedUnits {
        let layers = self.layers.iter().map(|unit| *unit == Unit::Masked);
        let channels =
            |channels: &[Channel]| places(channels.iter().map(|channel| channel.unit == Unit::Masked));
        MaskedUnits {
            layers: places(layers),
            hidden_size: channels(&self.hidden),
            intermediate_size: channels(&self.neurons),
            num_attention_heads: channels(&self.heads),
            copies: None,
        }
    }

    /// Those that a mask can let in, over a source of so many layers.
    pub(crate) fn maskable(&self, source_layers: usize, is_tied: bool) -> Result<MaskedUnits, Unmaskable> {
        let fresh = self.fresh();
        if !fresh.is_empty() {
            return Ok(fresh);
        }
        let copied = self.copied(is_tied);
        if copied.is_empty() || !self.keeps_values {
            return Err(Unmaskable::Nothing);
        }
        let layers = self.first_layers();
        if layers.iter().copied().eq(0..source_layers) {
            Ok(copied)
        } else {
            Err(Unmaskable::Disorder { layers, source_layers })
        }
    }

    /// All copies of a unit but the first.
    fn copied(&self, is_tied: bool) -> MaskedUnits {
        let repeats = |units: &[Channel]| places(is_repeat(units.iter().map(|channel| channel.unit)));
        let share = |channel: &Channel| channel.share;
        let tied_head =
            if is_tied { firsts(&self.hidden, |channel| channel.equal_share) } else { Vec::new() };
        let copies = Copies {
            hidden_size: firsts(&self.hidden, share),
            intermediate_size: firsts(&self.neurons, share),
            num_attention_heads: firsts(&self.heads, share),
            tied_head,
            mean_square: self.mean_square,
        };
        MaskedUnits {
            layers: places(is_repeat(self.layers.iter().copied())),
            hidden_size: repeats(&self.hidden),
            intermediate_size: repeats(&self.neurons),
            num_attention_heads: repeats(&self.heads),
            copies: Some(copies).filter(|copies| !copies.are_none()),
        }
    }

    /// The source's layers that are there, by their first copies, from the bottom.
    fn first_layers(&self) -> Vec<usize> {
        let repeats = is_repeat(self.layers.iter().copied());
        let firsts = self.layers.iter().zip(repeats).filter(|(_, is_repeat)| !is_repeat);
        let source = |(unit, _): (&Unit, bool)| match unit {
            Unit::Of(source) => Some(*source),
            Unit::New | Unit::Masked => None,
        };
        firsts.filter_map(source).collect()
    }
}

/// Why no mask can let in what a growth makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unmaskable {
    /// There is nothing of that kind.
    Nothing,
    /// The source's layers aren't in their order, by their first copies.
    Disorder { layers: Vec<usize>, source_layers: usize },
}

impl From<Unmaskable> for GrowthError {
    fn from(unmaskable: Unmaskable) -> Self {
        match unmaskable {
            Unmaskable::Nothing => Self::NothingMasked,
            Unmaskable::Disorder { layers, source_layers } => Self::MaskedDisorder { layers, source_layers },
        }
    }
}

/// For each unit whether a mask can let it in: one that is fresh, or stands there before.
fn is_repeat(units: impl Iterator<Item = Unit>) -> impl Iterator<Item = bool> {
    let mut seen = BTreeSet::new();
    units.map(move |unit| match unit {
        Unit::Of(source) => !seen.insert(source),
        Unit::New => false,
        Unit::Masked => true,
    })
}

/// The first copies of those that are there more than once, with their shares.
fn firsts(channels: &[Channel], share: impl Fn(&Channel) -> f64) -> Vec<Share> {
    let mut shares: Vec<Share> = Vec::new();
    let repeats = is_repeat(channels.iter().map(|channel| channel.unit));
    for ((index, share), is_repeat) in channels.iter().map(share).enumerate().zip(repeats) {
        let is_shared = !is_repeat && share > 0.0 && share < 1.0;
        match shares.last_mut() {
            _ if !is_shared => {}
            Some(last) if last.units[1] == index && last.share.to_bits() == share.to_bits() => {
                last.units[1] += 1;
            }
            _ => shares.push(Share { units: [index, index + 1], share }),
        }
    }
    shares
}

/// The places of those that are, as ranges.
fn places(are: impl Iterator<Item = bool>) -> Vec<[usize; 2]> {
    let mut ranges: Vec<[usize; 2]> = Vec::new();
    for (index, _) in are.enumerate().filter(|(_, is)| *is) {
        match ranges.last_mut() {
            Some([_, end]) if *end == index => *end += 1,
            _ => ranges.push([index, index + 1]),
        }
    }
    ranges
}
