//! The values of an [`Origin`], row by row, so that a large tensor is never whole in memory. It writes nothing.

use std::ops::Range;

use outgrow_checkpoint::{Dtype, HostTensor, NamedTensors, WeightFolder, dtype::decode_into};
use rayon::prelude::*;

use crate::{
    error::GrowthError,
    execute::products::{ROWS_AT_ONCE, times, times_transposed},
    plan::{
        draw::draw_row,
        origin::{Channels, Fill, Origin, Widening},
    },
};

/// Values of a computed tensor that are in memory at a time.
pub(crate) const VALUES_AT_ONCE: usize = 1 << 20;

/// A source of tensors whose rows can be read.
pub(crate) trait SourceRows: Sync {
    /// The shape of a tensor.
    fn shape(&self, name: &str) -> Option<&[usize]>;

    /// Reads one row. `values` is as long as a row.
    fn read_row(&self, name: &str, row: usize, values: &mut [f32]) -> Result<(), GrowthError>;
}

impl SourceRows for NamedTensors {
    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.get(name).map(|tensor| tensor.shape.as_slice())
    }

    fn read_row(&self, name: &str, row: usize, values: &mut [f32]) -> Result<(), GrowthError> {
        values.copy_from_slice(&self[name].values[row * values.len()..][..values.len()]);
        Ok(())
    }
}

impl SourceRows for WeightFolder {
    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensor(name).map(|tensor| tensor.shape.as_slice())
    }

    fn read_row(&self, name: &str, row: usize, values: &mut [f32]) -> Result<(), GrowthError> {
        let dtype = self.tensor(name).map_or(Some(Dtype::F32), |tensor| tensor.dtype.float());
        let dtype = dtype.ok_or_else(|| GrowthError::NoNumbers { name: name.to_owned() })?;
        // Read, not mapped: touched pages of a map would count as memory.
        let mut bytes = vec![0; values.len() * dtype.size_bytes()];
        self.read_into(name, (row * bytes.len()) as u64, &mut bytes)?;
        decode_into(&bytes, dtype, values);
        Ok(())
    }
}

/// Rows and columns of a shape; a vector has one column.
pub(crate) fn rows_and_columns(shape: &[usize]) -> (usize, usize) {
    match shape {
        [] => (1, 1),
        [rows, columns @ ..] => (*rows, columns.iter().product()),
    }
}

/// An origin, ready to give rows.
pub(crate) struct Values<'a, S> {
    node: Node<'a>,
    columns: usize,
    source: &'a S,
}

