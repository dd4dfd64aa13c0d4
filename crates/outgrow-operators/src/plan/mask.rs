//! What a mask does: how far each kind of units is let in, and what the tensors of a model are multiplied by. The one
//! definition of it: a folder's mask is folded in by these numbers, and training multiplies by them in every pass.
//!
//! At mask `m` a masked layer, channel, neuron or head puts out `m` times what its weights say (arXiv 2405.15319, A.5).
//! That is a factor of columns of the embedding, and of rows and columns of what writes the residual stream. So 1 is
//! the model as its weights are.
//!
//! Where what is masked are copies, the weights of what reads a unit are divided among it and its copies. The unit's
//! own share is `s`; it is read `(1 − m(1 − s)) / s` times, which is whole at 0, and with the copies' shares times `m`
//! the same sum at every `m`. Channels are so read by the gains of the norms, neurons and heads by the columns of
//! `down_proj` and `o_proj`. The norms' mean square is over the copies too. With the part `p` of the channels that are
//! no copies, it is `p + m²(1 − p)` of what it is at 1, if all are copied equally often. The gains have the root of
//! that as a factor, and epsilon itself. At 0 all of this is exact for any multiplicities.

use std::sync::Arc;

use outgrow_checkpoint::{LlamaConfig, tensor_names::layer_index};
use serde::{Deserialize, Serialize};

use crate::plan::{
    masked_units::{Copies, MaskedUnits, Share},
    part::Part,
};

/// How far each kind of units is let in, from 0, closed, to 1, which is open. Written as one number where all are the
/// same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct MaskValues {
    /// Whole layers.
    pub layers: f64,
    /// Channels of the residual stream.
    pub hidden_size: f64,
    /// Neurons of the feed-forward networks.
    pub intermediate_size: f64,
    /// Query heads.
    pub num_attention_heads: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a number, or one for each of `layers`, `hidden_size`, `intermediate_size`, `num_attention_heads`"
)]
enum Written {
    One(f64),
    Each(Each),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Each {
    layers: f64,
    hidden_size: f64,
    intermediate_size: f64,
    num_attention_heads: f64,
}

impl From<Written> for MaskValues {
    fn from(written: Written) -> Self {
        match written {
            Written::One(value) => Self::all(value),
            Written::Each(Each { layers, hidden_size, intermediate_size, num_attention_heads }) => {
                Self { layers, hidden_size, intermediate_size, num_attention_heads }
            }
        }
    }
}

impl From<MaskValues> for Written {
    fn from(values: MaskValues) -> Self {
        if let Some(value) = values.one() {
            return Self::One(value);
        }
        let MaskValues { layers, hidden_size, intermediate_size, num_attention_heads } = values;
        Self::Each(Each { layers, hidden_size, intermediate_size, num_attention_heads })
    }
}

impl MaskValues {
    /// All kinds of units equally far.
    pub fn all(value: f64) -> Self {
        Self { layers: value, hidden_size: value, intermediate_size: value, num_attention_heads: value }
    }

    /// How far all are let in, where they are equally far.
    pub fn one(&self) -> Option<f64> {
        let [first, rest @ ..] = self.list();
        rest.iter().all(|value| value.to_bits() == first.to_bits()).then_some(first)
    }

    /// In the order of the fields.
    pub(crate) fn list(&self) -> [f64; 4] {
        [self.layers, self.hidden_size, self.intermediate_size, self.num_attention_heads]
    }
}

impl std::fmt::Display for MaskValues {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(value) = self.one() {
            return write!(formatter, "{value}");
        }
        let Self { layers, hidden_size, intermediate_size, num_attention_heads } = self;
        write!(
            formatter,
            "{layers} (layers), {hidden_size} (hidden_size), {intermediate_size} (intermediate_size), \
             {num_attention_heads} (num_attention_heads)"
        )
    }
}

/// What the tensors of a model are multiplied by.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskFactors {
    /// What writes a channel, outside masked layers and within them.
    written: [Option<Arc<[f32]>>; 2],
    /// The layers behind the mask.
    layers: Vec<[usize; 2]>,
    /// Columns of `o_proj`.
    heads: Option<Arc<[f32]>>,
    /// Columns of `down_proj`.
    neurons: Option<Arc<[f32]>>,
    /// Gains of the norms in the layers.
    gains: Option<Arc<[f32]>>,
    /// Gains of the norm before the head.
    final_gains: Option<Arc<[f32]>>,
    rms_norm_eps: f64,
}

