//! Between the layout of projections and that of attention, turning queries and keys by their positions on the way.
//!
//! A projection has the heads of one token side by side: `[batch, sequence, heads, head_dim]`. Attention reads one
//! head's tokens in a row: `[batch, heads, sequence, head_dim]`.

use rayon::prelude::*;

use super::{
    dispatch::vectorized,
    value::{Value, convert},
};

/// How the heads lie in a projection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Sequences.
    pub batch: usize,
    /// Tokens of a sequence.
    pub sequence: usize,
    /// Heads of a token.
    pub heads: usize,
    /// Values of a head, an even number.
    pub head_dim: usize,
}

impl Heads {
    /// Values of all heads of all tokens.
    pub fn elements(self) -> usize {
        self.batch * self.sequence * self.heads * self.head_dim
    }
}

/// Cosines and sines, `[positions, head_dim]` each, where both halves of a row hold the same angles.
#[derive(Clone, Copy, Debug)]
pub struct Angles<'a> {
    /// Cosines.
    pub cosines: &'a [f32],
    /// Sines.
    pub sines: &'a [f32],
}

/// Which columns of a token's row a projection's heads are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Columns before them.
    pub first: usize,
    /// All columns of a row.
    pub row_width: usize,
}

impl Columns {
    /// A row that has nothing but these heads.
    pub fn all(heads: Heads) -> Self {
        Self { first: 0, row_width: heads.heads * heads.head_dim }
    }
}

/// What becomes of a projection on the way from tokens to heads: a bias is added first, if there is one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turn<'a> {
    /// Turned forward by the positions: `[a·cos − b·sin, b·cos + a·sin]` for a head `[a, b]`.
    pub angles: Option<Angles<'a>>,
    /// `[heads · head_dim]`
    pub bias: Option<&'a [f32]>,
}

/// From tokens to heads.
pub fn split_heads<T: Value>(target: &mut [T], source: &[T], heads: Heads, columns: Columns, turn: Turn<'_>) {
    let Heads { sequence, heads: count, head_dim, .. } = heads;
    target.par_chunks_mut(sequence * head_dim).enumerate().for_each(|(index, target)| {
        let (batch, head) = (index / count, index % count);
        let bias = turn.bias.map(|bias| &bias[head * head_dim..][..head_dim]);
        vectorized(
            #[inline(always)]
            || {
                for (position, target) in target.chunks_exact_mut(head_dim).enumerate() {
                    let row = (batch * sequence + position) * columns.row_width;
                    let source = &source[row + columns.first + head * head_dim..][..head_dim];
                    match (turn.angles, bias) {
                        (Some(angles), None) => turn_head(target, source, angles, position, 1.0),
                        (None, None) => target.copy_from_slice(source),
                        (angles, Some(bias)) => add_and_turn(target, source, bias, angles, position),
                    }
                }
            },
        );
    });
}

/// From heads to tokens; turned back where there are angles, which is the gradient of turning forward.
pub fn merge_heads<T: Value>(
    target: &mut [T],
    source: &[f32],
    heads: Heads,
    columns: Columns,
    angles: Option<Angles<'_>>,
) {
    let Heads { sequence, heads: count, head_dim, .. } = heads;
    target.par_chunks_mut(columns.row_width).enumerate().with_min_len(16).for_each(|(token, row)| {
        let (batch, position) = (token / sequence, token % sequence);
        let target = &mut row[columns.first..][..count * head_dim];
        vectorized(
            #[inline(always)]
            || {
                for (head, target) in target.chunks_exact_mut(head_dim).enumerate() {
                    let start = ((batch * count + head) * sequence + position) * head_dim;
                    let source = &source[start..start + head_dim];
                    match angles {
                        Some(angles) => turn_head(target, source, angles, position, -1.0),
                        None => convert(target, source),
                    }
                }
            },
        );
    });
}

/// Turns rows in place, each of whatever number of heads side by side, by the position of each row.
pub(crate) fn turn_rows(values: &mut [f32], head_dim: usize, positions: &[u32], angles: Angles<'_>) {
    let width = values.len() / positions.len();
    values.par_chunks_mut(width).zip(positions).with_min_len(16).for_each(|(row, &position)| {
        let start = position as usize * head_dim;
        let half = head_dim / 2;
        let cosines = &angles.cosines[start..start + half];
        let sines = &angles.sines[start..start + half];
        vectorized(
            #[inline(always)]
            || {
                for head in row.chunks_exact_mut(head_dim) {
                    let (first, second) = head.split_at_mut(half);
                    for index in 0..half {
                        let (left, right) = (first[index], second[index]);
                        first[index] = left * cosines[index] - right * sines[index];
                        second[index] = right * cosines[index] + left * sines[index];
                    }
                }
            },
        );
    });
}

#[inline(always)]
fn turn_head<T: Value, S: Value>(
    target: &mut [T],
    source: &[S],
    angles: Angles<'_>,
    position: usize,
    direction: f32,
) {
    let half = source.len() / 2;
    let row = position * source.len();
    let (cosines, sines) = (&angles.cosines[row..row + half], &angles.sines[row..row + half]);
    let (first, second) = source.split_at(half);
    let (first_target, second_target) = target.split_at_mut(half);
    for index in 0..half {
        let (cosine, sine) = (cosines[index], direction * sines[index]);
        let (first, second) = (first[index].widen(), second[index].widen());
        first_target[index] = T::narrow(first * cosine - second * sine);
        second_target[index] = T::narrow(second * cosine + first * sine);
    }
}

/// One head's row with its bias, turned forward where there are angles. It is rounded once.
#[inline(always)]
fn add_and_turn<T: Value>(
    target: &mut [T],
    source: &[T],
    bias: &[f32],
    angles: Option<Angles<'_>>,
    position: usize,
) {
    let Some(angles) = angles else {
        for ((target, source), bias) in target.iter_mut().zip(source).zip(bias) {
            *target = T::narrow(source.widen() + bias);
        }
        return;
    };
    let half = source.len() / 2;
    let row = position * source.len();
    let (cosines, sines) = (&angles.cosines[row..row + half], &angles.sines[row..row + half]);
    let ((first, second), (first_bias, second_bias)) = (source.split_at(half), bias.split_at(half));
    let (first_target, second_target) = target.split_at_mut(half);
    for index in 0..half {
        let first = first[index].widen() + first_bias[index];
        let second = second[index].widen() + second_bias[index];
        first_target[index] = T::narrow(first * cosines[index] - second * sines[index]);
        second_target[index] = T::narrow(second * cosines[index] + first * sines[index]);
    }
}
