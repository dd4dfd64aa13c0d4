//! Which rows there are and what each sees, before any tensor.

use std::ops::Range;

use super::Onward;
use crate::cpu::kernels::buffers::Buffer;

/// Rows that follow each other in a text: a context, a continuation, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// How many.
    pub rows: usize,
    /// Where the first stands in its text.
    pub first_position: usize,
    /// Stored rows that all of them see, beside those of the span itself up to their own. Rows of the same call count
    /// as stored, behind those of the calls before; a span may only name spans in front of it.
    pub before: Range<usize>,
    /// How many of the last rows something is asked of.
    pub wanted: usize,
}

/// The rows of one call: spans one after the other, and zeros behind them up to a least number.
#[derive(Clone, Debug)]
pub struct Rows {
    spans: Vec<Span>,
    positions: Vec<u32>,
    wanted: Vec<u32>,
    least: usize,
}

impl Rows {
    /// Where a row's result must not depend on how many others there are, `least` is the number from which matrix
    /// products treat all rows alike: [`Self::ALIKE`]. Otherwise it is 1.
    pub fn new(spans: Vec<Span>, least: usize) -> Self {
        let mut positions = Vec::new();
        let mut wanted = Vec::new();
        for span in &spans {
            let first = positions.len();
            positions.extend((0..span.rows).map(|row| (span.first_position + row) as u32));
            wanted.extend((first + span.rows - span.wanted..first + span.rows).map(|row| row as u32));
        }
        positions.resize(positions.len().max(least), 0);
        Self { spans, positions, wanted, least }
    }

    /// Below so many rows, the matrix library sums in another order: gemm 0.19 does where rows and columns are both at
    /// most 64, and for one row alone.
    pub const ALIKE: usize = 72;

    /// All rows, those of zeros included.
    pub fn rows(&self) -> usize {
        self.positions.len()
    }

    /// The rows that something is asked of, in order, as indices of all.
    pub fn wanted(&self) -> &[u32] {
        &self.wanted
    }

    /// The spans.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    pub(super) fn positions(&self) -> &[u32] {
        &self.positions
    }

    pub(super) fn positions_of(&self, onward: Onward) -> Vec<u32> {
        match onward {
            Onward::All => self.positions.clone(),
            Onward::Wanted => {
                let mut positions: Vec<_> =
                    self.wanted.iter().map(|&row| self.positions[row as usize]).collect();
                positions.resize(positions.len().max(self.least), 0);
                positions
            }
        }
    }

    /// The wanted rows of `[rows, width]`, and zeros up to the least number.
    pub(super) fn gather(&self, all: &[f32], width: usize) -> Buffer {
        let mut gathered = Buffer::new(self.wanted.len().max(self.least) * width);
        let (rows, rest) = gathered.split_at_mut(self.wanted.len() * width);
        for (target, &row) in rows.chunks_exact_mut(width).zip(&self.wanted) {
            target.copy_from_slice(&all[row as usize * width..][..width]);
        }
        rest.fill(0.0);
        gathered
    }
}
