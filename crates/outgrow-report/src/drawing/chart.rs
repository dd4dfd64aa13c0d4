//! A line chart as SVG text: a colour for each method, a thin line for each seed and a thick one for their mean, a band
//! for what is uncertain. Colours come from the style sheet's variables, so that a chart follows the reader's light or
//! dark system. What is drawn is decided by the page.

use std::fmt::Write;

use crate::{
    drawing::axis::{Axis, Scale, Tick},
    figures::escape,
};

/// The style sheet of a chart that is a file of its own; the page has it too.
pub(crate) const CHART_STYLE: &str = include_str!("chart.css");

/// What is kept free right of the plot and below it, in the chart's units: about a pixel each.
const RIGHT: f64 = 18.0;
const BOTTOM: f64 = 48.0;

/// Points of a line that show their numbers: a long run has thousands of evaluations, a page has about a thousand
/// pixels.
const MOST_SENSITIVE: usize = 250;

/// Points of a thick line in a small chart that are dots: more of them would only be a thicker line.
const MOST_DOTS: usize = 40;

/// A chart.
pub(crate) struct Chart {
    /// Unique in its page: names the clip path.
    pub id: String,
    /// What a screen reader says.
    pub title: String,
    /// Width and height; text has the same size in every chart, so a chart of half a page is half as wide.
    pub size: (f64, f64),
    /// One of several of a kind, with a heading and a legend outside, and of so few points that each is a dot.
    pub is_small: bool,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
    /// A dashed line at one loss, with its text.
    pub level: Option<(f64, String)>,
    /// Where a series reaches the level.
    pub drops: Vec<Drop>,
}

/// One method.
pub(crate) struct Series {
    pub name: String,
    /// The place in the palette.
    pub colour: usize,
    /// One line per seed.
    pub lines: Vec<Vec<Point>>,
    /// The mean over the seeds, where they were evaluated at the same places.
    pub mean: Option<Vec<Place>>,
    /// Growths.
    pub marks: Vec<Point>,
}

/// A place in data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub x: f64,
    pub y: f64,
    /// How far up and down from `y` its band goes.
    pub error: Option<f64>,
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
    pub colour: usize,
    pub text: String,
}

impl Chart {
    /// The chart as an `<svg>` element; `style` is put inside it, for a file of its own.
    pub(crate) fn svg(&self, style: Option<&str>) -> String {
        let mut out = String::new();
        let title = escape(&self.title);
        let id = &self.id;
        let (full_width, full_height) = self.size;
        let _ = write!(
            out,
            "<svg class=\"chart\" viewBox=\"0 0 {full_width} {full_height}\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"{title}\">"
        );
        if let Some(style) = style {
            let _ = write!(
                out,
                "<style>{style}</style><rect width=\"{full_width}\" height=\"{full_height}\" class=\"ground\"/>"
            );
        }
        let (left, top) = (self.left(), self.top());
        let (width, height) = (self.right() - left, self.bottom() - top);
        let _ = write!(
            out,
            "<clipPath id=\"clip-{id}\"><rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/></clipPath>"
        );
        self.draw_axes(&mut out);
        self.draw_level(&mut out);
        let _ = write!(out, "<g clip-path=\"url(#clip-{id})\">");
        // Before all lines: a band may cover bands, but no line.
        for series in &self.series {
            self.draw_bands(&mut out, series);
        }
        for series in &self.series {
            self.draw_series(&mut out, series);
        }
        out.push_str("</g>");
        self.draw_drops(&mut out);
        if !self.is_small {
            self.draw_legend(&mut out);
        }
        out.push_str("</svg>");
        out
    }