/// What the rows and the columns of one tensor are multiplied by; `None` where all stay as they are. A vector has rows
/// only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TensorFactors {
    /// A factor for each row.
    pub rows: Option<Arc<[f32]>>,
    /// A factor for each column.
    pub columns: Option<Arc<[f32]>>,
}

impl MaskFactors {
    /// Of the units of a model, let in so far.
    pub fn new(units: &MaskedUnits, values: MaskValues, model: &LlamaConfig) -> Self {
        let shares =
            |of: fn(&Copies) -> &Vec<Share>| units.copies.as_ref().map_or(&[][..], |copies| of(copies));
        let mut hidden = vec![1.0; model.hidden_size];
        let_in(&mut hidden, &units.hidden_size, values.hidden_size, 1);
        let mut neurons = vec![1.0; model.intermediate_size];
        let_in(&mut neurons, &units.intermediate_size, values.intermediate_size, 1);
        read_whole(&mut neurons, shares(|copies| &copies.intermediate_size), values.intermediate_size, 1);
        let (head_dim, value) = (model.head_dim, values.num_attention_heads);
        let mut heads = vec![1.0; model.num_attention_heads * head_dim];
        let_in(&mut heads, &units.num_attention_heads, value, head_dim);
        read_whole(&mut heads, shares(|copies| &copies.num_attention_heads), value, head_dim);

        let part = units.copies.as_ref().map_or(1.0, |copies| copies.mean_square);
        let mean_square = part + values.hidden_size * values.hidden_size * (1.0 - part);
        let gains = |shares: &[Share]| {
            let mut gains = vec![mean_square.sqrt(); model.hidden_size];
            read_whole(&mut gains, shares, values.hidden_size, 1);
            factors(&gains)
        };
        // A tied head reads every copy whole; there the final norm has the shares, and they are equal.
        let before_head: fn(&Copies) -> &Vec<Share> =
            if model.tie_word_embeddings { |copies| &copies.tied_head } else { |copies| &copies.hidden_size };
        let within: Vec<f64> = hidden.iter().map(|factor| factor * values.layers).collect();
        Self {
            written: [factors(&hidden), factors(&within)],
            layers: units.layers.clone(),
            heads: factors(&heads),
            neurons: factors(&neurons),
            gains: gains(shares(|copies| &copies.hidden_size)),
            final_gains: gains(shares(before_head)),
            rms_norm_eps: model.rms_norm_eps * mean_square,
        }
    }

    /// Of the tensor of this name. A tied head is none of its own: it reads the embedding without its factors.
    pub fn of(&self, name: &str) -> TensorFactors {
        let is_masked = |layer: usize| self.layers.iter().any(|[first, end]| (*first..*end).contains(&layer));
        let is_masked = layer_index(name).is_some_and(is_masked);
        let written = || self.written[usize::from(is_masked)].clone();
        let (rows, columns) = match Part::of(name) {
            Some(Part::Embedding) => (None, written()),
            Some(Part::Norm) => (self.gains.clone(), None),
            Some(Part::FinalNorm) => (self.final_gains.clone(), None),
            Some(Part::Output) => (written(), self.heads.clone()),
            Some(Part::OutputBias) => (written(), None),
            Some(Part::Down) => (written(), self.neurons.clone()),
            Some(
                Part::Query
                | Part::Key
                | Part::Value
                | Part::QueryBias
                | Part::KeyBias
                | Part::ValueBias
                | Part::Gate
                | Part::Up
                | Part::Head,
            )
            | None => (None, None),
        };
        TensorFactors { rows, columns }
    }

    /// What the norms add to the mean square.
    pub fn rms_norm_eps(&self) -> f64 {
        self.rms_norm_eps
    }
}

/// Lets masked units in, each of so many channels.
fn let_in(factors: &mut [f64], masked: &[[usize; 2]], value: f64, channels: usize) {
    for [first, end] in masked {
        factors[first * channels..end * channels].fill(value);
    }
}

/// Makes up for what copies don't put out.
fn read_whole(factors: &mut [f64], shares: &[Share], value: f64, channels: usize) {
    for Share { units: [first, end], share } in shares {
        let whole = (1.0 - value * (1.0 - share)) / share;
        factors[first * channels..end * channels].iter_mut().for_each(|factor| *factor *= whole);
    }
}

/// `None` where all are 1.
fn factors(factors: &[f64]) -> Option<Arc<[f32]>> {
    let factors: Arc<[f32]> = factors.iter().map(|factor| *factor as f32).collect();
    let is_one = |factor: &f32| factor.to_bits() == 1_f32.to_bits();
    (!factors.iter().all(is_one)).then_some(factors)
}
