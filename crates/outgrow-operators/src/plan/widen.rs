//! The operators in width: what each tensor of a wider model is made of, given where its channels come from.
//!
//! Equations: arXiv 2405.15319, A.3 (G_direct), A.4 (G_zero), A.5 (G_random); bert2BERT (arXiv 2110.07143) for AKI.

use std::collections::BTreeSet;

use outgrow_checkpoint::{
    LlamaConfig,
    tensor_names::{layer_index, with_layer_index},
};

use crate::plan::{
    fresh::fresh,
    origin::{Channels, Fill, Origin, Widening},
    part::Part,
    width::{ChannelMap, WidthMaps},
};

/// One growth in width, decided: everything that a tensor's origin depends on.
pub(crate) struct Widener<'a> {
    source: &'a LlamaConfig,
    target: &'a LlamaConfig,
    style: Style,
    hidden: Sides,
    queries: Sides,
    keys: Sides,
    neurons: Sides,
    /// The gains of the residual stream's norms, where they are made smaller.
    gains: Option<Channels>,
    /// What a tied head makes of copies of a channel, undone in the norm before it.
    divided: Option<Channels>,
}

/// One kind of channels as what writes them has it in its rows, and what reads them in its columns. Made once: all
/// tensors share them.
struct Sides {
    map: ChannelMap,
    written: Option<Channels>,
    read: Option<Channels>,
}

impl Sides {
    fn new(map: ChannelMap, style: Style) -> Self {
        let (written, read) = match style {
            Style::Split { share } => (map.written(share), map.read(share)),
            Style::Above => (map.written(None), map.read(None)),
            // What is new is read by fresh weights, so that old ones stay whole.
            Style::Zero { .. } | Style::Random { .. } => (map.written(None), map.written(None)),
        };
        Self { map, written, read }
    }
}

/// What becomes of new rows and columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Style {
    /// Copies; what reads them is divided.
    Split { share: Option<f64> },
    /// Copies, but of the layer above where they are outputs.
    Above,
    /// Zeros where a new channel is written from old ones.
    Zero { seed: u64 },
    /// Fresh everywhere.
    Random { seed: u64 },
}

impl<'a> Widener<'a> {
    pub(crate) fn new(
        source: &'a LlamaConfig,
        target: &'a LlamaConfig,
        maps: WidthMaps,
        style: Style,
    ) -> Self {
        let WidthMaps { hidden, queries, keys, neurons } = maps;
        // What is new leaves the sum of squares as it is, and the mean is over more channels.
        let shrinkage = source.hidden_size as f64 / target.hidden_size as f64;
        Self {
            gains: hidden.scaled(shrinkage.sqrt()),
            divided: hidden.read(None),
            hidden: Sides::new(hidden, style),
            queries: Sides::new(queries, style),
            keys: Sides::new(keys, style),
            neurons: Sides::new(neurons, style),
            source,
            target,
            style,
        }
    }

    /// What the tensor `name` is made of.
    pub(crate) fn origin(&self, part: Part, name: &str) -> Origin {
        match self.style {
            Style::Split { .. } => self.split(part, name),
            Style::Above => self.above(part, name),
            Style::Zero { seed } => self.padded(part, name, &|fill| self.zero_fills(part, fill), seed),
            Style::Random { seed } => {
                self.padded(part, name, &|fill| [fill.clone(), fill.clone(), fill], seed)
            }
        }
    }

    fn split(&self, part: Part, name: &str) -> Origin {
        let rows = match part {
            // A tied head sees every channel as often as it occurs; the norm before it makes up for that.
            Part::FinalNorm if self.source.tie_word_embeddings => self.divided.clone(),
            _ => self.rows(part).and_then(|side| side.written.clone()),
        };
        Origin::copy(name).widened(copies(rows, self.read_columns(part)))
    }

    /// The columns that the tensor reads; the embedding writes its own.
    fn read_columns(&self, part: Part) -> Option<Channels> {
        match part {
            Part::Embedding => self.hidden.written.clone(),
            _ => self.columns(part).and_then(|side| side.read.clone()),
        }
    }

