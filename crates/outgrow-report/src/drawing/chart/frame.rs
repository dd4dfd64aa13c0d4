//! What stands around the lines of a chart: where the plot lies on the page, axes, levels, the legend. It draws no
//! data.

use std::fmt::Write;

use crate::{
    drawing::{
        axis::{Scale, Tick},
        chart::{
            data::{Chart, Kind, Shape},
            ends,
        },
        mark::{Look, diamond},
        text::{cut, width},
    },
    figures::escape,
};

/// What is kept free right of the plot and below it, in the chart's units: about a pixel each.
const RIGHT: f64 = 18.0;
const BOTTOM: f64 = 48.0;

/// The height of a row of the legend, and the sizes of text in it and beside the axes.
const LEGEND_ROW: f64 = 22.0;
const LEGEND_SIZE: f64 = 13.0;
const TICK_SIZE: f64 = 12.0;

/// Where the plot lies on the page, and what the legend has.
pub(super) struct Frame {
    pub width: f64,
    pub height: f64,
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
    /// Whether all of a line's places are dots.
    pub has_dots: bool,
    legend: Vec<Entry>,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
}

/// A name in the legend; `look` is nothing for the growths.
struct Entry {
    text: String,
    look: Option<Look>,
    kind: Kind,
    x: f64,
    y: f64,
}

impl Frame {
    pub(super) fn of(chart: &Chart, shape: Shape) -> Self {
        let (width, height) = match shape {
            Shape::Whole => (940.0, 430.0),
            Shape::Half => (480.0, 320.0),
            Shape::Third => (330.0, 220.0),
            Shape::Narrow => (340.0, 290.0),
        };
        let is_small = matches!(shape, Shape::Third | Shape::Narrow);
        // Numbers in a small chart are few and stand close.
        let (every, y_wanted) = if is_small { (60.0, 4) } else { (100.0, 5) };
        let y_ticks = chart.y.ticks(y_wanted);
        let widest = y_ticks.iter().map(|tick| self::width(&tick.text, TICK_SIZE)).fold(0.0, f64::max);
        // The label, turned, stands left of the numbers.
        let left = (widest + 32.0).max(if is_small { 44.0 } else { 58.0 });
        let names = ends::room(chart, shape, height - 18.0 - LEGEND_ROW - BOTTOM);
        let right = width - RIGHT - names;
        let mut x_ticks = chart.x.ticks(((width - names) / every) as usize);
        // From left to right, also where the axis runs downwards.
        x_ticks.sort_by(|one, two| chart.x.part(one.value).total_cmp(&chart.x.part(two.value)));
        let legend = match shape {
            Shape::Third => Vec::new(),
            Shape::Whole | Shape::Half | Shape::Narrow => legend(chart, left, right, names > 0.0),
        };
        let rows = legend.last().map_or(0.0, |entry| (entry.y - 18.0) / LEGEND_ROW + 1.0);
        let top = if legend.is_empty() { 12.0 } else { 18.0 + LEGEND_ROW * rows };
        let height = height + LEGEND_ROW * (rows - 1.0).max(0.0);
        Self {
            width,
            height,
            left,
            right,
            top,
            bottom: height - BOTTOM,
            has_dots: shape == Shape::Third,
            legend,
            x_ticks,
            y_ticks,
        }
    }

    /// A place in data to a place on the page.
    pub(super) fn place(&self, chart: &Chart, x: f64, y: f64) -> (f64, f64) {
        // Far outside is as good as just outside, and keeps the text short.
        let (x, y) = (chart.x.part(x).clamp(-1.0, 2.0), chart.y.part(y).clamp(-1.0, 3.0));
        (self.left + x * (self.right - self.left), self.bottom - y * (self.bottom - self.top))
    }