enum Node<'a> {
    Source {
        name: &'a str,
        columns: usize,
    },
    Fresh(&'a Fill),
    Widened {
        of: Box<Node<'a>>,
        widening: &'a Widening,
        inner_columns: usize,
    },
    Sum(Vec<(f32, Node<'a>)>),
    /// `left` times `product`, which is what is mapped times `rightᵀ`.
    Mapped {
        left: &'a HostTensor,
        product: Vec<f32>,
        columns: usize,
    },
    /// All values: of products whose rows are asked for one by one, in any order.
    Whole {
        values: Vec<f32>,
        columns: usize,
    },
    /// What is mapped times `rightᵀ`, and no more.
    MappedColumns {
        of: Box<Node<'a>>,
        right: &'a HostTensor,
    },
}

impl<'a, S: SourceRows> Values<'a, S> {
    /// Prepares a tensor of this shape.
    ///
    /// # Errors
    /// When the source lacks a tensor, or can't be read.
    pub(crate) fn new(origin: &'a Origin, shape: &[usize], source: &'a S) -> Result<Self, GrowthError> {
        let (rows, columns) = rows_and_columns(shape);
        Ok(Self { node: Node::new(origin, rows, columns, source)?, columns, source })
    }

    /// Fills `values` with whole rows.
    ///
    /// # Errors
    /// When the source can't be read.
    pub(crate) fn fill(&self, rows: Range<usize>, values: &mut [f32]) -> Result<(), GrowthError> {
        debug_assert_eq!(values.len(), rows.len() * self.columns, "whole rows");
        // Rows of vectors are single numbers: not worth a task each.
        let rows_a_task =
            if self.node.has_products() { ROWS_AT_ONCE } else { (1 << 14) / self.columns.max(1) + 1 };
        self.node.all_rows(self.source, rows.start, self.columns, rows_a_task, values)
    }
}

impl<'a> Node<'a> {
    /// `rows` and `columns` are those that are asked for; a tensor of the source may have others where it is widened.
    fn new<S: SourceRows>(
        origin: &'a Origin,
        rows: usize,
        columns: usize,
        source: &S,
    ) -> Result<Self, GrowthError> {
        Ok(match origin {
            Origin::Copy { source: name } => {
                let shape =
                    source.shape(name).ok_or_else(|| GrowthError::MissingTensor { name: name.clone() })?;
                let found = rows_and_columns(shape);
                if found.0 < rows || found.1 < columns {
                    let (found, expected) = (shape.to_vec(), vec![rows, columns]);
                    return Err(GrowthError::WrongShape { name: name.clone(), found, expected });
                }
                Self::Source { name, columns: found.1 }
            }
            Origin::Fresh(fill) => Self::Fresh(fill),
            Origin::Widened { of, widening } => {
                let inner_rows = reach(widening.rows.as_ref(), rows);
                let inner_columns = reach(widening.columns.as_ref(), columns);
                let of = Self::new(of, inner_rows, inner_columns, source)?;
                let inner_columns = of.columns().unwrap_or(inner_columns);
                let of = if of.has_products() { of.whole(inner_rows, inner_columns, source)? } else { of };
                Self::Widened { of: Box::new(of), widening, inner_columns }
            }
            Origin::Sum { terms } => {
                let term = |(weight, term): &'a (f64, Origin)| {
                    Ok((*weight as f32, Self::new(term, rows, columns, source)?))
                };
                Self::Sum(terms.iter().map(term).collect::<Result<_, GrowthError>>()?)
            }
            Origin::Mapped { of, left, right } => {
                let inner_rows = left.as_ref().map_or(rows, |left| left.shape[1]);
                let inner_columns = right.as_ref().map_or(columns, |right| right.shape[1]);
                let of = Self::new(of, inner_rows, inner_columns, source)?;
                let mapped = match right {
                    Some(right) => Self::MappedColumns { of: Box::new(of), right },
                    None => of,
                };
                let Some(left) = left else { return Ok(mapped) };
                let columns = mapped.columns().unwrap_or(columns);
                let mut product = vec![0.0; inner_rows * columns];
                mapped.all_rows(source, 0, columns, ROWS_AT_ONCE, &mut product)?;
                Self::Mapped { left, product, columns }
            }
        })
    }

    /// Whether rows are cheaper by the hundred.
    fn has_products(&self) -> bool {
        match self {
            Self::Mapped { .. } | Self::MappedColumns { .. } => true,
            Self::Sum(terms) => terms.iter().any(|(_, term)| term.has_products()),
            Self::Source { .. } | Self::Fresh(_) | Self::Whole { .. } | Self::Widened { .. } => false,
        }
    }

    /// The same with all values made.
    fn whole<S: SourceRows>(self, rows: usize, columns: usize, source: &S) -> Result<Self, GrowthError> {
        let mut values = vec![0.0; rows * columns];
        self.all_rows(source, 0, columns, ROWS_AT_ONCE, &mut values)?;
        Ok(Self::Whole { values, columns })
    }

    /// How long a row is, where the node knows it.
    fn columns(&self) -> Option<usize> {
        match self {
            Self::Source { columns, .. } | Self::Mapped { columns, .. } | Self::Whole { columns, .. } => {
                Some(*columns)
            }
            Self::Fresh(_) => None,
            Self::MappedColumns { right, .. } => Some(right.shape[0]),
            Self::Widened { widening, inner_columns, .. } => {
                Some(widening.columns.as_ref().map_or(*inner_columns, |channels| channels.len()))
            }
            Self::Sum(terms) => terms.iter().find_map(|(_, term)| term.columns()),
        }
    }

    fn row<S: SourceRows>(&self, source: &S, row: usize, values: &mut [f32]) -> Result<(), GrowthError> {
        match self {
            Self::Source { name, .. } => source.read_row(name, row, values),
            Self::Fresh(fill) => {
                fill_row(fill, row, values);
                Ok(())
            }
            Self::Widened { of, widening, inner_columns } => {
                of.widened_row(source, widening, *inner_columns, row, values)
            }
            Self::Whole { values: all, columns } => {
                values.copy_from_slice(&all[row * columns..][..values.len()]);
                Ok(())
            }
            Self::Sum(_) | Self::Mapped { .. } | Self::MappedColumns { .. } => {
                self.rows(source, row..row + 1, values.len(), values)
            }
        }
    }

    /// Whole rows, `columns` long; products are made of many at once.
    fn rows<S: SourceRows>(
        &self,
        source: &S,
        rows: Range<usize>,
        columns: usize,
        values: &mut [f32],
    ) -> Result<(), GrowthError> {
        match self {
            Self::Mapped { left, product, .. } => {
                let inner = left.shape[1];
                times(&left.values[rows.start * inner..rows.end * inner], inner, product, columns, values);
                Ok(())
            }
            Self::Sum(terms) => {
                let Some(((weight, first), rest)) = terms.split_first() else {
                    values.fill(0.0);
                    return Ok(());
                };
                // Not added to zero: that would lose the sign of one.
                first.rows(source, rows.clone(), columns, values)?;
                for value in values.iter_mut() {
                    *value *= weight;
                }
                let mut one = vec![0.0; if rest.is_empty() { 0 } else { values.len() }];
                for (weight, term) in rest {
                    term.rows(source, rows.clone(), columns, &mut one)?;
                    values.iter_mut().zip(&one).for_each(|(value, one)| *value += weight * one);
                }
                Ok(())
            }
            Self::MappedColumns { of, right } => {
                let inner = right.shape[1];
                let mut mapped = vec![0.0; rows.len() * inner];
                of.rows(source, rows, inner, &mut mapped)?;
                times_transposed(&mapped, inner, &right.values, columns, values);
                Ok(())
            }
            Self::Source { .. } | Self::Fresh(_) | Self::Widened { .. } | Self::Whole { .. } => {
                let each = values.chunks_exact_mut(columns).zip(rows);
                each.into_iter().try_for_each(|(values, row)| self.row(source, row, values))
            }
        }
    }

    /// Rows from `first` on, as many as `values` holds, on all threads.
    fn all_rows<S: SourceRows>(
        &self,
        source: &S,
        first: usize,
        columns: usize,
        rows_a_task: usize,
        values: &mut [f32],
    ) -> Result<(), GrowthError> {
        values.par_chunks_mut(columns * rows_a_task).enumerate().try_for_each(|(task, values)| {
            let first = first + task * rows_a_task;
            self.rows(source, first..first + values.len() / columns, columns, values)
        })
    }

    fn widened_row<S: SourceRows>(
        &self,
        source: &S,
        widening: &Widening,
        inner_columns: usize,
        row: usize,
        values: &mut [f32],
    ) -> Result<(), GrowthError> {
        let old_row = match &widening.rows {
            None => Some((row, 1.0)),
            Some(rows) => rows[row].map(|one| (one.source, one.scale)),
        };
        let Some((old_row, scale)) = old_row else {
            fill_around(&widening.new_rows, &widening.corner, widening.columns.as_ref(), row, values);
            return Ok(());
        };
        let mut inner = vec![0.0; inner_columns];
        self.row(source, old_row, &mut inner)?;
        match &widening.columns {
            None => values.iter_mut().zip(&inner).for_each(|(value, inner)| *value = scale * inner),
            Some(columns) => {
                if columns.iter().any(Option::is_none) {
                    fill_row(&widening.new_columns, row, values);
                }
                for (value, column) in values.iter_mut().zip(columns.iter()) {
                    if let Some(column) = column {
                        *value = scale * column.scale * inner[column.source];
                    }
                }
            }
        }
        Ok(())
    }
}

/// One more than the highest row or column that is asked for.
pub(crate) fn reach(channels: Option<&Channels>, size: usize) -> usize {
    channels.map_or(size, |channels| channels.iter().flatten().map(|one| one.source + 1).max().unwrap_or(0))
}

fn fill_row(fill: &Fill, row: usize, values: &mut [f32]) {
    match fill {
        Fill::Constant(constant) => values.fill(*constant),
        Fill::Normal { standard_deviation, seed, key } => {
            draw_row(*standard_deviation, *seed, key, row, values);
        }
    }
}

/// A new row: one fill in old columns, one in new ones.
fn fill_around(old: &Fill, new: &Fill, columns: Option<&Channels>, row: usize, values: &mut [f32]) {
    fill_row(old, row, values);
    if let Some(columns) = columns.filter(|columns| old != new && columns.iter().any(Option::is_none)) {
        let mut corner = vec![0.0; values.len()];
        fill_row(new, row, &mut corner);
        for (index, value) in values.iter_mut().enumerate() {
            if columns[index].is_none() {
                *value = corner[index];
            }
        }
    }
}
