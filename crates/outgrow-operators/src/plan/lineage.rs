//! What of a grown model goes on from the source, what is new, and what is a copy of what: by tensors, and by rows and
//! columns within them. It follows from the plan alone; what training makes of either is measured elsewhere.
//!
//! Of several copies the first is the one that goes on, from the bottom and from the first channel, as under
//! [`Moments::KeepOld`](super::Moments::KeepOld).

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use crate::plan::origin::{Channels, Origin, PlannedTensor};

/// What of a grown model is new, and which parts are copies of each other:
/// [`GrowthPlan::lineage`](super::GrowthPlan::lineage).
#[derive(Clone, Debug, PartialEq)]
pub struct Lineage {
    tensors: BTreeMap<String, TensorLineage>,
}

/// One tensor of a grown model.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorLineage {
    /// What of it is new.
    pub new: NewPart,
    /// The tensor that it is a later copy of.
    pub first: Option<String>,
    /// Its own rows or columns that are copies of each other; rows where both are.
    pub channels: Option<ChannelCopies>,
    rows: usize,
    columns: usize,
}

/// What of a tensor is new.
#[derive(Clone, Debug, PartialEq)]
pub enum NewPart {
    /// None of it: each value is one of the source's, or was.
    Nothing,
    /// All of it.
    Everything,
    /// What lies in a new row or in a new column.
    Lines {
        /// Whether each row is new.
        rows: Arc<[bool]>,
        /// Whether each column is new.
        columns: Arc<[bool]>,
    },
    /// Every value is made of several of the source's, as learned growth makes them: none is old, and none is new.
    Mixed,
}

/// Rows or columns of a tensor that are made of the same of the source: the first of them, and a later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelCopies {
    /// Rows.
    Rows(Vec<[usize; 2]>),
    /// Columns.
    Columns(Vec<[usize; 2]>),
}

impl Lineage {
    pub(crate) fn new(tensors: &[PlannedTensor]) -> Self {
        let mut firsts: BTreeMap<&str, &str> = BTreeMap::new();
        let mut lineages = BTreeMap::new();
        for tensor in tensors {
            let lines = lines(&tensor.origin);
            let source = tensor.origin.first_source().filter(|_| lines.is_ok());
            let first = source.map(|source| *firsts.entry(source).or_insert(&tensor.name));
            let first = first.filter(|first| *first != tensor.name).map(str::to_owned);
            let (rows, columns) = (tensor.shape[0], tensor.shape.get(1).copied().unwrap_or(1));
            let (new, channels) = match &lines {
                Err(Unlike::Mixed) => (NewPart::Mixed, None),
                Err(Unlike::Fresh) => (NewPart::Everything, None),
                Ok(_) if first.is_some() => (NewPart::Everything, None),
                Ok(lines) => (lines.new_part(rows, columns), lines.copies()),
            };
            lineages.insert(tensor.name.clone(), TensorLineage { new, first, channels, rows, columns });
        }
        Self { tensors: lineages }
    }

    /// That of the tensor of this name.
    pub fn of(&self, name: &str) -> Option<&TensorLineage> {
        self.tensors.get(name)
    }

    /// All tensors of the grown model, by name.
    pub fn tensors(&self) -> &BTreeMap<String, TensorLineage> {
        &self.tensors
    }

    /// Whether any value is new.
    pub fn has_new_parts(&self) -> bool {
        self.tensors.values().any(|tensor| matches!(tensor.new, NewPart::Everything | NewPart::Lines { .. }))
    }
}

impl TensorLineage {
    /// How many of its values are new.
    pub fn num_new(&self) -> u64 {
        let all = (self.rows * self.columns) as u64;
        match &self.new {
            NewPart::Nothing | NewPart::Mixed => 0,
            NewPart::Everything => all,
            NewPart::Lines { rows, columns } => {
                let old = |lines: &[bool]| lines.iter().filter(|is_new| !**is_new).count() as u64;
                all - old(rows) * old(columns)
            }
        }
    }

    /// How many of its values go on from the source.
    pub fn num_old(&self) -> u64 {
        match self.new {
            NewPart::Mixed => 0,
            NewPart::Nothing | NewPart::Everything | NewPart::Lines { .. } => {
                (self.rows * self.columns) as u64 - self.num_new()
            }
        }
    }