    /// A place in data to a place on the page.
    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        // Far outside is as good as just outside, and keeps the text short.
        let (x, y) = (self.x.part(x).clamp(-1.0, 2.0), self.y.part(y).clamp(-1.0, 3.0));
        let (left, bottom) = (self.left(), self.bottom());
        (left + x * (self.right() - left), bottom - y * (bottom - self.top()))
    }

    /// The left edge of the plot.
    fn left(&self) -> f64 {
        if self.is_small { 44.0 } else { 58.0 }
    }

    /// The upper edge of the plot.
    fn top(&self) -> f64 {
        if self.is_small { 10.0 } else { 40.0 }
    }

    /// The right edge of the plot.
    fn right(&self) -> f64 {
        self.size.0 - RIGHT
    }

    /// The lower edge of the plot.
    fn bottom(&self) -> f64 {
        self.size.1 - BOTTOM
    }

    fn draw_axes(&self, out: &mut String) {
        let (left, bottom, right) = (self.left(), self.bottom(), self.right());
        // Numbers in a small chart are few and stand close.
        let (x_ticks, y_ticks) =
            if self.is_small { (self.size.0 / 60.0, 4) } else { (self.size.0 / 100.0, 5) };
        for Tick { value, text } in self.y.ticks(y_ticks) {
            let (_, y) = self.place(self.x.low, value);
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{left} {y:.1}H{right}\"/><text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
                left - 8.0,
                y + 4.0
            );
        }
        for Tick { value, text } in self.x.ticks(x_ticks as usize) {
            let (x, _) = self.place(value, self.y.low);
            let _ = write!(
                out,
                "<path class=\"axis\" d=\"M{x:.1} {bottom}v5\"/><text class=\"tick middle\" x=\"{x:.1}\" y=\"{:.1}\">{text}</text>",
                bottom + 19.0
            );
        }
        let _ = write!(
            out,
            "<path class=\"axis\" d=\"M{left} {bottom}H{right}\"/><text class=\"label middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            f64::midpoint(left, right),
            self.size.1 - 8.0,
            escape(&self.x.label)
        );
        let middle = f64::midpoint(self.top(), bottom);
        let _ = write!(
            out,
            "<text class=\"label middle\" transform=\"translate(14 {middle:.1}) rotate(-90)\">{}</text>",
            escape(&self.y.label)
        );
    }

    fn draw_level(&self, out: &mut String) {
        let Some((level, text)) = &self.level else { return };
        let (_, y) = self.place(self.x.low, *level);
        let (left, right) = (self.left(), self.right());
        let _ = write!(
            out,
            "<path class=\"level\" d=\"M{left} {y:.1}H{right}\"/><text class=\"note\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            left + 6.0,
            y + 15.0,
            escape(text)
        );
    }

    fn draw_drops(&self, out: &mut String) {
        let bottom = self.bottom();
        for (index, drop) in self.drops.iter().enumerate() {
            let (x, y) = self.place(drop.x, drop.y);
            // Texts of neighbours stand on lines of their own, left of their line where the page ends.
            let line = bottom - 8.0 - 15.0 * index as f64;
            let near_the_end = x > self.right() - 150.0;
            let (class, text_x) = if near_the_end { ("note end", x - 6.0) } else { ("note", x + 6.0) };
            let _ = write!(
                out,
                "<g class=\"c{}\"><path class=\"drop\" d=\"M{x:.1} {y:.1}V{bottom}\"/><circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/><text class=\"{class} own\" x=\"{text_x:.1}\" y=\"{line:.1}\">{}</text></g>",
                colour_class(drop.colour),
                escape(&drop.text)
            );
        }
    }

    /// How uncertain the thick lines are, where it is known: a band along a line, a bar at a point that stands alone.
    fn draw_bands(&self, out: &mut String, series: &Series) {
        let thick = match &series.mean {
            Some(mean) => vec![mean.clone()],
            None => series.lines.iter().map(|line| places(line)).collect(),
        };
        let edge = |place: &Place, sign: f64| {
            let y = place.y + sign * place.error.unwrap_or(0.0);
            // Zero and below are off a logarithmic axis: as far down as there is.
            self.place(place.x, if self.y.scale == Scale::Linear { y } else { y.max(f64::MIN_POSITIVE) })
        };
        let known = thick.iter().flat_map(|line| line.split(|place| place.error.is_none()));
        for places in known.filter(|places| !places.is_empty()) {
            let above = places.iter().map(|place| edge(place, 1.0));
            let below = places.iter().rev().map(|place| edge(place, -1.0));
            let _ = write!(
                out,
                "<path class=\"{} c{}\" d=\"{}\"/>",
                if places.len() == 1 { "error" } else { "band" },
                colour_class(series.colour),
                path(above.chain(below))
            );
        }
    }

    fn draw_series(&self, out: &mut String, series: &Series) {
        let _ = write!(out, "<g class=\"c{}\">", colour_class(series.colour));
        let class = if series.mean.is_some() { "seed" } else { "mean" };
        for line in &series.lines {
            self.draw_line(out, class, &places(line));
        }
        if let Some(mean) = &series.mean {
            self.draw_line(out, "mean", mean);
        }
        let sensitive = series.lines.iter().flat_map(|line| thinned(line, MOST_SENSITIVE));
        for point in sensitive.filter(|point| self.is_inside(point)) {
            let (x, y) = self.place(point.place.x, point.place.y);
            let title = escape(&point.title);
            let _ = write!(
                out,
                "<circle class=\"point\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"><title>{title}</title></circle>"
            );
        }
        for mark in series.marks.iter().filter(|mark| self.is_inside(mark)) {
            let (x, y) = self.place(mark.place.x, mark.place.y);
            let title = escape(&mark.title);
            let _ =
                write!(out, "<path class=\"growth\" d=\"{}\"><title>{title}</title></path>", diamond(x, y));
        }
        out.push_str("</g>");
    }

    fn is_inside(&self, point: &Point) -> bool {
        let inside = |part: f64| (-1e-6..=1.0 + 1e-6).contains(&part);
        inside(self.x.part(point.place.x)) && inside(self.y.part(point.place.y))
    }

    fn draw_line(&self, out: &mut String, class: &str, line: &[Place]) {
        // A logarithmic axis has no place for zero.
        let places = line.iter().filter(|place| self.x.part(place.x).is_finite());
        let places = places.map(|place| self.place(place.x, place.y));
        let _ = write!(out, "<path class=\"{class}\" d=\"{}\"/>", path(places.clone()));
        let is_thick = class == "mean";
        // A line of one place is no line.
        if line.len() == 1 || (self.is_small && is_thick && line.len() <= MOST_DOTS) {
            let (class, radius) = if is_thick { ("dot-mean", 2.8) } else { ("dot-seed", 2.2) };
            for (x, y) in places {
                let _ = write!(out, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>");
            }
        }
    }

    fn draw_legend(&self, out: &mut String) {
        let mut x = self.left();
        for series in &self.series {
            let colour = colour_class(series.colour);
            let _ = write!(
                out,
                "<g class=\"c{colour}\"><path class=\"mean\" d=\"M{x:.1} 18h20\"/></g><text class=\"legend\" x=\"{:.1}\" y=\"22\">{}</text>",
                x + 27.0,
                escape(&series.name)
            );
            x += 27.0 + 7.6 * series.name.chars().count() as f64 + 22.0;
        }
        if self.series.iter().any(|series| series.marks.iter().any(|mark| self.is_inside(mark))) {
            let _ = write!(
                out,
                "<g class=\"c0\"><path class=\"growth\" d=\"{}\"/></g><text class=\"legend\" x=\"{:.1}\" y=\"22\">growth</text>",
                diamond(x + 6.0, 18.0),
                x + 18.0
            );
        }
    }
}

/// At most `most` of the values, evenly.
pub(crate) fn thinned<T>(values: &[T], most: usize) -> impl Iterator<Item = &T> {
    values.iter().step_by(values.len().div_ceil(most).max(1))
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

fn diamond(x: f64, y: f64) -> String {
    format!("M{:.1} {y:.1}l5 -5l5 5l-5 5z", x - 5.0)
}

/// The palette has seven colours; 0 is the neutral one, for scratch.
pub(crate) fn colour_class(index: usize) -> usize {
    if index < 7 { index } else { 1 + (index - 1) % 6 }
}