    fn above(&self, part: Part, name: &str) -> Origin {
        let (Some(rows), Some(layer)) = (self.rows(part), layer_index(name)) else {
            return self.split(part, name);
        };
        let is_top = layer + 1 == self.source.num_hidden_layers;
        if part == Part::Norm || rows.written.is_none() || is_top {
            return self.split(part, name);
        }
        let firsts: BTreeSet<usize> = rows.map.firsts().into_iter().collect();
        let is_old = |index: usize| firsts.contains(&index);
        let columns = self.read_columns(part);
        let own = copies(Some(rows.map.only(is_old)), columns.clone());
        let upper = copies(Some(rows.map.only(|index| !is_old(index))), columns);
        let above = Origin::copy(with_layer_index(name, layer + 1)).widened(upper);
        Origin::sum([(1.0, Origin::copy(name).widened(own)), (1.0, above)])
    }

    /// The source's tensor in a corner, and fills around it: new columns, new rows, both.
    fn padded(&self, part: Part, name: &str, fills: &dyn Fn(Fill) -> [Fill; 3], seed: u64) -> Origin {
        let [new_columns, new_rows, corner] = fills(fresh(self.target, part, name, seed));
        let rows = match part {
            Part::Norm | Part::FinalNorm => self.gains.clone(),
            _ => self.rows(part).and_then(|side| side.written.clone()),
        };
        let columns = self.read_columns(part);
        Origin::copy(name).widened(Widening { rows, columns, new_columns, new_rows, corner })
    }

    /// A, B and C of `[[W, A], [O, C]]`. The embedding writes its columns, so its new ones are zero.
    ///
    /// Where the residual stream doesn't grow there is no C to wake new heads and neurons up: then they are fresh, and
    /// what reads them is zero. So it is with heads that join an old group: whatever they ask for, the values they get
    /// aren't zero.
    fn zero_fills(&self, part: Part, fill: Fill) -> [Fill; 3] {
        let is_wider = self.target.hidden_size > self.source.hidden_size;
        let joins = self.target.num_attention_heads > self.source.num_attention_heads
            && self.target.num_key_value_heads == self.source.num_key_value_heads;
        match part {
            Part::Output if joins => [Fill::ZERO, Fill::ZERO, Fill::ZERO],
            Part::Query if joins => [fill.clone(), fill.clone(), fill],
            Part::Embedding => [Fill::ZERO, Fill::ZERO, Fill::ZERO],
            Part::Norm | Part::FinalNorm => [fill.clone(), fill.clone(), fill],
            Part::Output | Part::Down if !is_wider => [Fill::ZERO, fill.clone(), fill],
            _ if !is_wider => [fill.clone(), fill.clone(), fill],
            _ => [fill.clone(), Fill::ZERO, fill],
        }
    }

    /// What the rows of a tensor are.
    fn rows(&self, part: Part) -> Option<&Sides> {
        match part {
            Part::Embedding | Part::Head => None,
            Part::Norm | Part::FinalNorm | Part::Output | Part::OutputBias | Part::Down => Some(&self.hidden),
            Part::Query | Part::QueryBias => Some(&self.queries),
            Part::Key | Part::Value | Part::KeyBias | Part::ValueBias => Some(&self.keys),
            Part::Gate | Part::Up => Some(&self.neurons),
        }
    }

    /// What the columns of a tensor are, where it reads them.
    fn columns(&self, part: Part) -> Option<&Sides> {
        match part {
            Part::Embedding
            | Part::Norm
            | Part::FinalNorm
            | Part::QueryBias
            | Part::KeyBias
            | Part::ValueBias
            | Part::OutputBias => None,
            Part::Query | Part::Key | Part::Value | Part::Gate | Part::Up | Part::Head => Some(&self.hidden),
            Part::Output => Some(&self.queries),
            Part::Down => Some(&self.neurons),
        }
    }
}

/// Rows and columns of the source; what is new is zero.
fn copies(rows: Option<Channels>, columns: Option<Channels>) -> Widening {
    Widening { rows, columns, new_columns: Fill::ZERO, new_rows: Fill::ZERO, corner: Fill::ZERO }
}
