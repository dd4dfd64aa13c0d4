//! Names at the ends of lines, where there are more lines than colours. Each stands beside its line as near as the
//! others let it, with a thin line from one to the other. It draws no data.

use std::fmt::Write;

use crate::{
    drawing::{
        chart::data::{Chart, Kind, Place, Series, Shape},
        dress::COLOURS,
        mark::Look,
        text::{cut, width},
    },
    figures::escape,
};

/// The size of names, how far apart they stand, and how wide they may be.
const SIZE: f64 = 12.0;
const APART: f64 = 15.5;
const MOST: f64 = 250.0;
/// Between the plot and its names.
const GAP: f64 = 22.0;

/// A line that gets a name.
struct Named<'a> {
    name: &'a str,
    look: Look,
    end: Place,
}

/// The lines that get a name at their end; none where colours tell them apart, where there is no room beside the plot,
/// or where there are more names than stand above each other.
fn named(chart: &Chart, shape: Shape, height: f64) -> Vec<Named<'_>> {
    let lines = chart.series.iter().filter(|series| series.kind == Kind::Line && !series.name.is_empty());
    let of_series = |series: &'_ Series| -> Option<Place> {
        let places: Vec<Place> = match &series.mean {
            Some(mean) => mean.clone(),
            None => series.lines.iter().flatten().map(|point| point.place).collect(),
        };
        let inside = places.into_iter().filter(|place| chart.x.holds(place.x) && chart.y.holds(place.y));
        inside.max_by(|one, two| chart.x.part(one.x).total_cmp(&chart.x.part(two.x)))
    };
    let named: Vec<Named<'_>> = lines
        .filter_map(|series| Some(Named { name: &series.name, look: series.look, end: of_series(series)? }))
        .collect();
    let has_room = shape == Shape::Whole && named.len() as f64 * APART <= height;
    if has_room && named.len() > COLOURS { named } else { Vec::new() }
}

/// What the names take right of the plot; nothing where there are none.
pub(super) fn room(chart: &Chart, shape: Shape, height: f64) -> f64 {
    let widths = named(chart, shape, height).into_iter().map(|line| width(line.name, SIZE));
    widths.reduce(f64::max).map_or(0.0, |widest| widest.min(MOST) + GAP)
}

/// Draws the names right of a plot that reaches from `top` to `bottom` and ends at `right`. `place` gives a place on
/// the page.
pub(super) fn draw(
    chart: &Chart,
    shape: Shape,
    (top, bottom, right): (f64, f64, f64),
    place: impl Fn(f64, f64) -> (f64, f64),
    out: &mut String,
) {
    let mut lines: Vec<(Named<'_>, (f64, f64))> = named(chart, shape, bottom - top)
        .into_iter()
        .map(|line| {
            let end = place(line.end.x, line.end.y);
            (line, end)
        })
        .collect();
    lines.sort_by(|(_, one), (_, two)| one.1.total_cmp(&two.1));
    let wanted: Vec<f64> = lines.iter().map(|(_, end)| end.1).collect();
    for ((line, (x, y)), text_y) in lines.into_iter().zip(spread(&wanted, (top + 0.5 * APART, bottom))) {
        let _ = write!(
            out,
            "<g class=\"{}\"><path class=\"leader\" d=\"M{x:.1} {y:.1}L{:.1} {text_y:.1}h4\"/><text class=\"note own\" x=\"{:.1}\" y=\"{:.1}\">{}<title>{}</title></text></g>",
            line.look.colour(),
            right + GAP - 10.0,
            right + GAP - 3.0,
            text_y + 4.0,
            escape(&cut(line.name, SIZE, MOST)),
            escape(line.name),
        );
    }
}

/// Heights as near as can be to those that are wanted (rising), [`APART`] from each other and within two ends.
fn spread(wanted: &[f64], (low, high): (f64, f64)) -> Vec<f64> {
    let mut heights: Vec<f64> = Vec::with_capacity(wanted.len());
    for height in wanted {
        let least = heights.last().map_or(low, |last| last + APART);
        heights.push(height.max(least));
    }
    let mut most = high;
    for height in heights.iter_mut().rev() {
        *height = height.min(most);
        most = *height - APART;
    }
    heights
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_stand_apart_and_within_the_plot(mut wanted in proptest::collection::vec(-50.0..450.0_f64, 1..24)) {
            wanted.sort_by(f64::total_cmp);
            let heights = spread(&wanted, (0.0, 400.0));
            for pair in heights.windows(2) {
                prop_assert!(pair[1] - pair[0] >= APART - 1e-9, "{heights:?}");
            }
            prop_assert!(heights.iter().all(|height| (-1e-9..=400.0).contains(height)), "{heights:?}");
        }
    }

    #[test]
    fn names_that_have_room_stand_where_their_lines_end() {
        assert_eq!(spread(&[10.0, 60.0, 200.0], (0.0, 400.0)), [10.0, 60.0, 200.0]);
    }
}
