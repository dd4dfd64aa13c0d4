//! A line chart as SVG text: one colour a method, a thin line a seed and a thick one for their mean. Colours come from the style
//! sheet's variables, so that a chart follows the reader's light or dark system. What is drawn is decided in charts.rs.

use std::fmt::Write;

use crate::axis::{Axis, Tick};
use crate::figures::escape;

/// Left and top of the plot, and what is kept free to its right and below, in the chart's units: about a pixel each.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 48.0;

/// Points of a line that show their numbers: a long run has thousands of evaluations, a page has about a thousand pixels.
const MOST_SENSITIVE: usize = 250;

/// A chart.
pub(crate) struct Chart {
    /// Unique in its page: names the clip path.
    pub id: &'static str,
    /// What a screen reader says.
    pub title: String,
    /// Width and height; text has the same size in every chart, so a chart of half a page is half as wide.
    pub size: (f64, f64),
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
    /// One line a seed.
    pub lines: Vec<Vec<Point>>,
    /// The mean over the seeds, where they were evaluated at the same places.
    pub mean: Option<Vec<(f64, f64)>>,
    /// Growths.
    pub marks: Vec<Point>,
}

/// A place in data, and what a reader sees when pointing at it.
pub(crate) struct Point {
    pub x: f64,
    pub y: f64,
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
    pub fn svg(&self, style: Option<&str>) -> String {
        let mut out = String::new();
        let title = escape(&self.title);
        let id = self.id;
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
        let (width, height) = (self.right() - LEFT, self.bottom() - TOP);
        let _ = write!(
            out,
            "<clipPath id=\"clip-{id}\"><rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{width}\" height=\"{height}\"/></clipPath>"
        );
        self.draw_axes(&mut out);
        self.draw_level(&mut out);
        let _ = write!(out, "<g clip-path=\"url(#clip-{id})\">");
        for series in &self.series {
            self.draw_series(&mut out, series);
        }
        out.push_str("</g>");
        self.draw_drops(&mut out);
        self.draw_legend(&mut out);
        out.push_str("</svg>");
        out
    }

    /// A place in data to a place on the page.
    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        // Far outside is as good as just outside, and keeps the text short.
        let (x, y) = (self.x.part(x).clamp(-1.0, 2.0), self.y.part(y).clamp(-1.0, 3.0));
        (LEFT + x * (self.right() - LEFT), self.bottom() - y * (self.bottom() - TOP))
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
        let (bottom, right) = (self.bottom(), self.right());
        for Tick { value, text } in self.y.ticks(5) {
            let (_, y) = self.place(self.x.low, value);
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/><text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
                LEFT - 8.0,
                y + 4.0
            );
        }
        for Tick { value, text } in self.x.ticks((self.size.0 / 100.0) as usize) {
            let (x, _) = self.place(value, self.y.low);
            let _ = write!(
                out,
                "<path class=\"axis\" d=\"M{x:.1} {bottom}v5\"/><text class=\"tick middle\" x=\"{x:.1}\" y=\"{:.1}\">{text}</text>",
                bottom + 19.0
            );
        }
        let _ = write!(
            out,
            "<path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/><text class=\"label middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            f64::midpoint(LEFT, right),
            self.size.1 - 8.0,
            escape(&self.x.label)
        );
        let middle = f64::midpoint(TOP, bottom);
        let _ = write!(
            out,
            "<text class=\"label middle\" transform=\"translate(14 {middle:.1}) rotate(-90)\">{}</text>",
            escape(&self.y.label)
        );
    }

    fn draw_level(&self, out: &mut String) {
        let Some((level, text)) = &self.level else { return };
        let (_, y) = self.place(self.x.low, *level);
        let right = self.right();
        let _ = write!(
            out,
            "<path class=\"level\" d=\"M{LEFT} {y:.1}H{right}\"/><text class=\"note\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT + 6.0,
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

    fn draw_series(&self, out: &mut String, series: &Series) {
        let _ = write!(out, "<g class=\"c{}\">", colour_class(series.colour));
        let class = if series.mean.is_some() { "seed" } else { "mean" };
        for line in &series.lines {
            self.draw_line(out, class, line.iter().map(|point| (point.x, point.y)));
        }
        if let Some(mean) = &series.mean {
            self.draw_line(out, "mean", mean.iter().copied());
        }
        let sensitive = series.lines.iter().flat_map(|line| thinned(line, MOST_SENSITIVE));
        for point in sensitive.filter(|point| self.is_inside(point)) {
            let (x, y) = self.place(point.x, point.y);
            let title = escape(&point.title);
            let _ = write!(
                out,
                "<circle class=\"point\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"><title>{title}</title></circle>"
            );
        }
        for mark in series.marks.iter().filter(|mark| self.is_inside(mark)) {
            let (x, y) = self.place(mark.x, mark.y);
            let title = escape(&mark.title);
            let _ =
                write!(out, "<path class=\"growth\" d=\"{}\"><title>{title}</title></path>", diamond(x, y));
        }
        out.push_str("</g>");
    }

    fn is_inside(&self, point: &Point) -> bool {
        let inside = |part: f64| (-1e-6..=1.0 + 1e-6).contains(&part);
        inside(self.x.part(point.x)) && inside(self.y.part(point.y))
    }

    fn draw_line(&self, out: &mut String, class: &str, points: impl Iterator<Item = (f64, f64)>) {
        let mut path = String::new();
        // A logarithmic axis has no place for zero.
        for (x, y) in points.filter(|(x, _)| self.x.part(*x).is_finite()) {
            let (x, y) = self.place(x, y);
            let _ = write!(path, "{}{x:.1} {y:.1}", if path.is_empty() { 'M' } else { 'L' });
        }
        let _ = write!(out, "<path class=\"{class}\" d=\"{path}\"/>");
    }

    fn draw_legend(&self, out: &mut String) {
        let mut x = LEFT;
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

fn diamond(x: f64, y: f64) -> String {
    format!("M{:.1} {y:.1}l5 -5l5 5l-5 5z", x - 5.0)
}

/// The palette has seven colours; 0 is the neutral one, for scratch.
pub(crate) fn colour_class(index: usize) -> usize {
    if index < 7 { index } else { 1 + (index - 1) % 6 }
}
