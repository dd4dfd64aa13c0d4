//! What a model says of given next tokens: logarithms of probabilities, and whether a token is the most probable one.
//!
//! Logits exist a chunk of rows at a time.

use rayon::prelude::*;

use super::{Operand, Rows, Weight, product};
use crate::cpu::kernels::{
    buffers::Buffer,
    dispatch::vectorized,
    matrix::Store,
    vector::{exponential, maximum, sum_by},
};

/// Logits that exist at once: 16 MiB, if a chunk has at least [`Rows::ALIKE`] rows.
const LOGITS: usize = 4 << 20;

/// A token that may follow a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The row.
    pub row: u32,
    /// The token, below the vocabulary's size.
    pub token: u32,
}

/// What the model says of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// Natural logarithm of its probability.
    pub log_probability: f32,
    /// Whether no token is more probable, and none of a lower number as probable.
    pub is_greedy: bool,
}

/// The logits behind one row `[hidden]`, with the head `[vocabulary, hidden]`.
pub fn logits_of(row: &[f32], weight: Weight<'_>) -> Vec<f32> {
    let mut logits = vec![0.0; weight.elements() / row.len()];
    product(&mut logits, Store::Replace, &Operand::new(row, 1, weight), weight);
    logits
}

/// Answers all that is asked of `hidden`, `[rows, hidden]`, with the head `[vocabulary, hidden]`, in the order of the
/// questions, whose rows never fall.
///
/// # Panics
/// When a row or a token is not there.
pub fn predict(hidden: &[f32], weight: Weight<'_>, rows: usize, asked: &[Asked]) -> Vec<Said> {
    if asked.is_empty() {
        return Vec::new();
    }
    let width = hidden.len() / rows;
    let vocabulary = weight.elements() / width;
    let chunk = (LOGITS / vocabulary).clamp(Rows::ALIKE, 1024).min(rows);
    let mut logits = Buffer::new(chunk * vocabulary);
    let mut said = Vec::with_capacity(asked.len());
    for start in (0..rows).step_by(chunk) {
        // The last chunk reaches back over rows that have been done, so that all chunks are alike.
        let first = start.min(rows - chunk);
        let asked = of_rows(asked, start, start + chunk);
        let operand = Operand::new(&hidden[first * width..][..chunk * width], chunk, weight);
        product(&mut logits, Store::Replace, &operand, weight);
        let rows = logits.par_chunks_exact(vocabulary).enumerate();
        said.par_extend(rows.flat_map_iter(|(row, logits)| {
            let row = first + row;
            let asked = if row < start { &[] } else { of_rows(asked, row, row + 1) };
            answers(logits, asked)
        }));
    }
    assert_eq!(said.len(), asked.len(), "questions whose rows are there, and never fall");
    said
}

fn of_rows(asked: &[Asked], start: usize, end: usize) -> &[Asked] {
    let before = |row: usize| asked.partition_point(|asked| (asked.row as usize) < row);
    &asked[before(start)..before(end)]
}

fn answers(logits: &[f32], asked: &[Asked]) -> Vec<Said> {
    if asked.is_empty() {
        return Vec::new();
    }
    let (largest, sum) = vectorized(
        #[inline(always)]
        || {
            let largest = maximum(logits);
            (largest, sum_by(logits, logits, |logit, _| exponential(logit - largest)))
        },
    );
    let logarithm = sum.ln();
    let greedy = logits.iter().position(|&logit| logit >= largest);
    let answer = |asked: &Asked| Said {
        log_probability: logits[asked.token as usize] - largest - logarithm,
        is_greedy: greedy == Some(asked.token as usize),
    };
    asked.iter().map(answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_are_equally_probable_and_the_first_is_the_greedy_one() {
        let asked = [0, 1, 2].map(|token| Asked { row: 0, token });
        let said = predict(&[1.0, 0.0], Weight::F32(&[2.0, 5.0, 2.0, 5.0, 2.0, 5.0]), 1, &asked);
        let third = -3f32.ln();
        assert!(said.iter().all(|said| (said.log_probability - third).abs() < 1e-6), "{said:?}");
        let greedy: Vec<_> = said.iter().map(|said| said.is_greedy).collect();
        assert_eq!(greedy, [true, false, false]);
    }
}
