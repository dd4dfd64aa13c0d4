//! A layer map in few characters: `0-5 ×4` for a stack, `0-5 each ×4` for an interleaving. For reading, not for
//! parsing.

use std::fmt;

use crate::plan::{depth::LayerOrigin, pattern::connection_rate};

/// Displays, for each layer of a grown model from the bottom, the layer of the source that it is made of.
#[derive(Clone, Copy, Debug)]
pub struct LayerMap<'a>(pub &'a [usize]);

impl fmt::Display for LayerMap<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = period(self.0);
        let times = self.0.len() / period.max(1);
        let runs = runs(&self.0[..period]);
        let words = runs.iter().map(Run::to_string).collect::<Vec<_>>().join(", ");
        match (times, &runs[..]) {
            (0 | 1, _) => write!(formatter, "{words}"),
            (_, [run]) if run.repeats == 1 => write!(formatter, "{words} ×{times}"),
            _ => write!(formatter, "({words}) ×{times}"),
        }
    }
}

/// The shortest piece that the whole list is a repetition of. A single layer again and again has period 1.
fn period(layers: &[usize]) -> usize {
    let length = layers.len();
    let repeats =
        |period: &usize| length.is_multiple_of(*period) && layers[*period..] == layers[..length - period];
    (1..=length).find(repeats).unwrap_or(0)
}

/// Rising layers, each of them `repeats` times in a row.
#[derive(Debug)]
struct Run {
    first: usize,
    last: usize,
    repeats: usize,
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.last - self.first, self.repeats) {
            (0, 1) => write!(formatter, "{}", self.first),
            (0, repeats) => write!(formatter, "{} ×{repeats}", self.first),
            (_, 1) => write!(formatter, "{}-{}", self.first, self.last),
            (_, repeats) => write!(formatter, "{}-{} each ×{repeats}", self.first, self.last),
        }
    }
}

fn runs(layers: &[usize]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for equal in layers.chunk_by(|left, right| left == right) {
        match runs.last_mut() {
            Some(run) if run.last + 1 == equal[0] && run.repeats == equal.len() => run.last = equal[0],
            _ => runs.push(Run { first: equal[0], last: equal[0], repeats: equal.len() }),
        }
    }
    runs
}

/// The layer map of the copies, and where the other layers stand.
pub(crate) fn layers_in_words(layers: &[LayerOrigin]) -> String {
    let sources = |wanted: fn(&LayerOrigin) -> bool| -> Vec<usize> {
        layers.iter().filter(|layer| wanted(layer)).filter_map(|layer| layer.source()).collect()
    };
    let places = |wanted: fn(&LayerOrigin) -> bool| -> Vec<usize> {
        layers.iter().enumerate().filter(|(_, layer)| wanted(layer)).map(|(index, _)| index).collect()
    };
    let copies = sources(|layer| matches!(layer, LayerOrigin::Copy(_)));
    let (kept, neighbours) = connection_rate(&copies);
    let kept =
        if kept < neighbours { format!(" ({kept} of {neighbours} neighbours kept)") } else { String::new() };
    let mut words = vec![format!("{}{kept}", LayerMap(&copies))];
    let silent = places(|layer| matches!(layer, LayerOrigin::Identity(_)));
    if !silent.is_empty() {
        let of = sources(|layer| matches!(layer, LayerOrigin::Identity(_)));
        words.push(format!("layers {} are {} with zero outputs", LayerMap(&silent), LayerMap(&of)));
    }
    let fresh = places(|layer| *layer == LayerOrigin::Fresh);
    if !fresh.is_empty() {
        words.push(format!("layers {} are fresh", LayerMap(&fresh)));
    }
    words.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layer_maps_are_short() {
        let maps: [(&[usize], &str); 9] = [
            (&[0, 1, 2, 0, 1, 2], "0-2 ×2"),
            (&[0, 0, 1, 1, 2, 2], "0-2 each ×2"),
            (&[0, 1, 2, 1, 2, 3], "0-2, 1-3"),
            (&[0, 1, 2], "0-2"),
            (&[0, 0, 0], "0 ×3"),
            (&[2, 0], "2, 0"),
            (&[0, 0, 1, 2, 3, 3], "0 ×2, 1-2, 3 ×2"),
            (&[0, 0, 1, 0, 0, 1], "(0 ×2, 1) ×2"),
            (&[0, 0, 1, 1, 0, 0, 1, 1], "(0-1 each ×2) ×2"),
        ];
        for (layers, expected) in maps {
            assert_eq!(LayerMap(layers).to_string(), expected);
        }
    }
}
