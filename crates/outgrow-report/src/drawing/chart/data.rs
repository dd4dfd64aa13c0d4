//! A chart as a value: its axes, series, and what is marked in it. How it is drawn is the other files' to know.

use crate::drawing::{axis::Axis, mark::Look};

/// A chart.
pub(crate) struct Chart {
    /// Unique in its page: names the clip path.
    pub id: String,
    /// What a screen reader says.
    pub title: String,
    pub shape: Shape,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
    /// Dashed lines across, with their texts.
    pub levels: Vec<(f64, String)>,
    /// Where a series reaches the first level.
    pub drops: Vec<Drop>,
    /// Stretches of the horizontal axis, with their texts.
    pub ranges: Vec<Range>,
    /// Fitted minima.
    pub minima: Vec<Minimum>,
}

/// How large a chart is. Text has the same size in every one, so a chart of half a page is half as wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Over the whole page.
    Whole,
    /// Over half of it.
    Half,
    /// One of several of a kind, with a heading and a legend outside, and of so few points that each is a dot.
    Third,
    /// Over a telephone's page.
    Narrow,
}

/// One method.
pub(crate) struct Series {
    /// As the legend has it; a series without a name isn't in it.
    pub name: String,
    pub look: Look,
    pub kind: Kind,
    /// One line per seed.
    pub lines: Vec<Vec<Point>>,
    /// The mean over the seeds, where they were evaluated at the same places.
    pub mean: Option<Vec<Place>>,
    /// Growths.
    pub marks: Vec<Point>,
}

/// What a series is drawn as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Lines through what was measured, or a fit within that.
    Line,
    /// Places that no line connects.
    Dots,
    /// A line beyond what was measured.
    Foretold,
}

/// A place in data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub x: f64,
    pub y: f64,
    /// The lower and the upper end of its band.
    pub band: Option<(f64, f64)>,
}

/// A place, and what a reader sees when pointing at it.
pub(crate) struct Point {
    pub place: Place,
    pub title: String,
}

/// A line from the level down to the horizontal axis.
pub(crate) struct Drop {
    pub x: f64,
    pub y: f64,
    pub look: Look,
    pub text: String,
}

/// A stretch of the horizontal axis.
pub(crate) struct Range {
    pub from: f64,
    pub to: f64,
    pub text: String,
}

/// A fitted minimum, and the interval in which it lies along the horizontal axis.
pub(crate) struct Minimum {
    pub point: Point,
    pub interval: Option<(f64, f64)>,
    pub look: Look,
}

impl Chart {
    /// A chart with nothing but its lines.
    pub(crate) fn new(
        id: &str,
        title: String,
        shape: Shape,
        (x, y): (Axis, Axis),
        series: Vec<Series>,
    ) -> Self {
        Self {
            id: id.to_owned(),
            title,
            shape,
            x,
            y,
            series,
            levels: Vec::new(),
            drops: Vec::new(),
            ranges: Vec::new(),
            minima: Vec::new(),
        }
    }

    /// Whether there are two places or more: a chart of fewer says nothing that a number doesn't.
    pub(crate) fn has_two_places(&self) -> bool {
        let places = self.series.iter().flat_map(|series| series.lines.iter().flatten());
        places.filter(|point| self.has_place(point.place)).take(2).count() == 2
    }

    /// Whether a place in data has one on the page: all but what isn't finite, and on a logarithmic axis zero and
    /// below.
    pub(super) fn has_place(&self, place: Place) -> bool {
        self.x.part(place.x).is_finite() && self.y.part(place.y).is_finite()
    }

    pub(super) fn is_inside(&self, point: &Point) -> bool {
        self.x.holds(point.place.x) && self.y.holds(point.place.y)
    }
}

/// At most `most` of the values, evenly.
pub(crate) fn thinned<T>(values: &[T], most: usize) -> impl Iterator<Item = &T> {
    values.iter().step_by(values.len().div_ceil(most).max(1))
}