    pub(super) fn draw_axes(&self, chart: &Chart, out: &mut String) {
        let Self { left, right, top, bottom, .. } = *self;
        for Tick { value, text } in &self.y_ticks {
            let (_, y) = self.place(chart, chart.x.low, *value);
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{left:.1} {y:.1}H{right:.1}\"/><text class=\"tick end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                left - 8.0,
                y + 4.0,
                escape(text)
            );
        }
        let mut free = f64::NEG_INFINITY;
        for Tick { value, text } in &self.x_ticks {
            let (x, _) = self.place(chart, *value, chart.y.low);
            let _ = write!(out, "<path class=\"axis\" d=\"M{x:.1} {bottom:.1}v5\"/>");
            let half = 0.5 * width(text, TICK_SIZE);
            let x = x.min(self.width - half - 1.0);
            // A number that would touch its neighbour is left out; its tick stays.
            if x - half < free {
                continue;
            }
            free = x + half + 3.0;
            let _ = write!(
                out,
                "<text class=\"tick middle\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
                bottom + 19.0,
                escape(text)
            );
        }
        if chart.x.scale == Scale::LogarithmicBesideZero {
            let (x, _) = self.place(chart, 0.0, chart.y.low);
            let (first, _) = self.place(chart, chart.x.low, chart.y.low);
            let _ = write!(
                out,
                "<path class=\"axis\" d=\"M{:.1} {:.1}l4 -8m3 0l-4 8\"/>",
                f64::midpoint(x, first) - 4.0,
                bottom + 4.0
            );
        }
        let (x_room, y_room) = (self.width - left, bottom);
        let x_label = cut(&chart.x.label, TICK_SIZE, x_room);
        // In the middle of the plot, unless it then left the page.
        let half = 0.5 * width(&x_label, TICK_SIZE);
        let _ = write!(
            out,
            "<path class=\"axis\" d=\"M{left:.1} {bottom:.1}H{right:.1}\"/><text class=\"label middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            f64::midpoint(left, right).min(self.width - half),
            self.height - 8.0,
            escape(&x_label)
        );
        let _ = write!(
            out,
            "<text class=\"label middle\" transform=\"translate(14 {:.1}) rotate(-90)\">{}</text>",
            f64::midpoint(top, bottom),
            escape(&cut(&chart.y.label, TICK_SIZE, y_room))
        );
    }

    pub(super) fn draw_ranges(&self, chart: &Chart, out: &mut String) {
        for range in &chart.ranges {
            let inside = |value: f64| self.place(chart, value, chart.y.low).0.clamp(self.left, self.right);
            let (from, to) = (inside(range.from), inside(range.to));
            // Below zero there are no logarithms.
            if from.is_nan() || to.is_nan() || to < from {
                continue;
            }
            let is_left = from < f64::midpoint(self.left, self.right);
            let (class, x) = if is_left { ("note", from + 4.0) } else { ("note end", to - 4.0) };
            let room = if is_left { self.right - from } else { to - self.left } - 8.0;
            let _ = write!(
                out,
                "<rect class=\"range\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/><text class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
                self.top,
                (to - from).max(1.0),
                self.bottom - self.top,
                self.top + 13.0,
                escape(&cut(&range.text, TICK_SIZE, room))
            );
        }
    }

    pub(super) fn draw_levels(&self, chart: &Chart, out: &mut String) {
        for (level, _) in chart.levels.iter().filter(|(level, _)| chart.y.holds(*level)) {
            let (_, y) = self.place(chart, chart.x.low, *level);
            let _ = write!(out, "<path class=\"level\" d=\"M{:.1} {y:.1}H{:.1}\"/>", self.left, self.right);
        }
    }

    /// What levels are called. Lines that cross a name break around it.
    pub(super) fn draw_level_names(&self, chart: &Chart, out: &mut String) {
        let Self { left, right, .. } = *self;
        let mut above = f64::NEG_INFINITY;
        let mut levels: Vec<&(f64, String)> =
            chart.levels.iter().filter(|(level, _)| chart.y.holds(*level)).collect();
        levels.sort_by(|(one, _), (two, _)| two.total_cmp(one));
        for (level, text) in levels {
            let (_, y) = self.place(chart, chart.x.low, *level);
            // Below its line, or above it at the bottom of the plot; a text that would meet the one before is left out.
            let text_y = if y + 18.0 > self.bottom { y - 6.0 } else { y + 15.0 };
            if text_y - above < 15.0 || text.is_empty() {
                continue;
            }
            above = text_y;
            let _ = write!(
                out,
                "<text class=\"note halo\" x=\"{:.1}\" y=\"{text_y:.1}\">{}</text>",
                left + 6.0,
                escape(&cut(text, TICK_SIZE, right - left - 8.0))
            );
        }
    }

    pub(super) fn draw_drops(&self, chart: &Chart, out: &mut String) {
        let bottom = self.bottom;
        for (index, drop) in chart.drops.iter().filter(|drop| drop.x.is_finite()).enumerate() {
            let (x, y) = self.place(chart, drop.x, drop.y);
            // Texts of neighbours stand on lines of their own, left of their line where the page ends.
            let line = bottom - 8.0 - 15.0 * index as f64;
            let near_the_end = x > self.right - 150.0;
            let (class, text_x) = if near_the_end { ("note end", x - 6.0) } else { ("note", x + 6.0) };
            let _ = write!(
                out,
                "<g class=\"{}\"><path class=\"drop\" d=\"M{x:.1} {y:.1}V{bottom:.1}\"/><circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/><text class=\"{class} own\" x=\"{text_x:.1}\" y=\"{line:.1}\">{}</text></g>",
                drop.look.colour(),
                escape(&drop.text)
            );
        }
    }

    /// The names of lines at their ends, where these stand there.
    pub(super) fn draw_names(&self, chart: &Chart, shape: Shape, out: &mut String) {
        ends::draw(chart, shape, (self.top, self.bottom, self.right), |x, y| self.place(chart, x, y), out);
    }

    pub(super) fn draw_legend(&self, out: &mut String) {
        for Entry { text, look, kind, x, y } in &self.legend {
            let text_x = match (look, kind) {
                (None, _) => {
                    let path = diamond(x + 6.0, *y);
                    let _ = write!(out, "<g class=\"c0\"><path class=\"growth\" d=\"{path}\"/></g>");
                    x + 18.0
                }
                (Some(look), Kind::Line | Kind::Foretold) => {
                    let class = if *kind == Kind::Line { "mean" } else { "foretold" };
                    let _ = write!(
                        out,
                        "<g class=\"{}\"><path class=\"{class}{}\" d=\"M{x:.1} {y:.1}h20\"/>",
                        look.colour(),
                        look.dash()
                    );
                    look.shape(out, (x + 10.0, *y));
                    out.push_str("</g>");
                    x + 27.0
                }
                (Some(look), Kind::Dots) => {
                    let _ = write!(
                        out,
                        "<g class=\"{}\"><circle class=\"ring\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"3.5\"/></g>",
                        look.colour(),
                        x + 6.0
                    );
                    x + 18.0
                }
            };
            let _ = write!(
                out,
                "<text class=\"legend\" x=\"{text_x:.1}\" y=\"{:.1}\">{}</text>",
                y + 4.0,
                escape(text)
            );
        }
    }
}

