//! Rows of numbers around zero: every seed a ring, the interval a bar, the mean a stroke. It sorts nothing and computes
//! nothing.

use std::fmt::Write;

use crate::{
    drawing::{
        axis::{Axis, Scale, Tick},
        dress::{Dress, open},
        text::{cut, width},
    },
    figures::escape,
};

/// Rows that share an axis.
pub(crate) struct Forest {
    /// What a screen reader says.
    pub title: String,
    /// What the axis has.
    pub label: String,
    /// What lies left and right of zero: `better`, `worse`.
    pub sides: (String, String),
    /// Up to this far from zero a number doesn't count.
    pub negligible: f64,
    pub rows: Vec<Row>,
}

/// One row.
pub(crate) struct Row {
    /// Who it is about.
    pub label: String,
    pub mean: f64,
    pub interval: Option<(f64, f64)>,
    /// Each seed's number, with what a reader sees when pointing at it.
    pub seeds: Vec<(f64, String)>,
    /// The numbers in words, at the end of the row.
    pub text: String,
}

/// Sizes: the drawing's width, a row's height, a row's with its label above it, the text's.
const WIDE: f64 = 940.0;
const NARROW: f64 = 340.0;
const ROW: f64 = 28.0;
const TALL_ROW: f64 = 44.0;
/// A row's height with its label above its numbers, both above it, and the height of a line of text.
const TALLEST_ROW: f64 = 58.0;
const LINE: f64 = 15.0;
const SIZE: f64 = 12.0;

/// The most that a label or a row's text may take of a wide drawing.
const MOST_LABEL: f64 = 310.0;
const MOST_TEXT: f64 = 220.0;

impl Forest {
    /// Whether there are two numbers or more.
    pub(crate) fn has_two_places(&self) -> bool {
        self.values().filter(|value| value.is_finite()).take(2).count() == 2
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.rows.iter().flat_map(|row| {
            let interval = row.interval.map(|(low, high)| [low, high]).into_iter().flatten();
            row.seeds.iter().map(|(value, _)| *value).chain(interval).chain([row.mean])
        })
    }

    /// The rows as an `<svg>` element; narrow ones have their labels above them.
    pub(crate) fn svg(&self, is_narrow: bool, dress: Dress) -> String {
        let mut out = String::new();
        let around_zero = [0.0, self.negligible, -self.negligible];
        let axis = Axis::holding(&self.label, Scale::Linear, self.values().chain(around_zero));
        let Some(axis) = axis else { return out };
        let widest = |texts: &mut dyn Iterator<Item = &String>, most: f64| {
            texts.map(|text| width(text, SIZE) + 14.0).fold(0.0, f64::max).min(most)
        };
        let (full, left, right) = if is_narrow {
            (NARROW, 12.0, NARROW - 12.0)
        } else {
            let labels = widest(&mut self.rows.iter().map(|row| &row.label), MOST_LABEL);
            let texts = widest(&mut self.rows.iter().map(|row| &row.text), MOST_TEXT);
            (WIDE, labels.max(40.0), WIDE - texts.max(20.0))
        };
        let both = |row: &Row| width(&row.label, SIZE) + width(&row.text, SIZE) + 8.0;
        // Where a label and its numbers have no room on one line, all rows have two: a cut label says too little.
        let has_two_lines = is_narrow && self.rows.iter().any(|row| both(row) > full);
        let row_height = match (is_narrow, has_two_lines) {
            (false, _) => ROW,
            (true, false) => TALL_ROW,
            (true, true) => TALLEST_ROW,
        };
        let top = 28.0;
        let bottom = top + row_height * self.rows.len() as f64 + 6.0;
        let height = bottom + 44.0;
        open(&mut out, dress, if is_narrow { "narrow" } else { "" }, (full, height), &self.title);
        let plot = Plot { axis, left, right, top, bottom, full };
        plot.draw(self, is_narrow, &mut out);
        for (index, row) in self.rows.iter().enumerate() {
            let below = if has_two_lines { 9.0 + 0.5 * LINE } else { 9.0 };
            let y = top + row_height * (index as f64 + 0.5) + if is_narrow { below } else { 3.0 };
            plot.draw_row(row, y, &mut out);
            let text_y = if is_narrow { y - 14.0 } else { y + 4.0 };
            let label_y = if has_two_lines { text_y - LINE } else { text_y };
            let (room, text_room) = match (is_narrow, has_two_lines) {
                (false, _) => (left - 12.0, full - right - 12.0),
                (true, false) => (full - 4.0 - width(&row.text, SIZE), full),
                (true, true) => (full, full),
            };
            let _ = write!(
                out,
                "<text class=\"row-label halo\" x=\"0\" y=\"{label_y:.1}\">{}{}</text><text class=\"tick end halo\" x=\"{full}\" y=\"{text_y:.1}\">{}</text>",
                escape(&cut(&row.label, SIZE, room)),
                format_args!("<title>{}</title>", escape(&row.label)),
                escape(&cut(&row.text, SIZE, text_room)),
            );
        }
        out.push_str("</svg>");
        out
    }
}

