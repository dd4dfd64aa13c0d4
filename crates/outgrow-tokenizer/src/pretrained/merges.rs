//! Merges of a BPE whose file has none, only pieces: which two pieces make a third, in the order in which they are
//! tried.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::{Value, json};

/// `generate_merges` of transformers: each way to cut a piece into two others, by the piece's id, then by the lengths
/// of both parts, then by their ids.
pub(super) fn by_id(pieces: &HashMap<&str, u32>) -> Value {
    let mut merges: Vec<_> = pieces
        .iter()
        .flat_map(|(piece, &id)| {
            cuts(piece).filter_map(move |(left, right, length)| {
                let (first, second) = (*pieces.get(left)?, *pieces.get(right)?);
                let rest = piece.chars().count() - length;
                Some(((id, length, rest, first, second), left, right))
            })
        })
        .collect();
    merges.sort_unstable();
    pairs(merges.into_iter().map(|(_, left, right)| (left, right)))
}

/// By the score of the piece that is made, the highest first, then by its id; `pieces` have their scores and ids.
pub(super) fn by_score(pieces: &HashMap<&str, (f32, u32)>) -> Value {
    let mut merges: Vec<_> = pieces
        .iter()
        .flat_map(|(piece, &(score, id))| {
            let known = move |(left, right, _): (_, _, usize)| {
                let both = pieces.contains_key(left) && pieces.contains_key(right);
                both.then_some((score, id, left, right))
            };
            cuts(piece).filter_map(known)
        })
        .collect();
    merges.sort_unstable_by(|one, other| {
        other
            .0
            .partial_cmp(&one.0)
            .unwrap_or(Ordering::Equal)
            .then_with(|| (one.1, one.2, one.3).cmp(&(other.1, other.2, other.3)))
    });
    pairs(merges.into_iter().map(|(_, _, left, right)| (left, right)))
}

/// A text in two, at each character but the first; with the first part's characters.
fn cuts(text: &str) -> impl Iterator<Item = (&str, &str, usize)> {
    let places = text.char_indices().enumerate().skip(1);
    places.map(move |(length, (place, _))| (&text[..place], &text[place..], length))
}

fn pairs<'a>(merges: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    merges.map(|(left, right)| json!([left, right])).collect()
}