/// The names of all series and, where there is one, of the growths, in as many rows as they need. Names that stand at
/// the ends of their lines aren't in it.
fn legend(chart: &Chart, left: f64, right: f64, has_names: bool) -> Vec<Entry> {
    let is_at_its_end = |kind: Kind| has_names && kind == Kind::Line;
    let named = chart.series.iter().filter(|series| !series.name.is_empty() && !is_at_its_end(series.kind));
    let mut entries: Vec<(&str, Option<Look>, Kind)> =
        named.map(|series| (series.name.as_str(), Some(series.look), series.kind)).collect();
    let is_grown = chart.series.iter().flat_map(|series| &series.marks).any(|mark| chart.is_inside(mark));
    if is_grown {
        entries.push(("growth", None, Kind::Line));
    }
    let (mut x, mut y) = (left, 18.0);
    let mut placed = Vec::new();
    for (name, look, kind) in entries {
        let sample = if look.is_some() && kind != Kind::Dots { 27.0 } else { 18.0 };
        let text = cut(name, LEGEND_SIZE, right - left - sample);
        let length = sample + width(&text, LEGEND_SIZE);
        if x > left && x + length > right + RIGHT - 2.0 {
            (x, y) = (left, y + LEGEND_ROW);
        }
        placed.push(Entry { text, look, kind, x, y });
        x += length + 16.0;
    }
    placed
}
