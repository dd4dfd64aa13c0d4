//! The data of a chart: bands, lines, what they show when one points at them, growths, minima. Where the plot lies is
//! decided by the frame.

use std::fmt::Write;

use crate::{
    drawing::{
        axis::Scale,
        chart::{
            data::{Chart, Kind, Place, Point, Series, thinned},
            frame::Frame,
        },
        mark::{along, diamond},
    },
    figures::escape,
};

/// Points of a line that show their numbers: a long run has thousands of evaluations, a page has about a thousand
/// pixels.
const MOST_SENSITIVE: usize = 250;

/// Points of a thick line in a small chart that are dots: more of them would only be a thicker line.
const MOST_DOTS: usize = 40;

/// Up to so many places, each carries the line's shape.
const FEW: usize = 12;

/// How many shapes a line carries over the width of its plot.
const SHAPES: f64 = 5.0;

impl Chart {
    /// How uncertain the thick lines are, where it is known: a band along a line, a bar at a point that stands alone.
    pub(super) fn draw_bands(&self, out: &mut String, frame: &Frame, series: &Series) {
        let thick = match &series.mean {
            Some(mean) => vec![mean.clone()],
            None => series.lines.iter().map(|line| places(line)).collect(),
        };
        let edge = |x: f64, y: f64| {
            // Zero and below are off a logarithmic axis: as far down as there is.
            let y = if self.y.scale == Scale::Linear { y } else { y.max(f64::MIN_POSITIVE) };
            frame.place(self, x, y)
        };
        let is_known = |place: &Place| {
            self.has_place(*place)
                && place.band.is_some_and(|(low, high)| low.is_finite() && high.is_finite())
        };
        let known = thick.iter().flat_map(|line| line.split(|place| !is_known(place)));
        for places in known.filter(|places| !places.is_empty()) {
            let ends = |place: &Place| place.band.map(|(low, high)| (place.x, low, high));
            let above = places.iter().filter_map(ends).map(|(x, _, high)| edge(x, high));
            let below = places.iter().rev().filter_map(ends).map(|(x, low, _)| edge(x, low));
            let class = match (series.kind, places.len()) {
                (_, 1) | (Kind::Dots, _) => "error",
                (Kind::Line, _) => "band",
                (Kind::Foretold, _) => "faint",
            };
            let colour = series.look.colour();
            if series.kind == Kind::Dots {
                for (above, below) in above.zip(below.rev()) {
                    let path = path([above, below].into_iter());
                    let _ = write!(out, "<path class=\"{class} {colour}\" d=\"{path}\"/>");
                }
            } else {
                let _ = write!(out, "<path class=\"{class} {colour}\" d=\"{}\"/>", path(above.chain(below)));
            }
        }
    }

    /// One method's lines. Only where `is_sensitive` they show their numbers.
    pub(super) fn draw_series(&self, out: &mut String, frame: &Frame, series: &Series, is_sensitive: bool) {
        let _ = write!(out, "<g class=\"{}\">", series.look.colour());
        if series.kind == Kind::Dots {
            for point in series.lines.iter().flatten().filter(|point| self.is_inside(point)) {
                let (x, y) = frame.place(self, point.place.x, point.place.y);
                let title = if is_sensitive { titled(&point.title) } else { String::new() };
                let _ = write!(
                    out,
                    "<circle class=\"ring\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\">{title}</circle>"
                );
            }
            out.push_str("</g>");
            return;
        }
        for line in &series.lines {
            self.draw_line(out, frame, series, series.mean.is_none(), &places(line));
        }
        if let Some(mean) = &series.mean {
            self.draw_line(out, frame, series, true, mean);
        }
        let sensitive = series.lines.iter().flat_map(|line| thinned(line, MOST_SENSITIVE));
        for point in sensitive.filter(|point| is_sensitive && self.is_inside(point)) {
            let (x, y) = frame.place(self, point.place.x, point.place.y);
            let title = titled(&point.title);
            let _ =
                write!(out, "<circle class=\"point\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\">{title}</circle>");
        }
        for mark in series.marks.iter().filter(|mark| self.is_inside(mark)) {
            let (x, y) = frame.place(self, mark.place.x, mark.place.y);
            let _ =
                write!(out, "<path class=\"growth\" d=\"{}\">{}</path>", diamond(x, y), titled(&mark.title));
        }
        out.push_str("</g>");
    }

    fn draw_line(&self, out: &mut String, frame: &Frame, series: &Series, is_thick: bool, line: &[Place]) {
        let placed: Vec<(f64, f64)> = line
            .iter()
            .filter(|place| self.has_place(**place))
            .map(|place| frame.place(self, place.x, place.y))
            .collect();
        if placed.is_empty() {
            return;
        }
        let class = match (series.kind, is_thick) {
            (Kind::Foretold, _) => "foretold".to_owned(),
            (_, true) => format!("mean{}", series.look.dash()),
            (_, false) => "seed".to_owned(),
        };
        let _ = write!(out, "<path class=\"{class}\" d=\"{}\"/>", path(placed.iter().copied()));
        // A line of one place is no line.
        if line.len() == 1 || (frame.has_dots && is_thick && line.len() <= MOST_DOTS) {
            let (class, radius) = if is_thick { ("dot-mean", 2.8) } else { ("dot-seed", 2.2) };
            for (x, y) in &placed {
                let _ = write!(out, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>");
            }
        }
        if is_thick && !frame.has_dots && series.kind == Kind::Line {
            let every = (frame.right - frame.left) / SHAPES;
            // Seven lines at most share a colour's beginning: each has its shapes elsewhere.
            let shift = (series.look.0 % 7) as f64 / 7.0;
            let inside = |&(x, y): &(f64, f64)| {
                (frame.left..=frame.right).contains(&x) && (frame.top..=frame.bottom).contains(&y)
            };
            // Of few places each is marked: a shape between them would look like one.
            let marked = if placed.len() <= FEW { placed } else { along(&placed, every, shift) };
            for place in marked.into_iter().filter(inside) {
                series.look.shape(out, place);
            }
        }
    }

    pub(super) fn draw_minima(&self, out: &mut String, frame: &Frame) {
        for minimum in self.minima.iter().filter(|minimum| self.is_inside(&minimum.point)) {
            let Place { x, y, .. } = minimum.point.place;
            let (at, height) = frame.place(self, x, y);
            let _ = write!(out, "<g class=\"{}\">", minimum.look.colour());
            if let Some((low, high)) = minimum.interval {
                let end = |value: f64| {
                    let part = self.x.part(value);
                    let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
                    frame.left + part * (frame.right - frame.left)
                };
                let _ = write!(
                    out,
                    "<path class=\"whisker\" d=\"M{:.1} {:.1}v8m0 -4H{:.1}m0 -4v8\"/>",
                    end(low),
                    height - 4.0,
                    end(high)
                );
            }
            let title = titled(&minimum.point.title);
            let _ = write!(out, "<path class=\"growth\" d=\"{}\">{title}</path></g>", diamond(at, height));
        }
    }
}

fn titled(title: &str) -> String {
    format!("<title>{}</title>", escape(title))
}

fn places(line: &[Point]) -> Vec<Place> {
    line.iter().map(|point| point.place).collect()
}

fn path(places: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (x, y) in places {
        let _ = write!(path, "{}{x:.1} {y:.1}", if path.is_empty() { 'M' } else { 'L' });
    }
    path
}