/// Where the axis lies on the page.
struct Plot {
    axis: Axis,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    full: f64,
}

impl Plot {
    fn x(&self, value: f64) -> Option<f64> {
        let part = self.axis.part(value);
        part.is_finite().then_some(self.left + part * (self.right - self.left))
    }

    fn draw(&self, forest: &Forest, is_narrow: bool, out: &mut String) {
        let Self { left, right, top, bottom, full, .. } = *self;
        let (Some(zero), Some(from), Some(to)) =
            (self.x(0.0), self.x(-forest.negligible), self.x(forest.negligible))
        else {
            return;
        };
        let _ = write!(
            out,
            "<rect class=\"range\" x=\"{from:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            to - from,
            bottom - top
        );
        let wanted = if is_narrow { 4 } else { 7 };
        for Tick { value, text } in self.axis.ticks(wanted) {
            let Some(x) = self.x(value) else { continue };
            let half = 0.5 * width(&text, SIZE);
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{x:.1} {top}V{bottom:.1}\"/><text class=\"tick middle\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
                x.clamp(half, full - half),
                bottom + 17.0
            );
        }
        let (below, above) = (&forest.sides.0, &forest.sides.1);
        let _ = write!(
            out,
            "<path class=\"axis\" d=\"M{left:.1} {bottom:.1}H{right:.1}M{zero:.1} {top}V{bottom:.1}\"/>"
        );
        // Each side's words stand on its side; where zero is at an end, there is no room and no need for the other's.
        for (text, room, class, x) in
            [(below, zero - left, "note end", zero - 8.0), (above, right - zero, "note", zero + 8.0)]
        {
            if width(text, SIZE) + 10.0 < room {
                let y = top - 10.0;
                let _ = write!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y}\">{}</text>", escape(text));
            }
        }
        let label = cut(&self.axis.label, SIZE, full);
        let half = 0.5 * width(&label, SIZE);
        let _ = write!(
            out,
            "<text class=\"label middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            f64::midpoint(left, right).clamp(half.min(0.5 * full), (full - half).max(0.5 * full)),
            bottom + 36.0,
            escape(&label)
        );
    }

    fn draw_row(&self, row: &Row, y: f64, out: &mut String) {
        // Below zero, above it, or neither: the side says it too.
        let colour = match row.interval {
            Some((_, high)) if high < 0.0 => "c1",
            Some((low, _)) if low > 0.0 => "c2",
            _ => "c0",
        };
        let _ = write!(out, "<g class=\"data {colour}\">");
        if let Some((Some(low), Some(high))) = row.interval.map(|(low, high)| (self.x(low), self.x(high))) {
            let _ = write!(
                out,
                "<path class=\"interval\" d=\"M{low:.1} {y:.1}H{high:.1}\"/><path class=\"whisker\" d=\"M{low:.1} {:.1}v10M{high:.1} {:.1}v10\"/>",
                y - 5.0,
                y - 5.0
            );
        }
        let middle = (row.seeds.len() as f64 - 1.0) / 2.0;
        for (index, (value, title)) in row.seeds.iter().enumerate() {
            let Some(x) = self.x(*value) else { continue };
            // Seeds that agree are still counted: each is a little lower than the one before.
            let y = y + (index as f64 - middle).clamp(-4.0, 4.0) * 1.4;
            let _ = write!(
                out,
                "<circle class=\"ring\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.2\"><title>{}</title></circle>",
                escape(title)
            );
        }
        if let Some(x) = self.x(row.mean) {
            let title = escape(&format!("{}: mean {}", row.label, row.text));
            let _ = write!(
                out,
                "<path class=\"mean\" d=\"M{x:.1} {:.1}v14\"><title>{title}</title></path>",
                y - 7.0
            );
        }
        out.push_str("</g>");
    }
}
