//! The values of an [`Origin`], row by row, so that a large tensor is never whole in memory. It writes nothing.

use std::ops::Range;

use outgrow_checkpoint::{HostTensor, NamedTensors, WeightFolder, decode_into};
use rayon::prelude::*;

use crate::{
    error::GrowthError,
    fresh::draw_row,
    origin::{Channels, Fill, Origin, Widening},
};

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
        let dtype = self.tensor(name).map_or(outgrow_checkpoint::Dtype::F32, |tensor| tensor.dtype);
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
    /// `product` is what is mapped times `rightᵀ`.
    Mapped {
        left: Option<&'a HostTensor>,
        product: Vec<f32>,
    },
}

impl<'a, S: SourceRows> Values<'a, S> {
    /// Prepares a tensor of this shape.
    ///
    /// # Errors
    /// When the source lacks a tensor, or can't be read.
    pub fn new(origin: &'a Origin, shape: &[usize], source: &'a S) -> Result<Self, GrowthError> {
        let (rows, columns) = rows_and_columns(shape);
        Ok(Self { node: Node::new(origin, rows, columns, source)?, columns, source })
    }

    /// Fills `values` with whole rows.
    ///
    /// # Errors
    /// When the source can't be read.
    pub fn fill(&self, rows: Range<usize>, values: &mut [f32]) -> Result<(), GrowthError> {
        debug_assert_eq!(values.len(), rows.len() * self.columns, "whole rows");
        // Rows of vectors are single numbers: not worth a task each.
        let rows_a_task = (1 << 14) / self.columns.max(1) + 1;
        values.par_chunks_mut(self.columns * rows_a_task).enumerate().try_for_each(|(task, values)| {
            let first = rows.start + task * rows_a_task;
            values
                .chunks_exact_mut(self.columns)
                .enumerate()
                .try_for_each(|(index, values)| self.node.row(self.source, first + index, values))
        })
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
                let of = Self::new(
                    of,
                    reach(widening.rows.as_ref(), rows),
                    reach(widening.columns.as_ref(), columns),
                    source,
                )?;
                let inner_columns = of.columns().unwrap_or(reach(widening.columns.as_ref(), columns));
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
                let product = of.times(source, inner_rows, inner_columns, right.as_deref(), columns)?;
                Self::Mapped { left: left.as_deref(), product }
            }
        })
    }

    /// How long a row is, where the node knows it.
    fn columns(&self) -> Option<usize> {
        match self {
            Self::Source { columns, .. } => Some(*columns),
            Self::Fresh(_) | Self::Mapped { .. } => None,
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
            Self::Sum(terms) => {
                values.fill(0.0);
                let mut one = vec![0.0; values.len()];
                for (weight, term) in terms {
                    term.row(source, row, &mut one)?;
                    values.iter_mut().zip(&one).for_each(|(value, one)| *value += weight * one);
                }
                Ok(())
            }
            Self::Mapped { left: None, product } => {
                values.copy_from_slice(&product[row * values.len()..][..values.len()]);
                Ok(())
            }
            Self::Mapped { left: Some(left), product } => {
                values.fill(0.0);
                let weights = &left.values[row * left.shape[1]..][..left.shape[1]];
                for (weight, inner) in weights.iter().zip(product.chunks_exact(values.len())) {
                    if *weight != 0.0 {
                        values.iter_mut().zip(inner).for_each(|(value, inner)| *value += weight * inner);
                    }
                }
                Ok(())
            }
        }
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

    /// The whole of it times `rightᵀ`, `[rows, columns]`.
    fn times<S: SourceRows>(
        &self,
        source: &S,
        rows: usize,
        inner_columns: usize,
        right: Option<&HostTensor>,
        columns: usize,
    ) -> Result<Vec<f32>, GrowthError> {
        let mut product = vec![0.0; rows * columns];
        product.par_chunks_exact_mut(columns).enumerate().try_for_each(|(row, values)| {
            let Some(right) = right else { return self.row(source, row, values) };
            let mut inner = vec![0.0; inner_columns];
            self.row(source, row, &mut inner)?;
            for (value, weights) in values.iter_mut().zip(right.values.chunks_exact(inner_columns)) {
                *value = weights.iter().zip(&inner).map(|(weight, inner)| weight * inner).sum();
            }
            Ok(())
        })?;
        Ok(product)
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
