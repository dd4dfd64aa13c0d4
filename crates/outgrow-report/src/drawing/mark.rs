//! What tells lines apart beside their colours: a shape along the line, and from the eighth line on a dash. It knows no
//! axes.

use std::fmt::Write;

use crate::drawing::dress::{COLOURS, colour_class};

/// How a line looks: its place in a list of methods decides colour, shape and dash. The first has no shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look(pub usize);

impl Look {
    /// The class of its colour.
    pub(crate) fn colour(self) -> String {
        format!("c{}", colour_class(self.0))
    }

    /// The class of its dash, with a blank before it; none for the first of each colour.
    pub(crate) fn dash(self) -> &'static str {
        let round = if self.0 < COLOURS { 0 } else { 1 + (self.0 - COLOURS) / (COLOURS - 1) };
        match round % 4 {
            0 => "",
            1 => " dashed",
            2 => " dotted",
            _ => " mixed",
        }
    }

    /// Its shape around a place; nothing for the first look.
    pub(crate) fn shape(self, out: &mut String, (x, y): (f64, f64)) {
        let path = match colour_class(self.0) {
            0 => return,
            1 => format!("M{:.1} {y:.1}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", x - 4.0),
            2 => format!("M{:.1} {:.1}h7.4v7.4h-7.4z", x - 3.7, y - 3.7),
            3 => format!("M{:.1} {:.1}l4.8 8.2h-9.6z", x, y - 5.2),
            4 => format!("M{:.1} {:.1}l4.8 -8.2h-9.6z", x, y + 5.2),
            5 => format!("M{:.1} {:.1}l8 8m0 -8l-8 8", x - 4.0, y - 4.0),
            _ => format!("M{:.1} {y:.1}h10m-5 -5v10", x - 5.0),
        };
        let class = if colour_class(self.0) < 5 { "marker" } else { "cross" };
        let _ = write!(out, "<path class=\"{class}\" d=\"{path}\"/>");
    }
}

/// Places along a line of places on the page, about `every` apart. `shift`, a part of that, sets lines of different
/// looks apart.
pub(crate) fn along(line: &[(f64, f64)], every: f64, shift: f64) -> Vec<(f64, f64)> {
    let mut marks = Vec::new();
    let (Some(first), Some(last)) = (line.first(), line.last()) else { return marks };
    let mut next = first.0 + every * (0.3 + 0.6 * shift);
    for pair in line.windows(2) {
        let ((from, low), (to, high)) = (pair[0], pair[1]);
        while to > from && next <= to && next <= last.0 {
            if next >= from {
                marks.push((next, low + (next - from) / (to - from) * (high - low)));
            }
            next += every;
        }
    }
    marks
}

/// The path of a diamond around a place.
pub(crate) fn diamond(x: f64, y: f64) -> String {
    format!("M{:.1} {y:.1}l5 -5l5 5l-5 5z", x - 5.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_two_of_the_first_lines_look_alike() {
        let looks: std::collections::BTreeSet<(String, &str)> =
            (0..25).map(|index| (Look(index).colour(), Look(index).dash())).collect();
        assert_eq!(looks.len(), 25);
    }

    proptest! {
        #[test]
        fn shapes_stand_on_their_line(length in 1.0..900.0_f64, slope in -2.0..2.0_f64, shift in 0.0..1.0_f64) {
            let line = [(0.0, 0.0), (0.4 * length, 0.4 * length * slope), (length, length * slope)];
            for (x, y) in along(&line, 50.0, shift) {
                prop_assert!((0.0..=length).contains(&x) && (y - x * slope).abs() < 1e-6);
            }
        }
    }
}