    /// For each value, row by row, `new` where it is new and `old` elsewhere; `None` where all are of one kind.
    pub fn values<T: Copy>(&self, old: T, new: T) -> Option<Vec<T>> {
        let NewPart::Lines { rows, columns } = &self.new else { return None };
        // Whole rows at a time: a training step that is measured makes such a list of every parameter.
        let row: Vec<T> = columns.iter().map(|is_new| if *is_new { new } else { old }).collect();
        let new_row = vec![new; row.len()];
        let mut values = Vec::with_capacity(rows.len() * row.len());
        for is_new_row in rows.iter() {
            values.extend_from_slice(if *is_new_row { &new_row } else { &row });
        }
        Some(values)
    }
}

/// For each row and column that of the source, `None` where it is new; all as they are where there is no list.
#[derive(Default)]
struct Lines {
    rows: Option<Vec<Option<usize>>>,
    columns: Option<Vec<Option<usize>>>,
}

/// Why a tensor has no rows and columns of the source.
#[derive(Clone, Copy, PartialEq)]
enum Unlike {
    Fresh,
    Mixed,
}

fn lines(origin: &Origin) -> Result<Lines, Unlike> {
    match origin {
        Origin::Copy { .. } => Ok(Lines::default()),
        Origin::Fresh(_) => Err(Unlike::Fresh),
        Origin::Mapped { .. } => Err(Unlike::Mixed),
        Origin::Widened { of, widening } => {
            let Lines { rows, columns } = lines(of)?;
            Ok(Lines {
                rows: over(widening.rows.as_ref(), rows),
                columns: over(widening.columns.as_ref(), columns),
            })
        }
        Origin::Sum { .. } if origin.is_silenced() => Err(Unlike::Fresh),
        Origin::Sum { terms } => {
            // Noise makes nothing new.
            let mut made = terms.iter().filter(|(_, term)| lines(term).err() != Some(Unlike::Fresh));
            let Some((weight, first)) = made.next() else { return Err(Unlike::Fresh) };
            // Pieces that lie beside each other: the first has the tensor's own rows.
            let is_piece = |weight: f64, term: &Origin| {
                weight.to_bits() == 1_f64.to_bits() && matches!(term, Origin::Widened { .. })
            };
            let mut others = made.peekable();
            let are_pieces = others.peek().is_none()
                || is_piece(*weight, first) && others.all(|(weight, term)| is_piece(*weight, term));
            if are_pieces { lines(first) } else { Err(Unlike::Mixed) }
        }
    }
}

/// Channels of a tensor whose own come from `inner`.
fn over(channels: Option<&Channels>, inner: Option<Vec<Option<usize>>>) -> Option<Vec<Option<usize>>> {
    let Some(channels) = channels else { return inner };
    let source = |source: usize| inner.as_ref().map_or(Some(source), |inner| inner[source]);
    Some(channels.iter().map(|channel| channel.as_ref().and_then(|channel| source(channel.source))).collect())
}

impl Lines {
    fn new_part(&self, rows: usize, columns: usize) -> NewPart {
        let are_new = |sources: &Option<Vec<Option<usize>>>, size: usize| -> Arc<[bool]> {
            let Some(sources) = sources else { return vec![false; size].into() };
            let mut firsts = BTreeMap::new();
            let is_new = |(index, source): (usize, &Option<usize>)| {
                source.is_none_or(|source| *firsts.entry(source).or_insert(index) != index)
            };
            sources.iter().enumerate().map(is_new).collect()
        };
        let (rows, columns) = (are_new(&self.rows, rows), are_new(&self.columns, columns));
        if rows.iter().chain(columns.iter()).any(|is_new| *is_new) {
            NewPart::Lines { rows, columns }
        } else {
            NewPart::Nothing
        }
    }

    fn copies(&self) -> Option<ChannelCopies> {
        let rows = pairs(self.rows.as_ref());
        if !rows.is_empty() {
            return Some(ChannelCopies::Rows(rows));
        }
        let columns = pairs(self.columns.as_ref());
        (!columns.is_empty()).then_some(ChannelCopies::Columns(columns))
    }
}

/// Each later copy, with the first.
fn pairs(sources: Option<&Vec<Option<usize>>>) -> Vec<[usize; 2]> {
    let mut firsts = BTreeMap::new();
    let mut pairs = Vec::new();
    for (index, source) in sources.into_iter().flatten().enumerate() {
        let Some(source) = source else { continue };
        match firsts.entry(*source) {
            Entry::Vacant(first) => {
                first.insert(index);
            }
            Entry::Occupied(first) => pairs.push([*first.get(), index]),
        }
    }
    pairs
}
