//! A grid of numbers, coloured from far below zero to far above it, each number in its cell; and a ridge over it. It
//! computes nothing.

use std::fmt::Write;

use crate::{
    drawing::{
        dress::{Dress, open},
        text::{cut, width},
    },
    figures::escape,
};

/// A grid. Colour says how far a number is from zero, the sign which colour; the number itself stands in the cell.
pub(crate) struct HeatMap {
    /// What a screen reader says.
    pub title: String,
    /// What the columns are, and what the rows are.
    pub labels: (String, String),
    /// The columns' names, from left to right.
    pub columns: Vec<String>,
    /// From top to bottom.
    pub rows: Vec<HeatRow>,
    /// What the colours mean: below zero, above it.
    pub sides: (String, String),
}

/// One row.
pub(crate) struct HeatRow {
    pub name: String,
    /// What is said beside its name where there is room.
    pub beside: String,
    /// A cell a column; `None` where there is no number.
    pub cells: Vec<Option<Cell>>,
    /// Where the fitted minimum lies, in columns from the left: 0 is the middle of the first. With its interval.
    pub ridge: Option<(f64, Option<(f64, f64)>)>,
}

/// One number.
pub(crate) struct Cell {
    pub value: f64,
    /// As it stands in the cell.
    pub text: String,
    /// What a reader sees when pointing at it.
    pub title: String,
}

/// The strongest colour: under it, text is still easy to read.
const STRONGEST: f64 = 0.5;

/// The text's size in a cell, and beside the grid.
const SIZE: f64 = 12.0;

const WIDE: f64 = 940.0;
const NARROW: f64 = 340.0;

/// The height of a cell, and with a ridge in it.
const ROW: f64 = 34.0;
const RIDGE_ROW: f64 = 46.0;

/// How far apart slanted names have to stand.
const SLANTED: f64 = 21.0;

/// Below this width, a cell's number would meet its neighbour's, and stands only where one points.
const ROOM: f64 = 4.0;

impl HeatMap {
    /// Whether there are two numbers or more.
    pub(crate) fn has_two_places(&self) -> bool {
        self.values().take(2).count() == 2
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let cells = self.rows.iter().flat_map(|row| row.cells.iter().flatten());
        cells.map(|cell| cell.value).filter(|value| value.is_finite())
    }

    /// The grid as an `<svg>` element.
    pub(crate) fn svg(&self, is_narrow: bool, dress: Dress) -> String {
        let mut out = String::new();
        let full = if is_narrow { NARROW } else { WIDE };
        let names: Vec<String> = self
            .rows
            .iter()
            .map(|row| {
                let has_beside = !is_narrow && !row.beside.is_empty();
                if has_beside { format!("{}, {}", row.name, row.beside) } else { row.name.clone() }
            })
            .collect();
        let down = width(&self.labels.1, SIZE) + 12.0;
        let widest = names.iter().map(|name| width(name, SIZE) + 12.0).fold(down, f64::max);
        let left = widest.min(if is_narrow { 96.0 } else { 240.0 });
        let columns = self.columns.len().max(1) as f64;
        let cell_width = (full - left) / columns;
        // Few columns needn't fill the page.
        let cell_width = cell_width.min(150.0);
        let has_ridge = self.rows.iter().any(|row| row.ridge.is_some());
        let row_height = if has_ridge { RIDGE_ROW } else { ROW };
        // Names that have no room side by side stand slanted.
        let longest = self.columns.iter().map(|name| width(name, SIZE)).fold(0.0, f64::max);
        let is_slanted = longest + 6.0 > cell_width;
        // The last slanted name needs room beside its column.
        let cell_width = if is_slanted { cell_width.min((full - 22.0 - left) / columns) } else { cell_width };
        let top = if is_slanted { 34.0 + 0.75 * longest.min(110.0) } else { 44.0 };
        let bottom = top + row_height * self.rows.len() as f64;
        let height = bottom + 46.0;
        open(&mut out, dress, if is_narrow { "narrow" } else { "" }, (full, height), &self.title);
        let grid = Grid { full, left, top, bottom, cell_width, row_height, is_slanted };
        grid.draw_names(self, &names, &mut out);
        grid.draw_cells(self, &mut out);
        grid.draw_ridge(self, &mut out);
        grid.draw_key(self, has_ridge, &mut out);
        out.push_str("</svg>");
        out
    }
}

/// Where the cells lie on the page.
struct Grid {
    full: f64,
    left: f64,
    top: f64,
    bottom: f64,
    cell_width: f64,
    row_height: f64,
    is_slanted: bool,
}

impl Grid {
    fn draw_names(&self, map: &HeatMap, rows: &[String], out: &mut String) {
        let Self { full, left, top, cell_width, row_height, is_slanted, .. } = *self;
        let (across, down) = &map.labels;
        let across_text = cut(across, SIZE, full - left);
        let _ = write!(out, "<text class=\"label\" x=\"{left:.1}\" y=\"14\">{}</text>", escape(&across_text));
        // The rows' label stands over their names, if it has room beside the columns' names.
        let _ = write!(
            out,
            "<text class=\"label\" x=\"0\" y=\"{:.1}\">{}</text>",
            top - 8.0,
            escape(&cut(down, SIZE, left - 6.0))
        );
        // Slanted names still need a line's height each: of very narrow columns some go without.
        let every = if is_slanted { (SLANTED / cell_width).ceil().max(1.0) as usize } else { 1 };
        for (index, name) in map.columns.iter().enumerate().step_by(every) {
            let middle = left + cell_width * (index as f64 + 0.5);
            let title = escape(name);
            let _ = if is_slanted {
                let room = (full - middle).min(110.0) / 0.75;
                write!(
                    out,
                    "<text class=\"tick\" transform=\"translate({:.1} {:.1}) rotate(-45)\">{}<title>{title}</title></text>",
                    middle - 2.0,
                    top - 6.0,
                    escape(&cut(name, SIZE, room))
                )
            } else {
                write!(
                    out,
                    "<text class=\"tick middle\" x=\"{middle:.1}\" y=\"{:.1}\">{title}</text>",
                    top - 8.0
                )
            };
        }
        for (index, name) in rows.iter().enumerate() {
            let y = top + row_height * (index as f64 + 0.5) + 4.0;
            let _ = write!(
                out,
                "<text class=\"row-label\" x=\"0\" y=\"{y:.1}\">{}<title>{}</title></text>",
                escape(&cut(name, SIZE, left - 6.0)),
                escape(name)
            );
        }
    }

    fn draw_cells(&self, map: &HeatMap, out: &mut String) {
        let Self { left, top, cell_width, row_height, .. } = *self;
        let largest = map.values().map(f64::abs).fold(f64::MIN_POSITIVE, f64::max);
        let _ = write!(out, "<g class=\"data\">");
        for (down, row) in map.rows.iter().enumerate() {
            for (across, cell) in row.cells.iter().enumerate().take(map.columns.len()) {
                let (x, y) = (left + cell_width * across as f64 + 1.0, top + row_height * down as f64 + 1.0);
                let (cell_width, cell_height) = (cell_width - 2.0, row_height - 2.0);
                let place = format!(
                    "x=\"{x:.1}\" y=\"{y:.1}\" width=\"{cell_width:.1}\" height=\"{cell_height:.1}\" rx=\"4\""
                );
                let Some(cell) = cell.as_ref().filter(|cell| cell.value.is_finite()) else {
                    let _ = write!(out, "<rect class=\"missing\" {place}><title>no number</title></rect>");
                    continue;
                };
                let side = if cell.value < 0.0 { "below" } else { "above" };
                let strength = STRONGEST * (cell.value.abs() / largest).min(1.0);
                let title = escape(&cell.title);
                let _ = write!(
                    out,
                    "<g><title>{title}</title><rect class=\"{side}\" fill-opacity=\"{strength:.3}\" {place}/>"
                );
                if width(&cell.text, SIZE) + ROOM <= cell_width {
                    // A ridge runs through the middle: the number stands above it.
                    let text_y = y + if row_height > ROW { 15.0 } else { 0.5 * cell_height + 4.0 };
                    let _ = write!(
                        out,
                        "<text class=\"in-cell middle\" x=\"{:.1}\" y=\"{text_y:.1}\">{}</text>",
                        x + 0.5 * cell_width,
                        escape(&cell.text)
                    );
                }
                out.push_str("</g>");
            }
        }
        out.push_str("</g>");
    }

    /// The fitted minima, connected from row to row.
    fn draw_ridge(&self, map: &HeatMap, out: &mut String) {
        let Self { left, top, cell_width, row_height, .. } = *self;
        let last = map.columns.len().max(1) as f64 - 1.0;
        let x = |column: f64| left + cell_width * (column.clamp(0.0, last) + 0.5);
        let mut line = String::new();
        let mut dots = String::new();
        for (down, row) in map.rows.iter().enumerate() {
            let Some((column, interval)) = row.ridge.filter(|(column, _)| column.is_finite()) else {
                continue;
            };
            let y = top + row_height * (down as f64 + 0.5) + 9.0;
            let _ = write!(line, "{}{:.1} {y:.1}", if line.is_empty() { 'M' } else { 'L' }, x(column));
            if let Some((low, high)) = interval.filter(|(low, high)| low.is_finite() && high.is_finite()) {
                let _ = write!(dots, "<path class=\"ridge\" d=\"M{:.1} {y:.1}H{:.1}\"/>", x(low), x(high));
            }
            let _ =
                write!(dots, "<circle class=\"ridge-dot\" cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4.5\"/>", x(column));
        }
        if !line.is_empty() {
            let _ = write!(out, "<path class=\"level\" d=\"{line}\"/>{dots}");
        }
    }

    /// What the colours and the ridge mean.
    fn draw_key(&self, map: &HeatMap, has_ridge: bool, out: &mut String) {
        let y = self.bottom + 16.0;
        let (below, above) = &map.sides;
        let mut x = 0.0;
        let mut row = 0.0;
        let mut place = |text: &str, sample: f64| {
            let length = sample + 8.0 + width(text, SIZE) + 16.0;
            if x > 0.0 && x + length > self.full + 16.0 {
                (x, row) = (0.0, row + 18.0);
            }
            let at = (x, y + row);
            x += length;
            at
        };
        for (text, class) in [(below, "below"), (above, "above")] {
            let (x, y) = place(text, 26.0);
            let _ = write!(
                out,
                "<rect class=\"{class}\" fill-opacity=\"{STRONGEST}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"26\" height=\"12\" rx=\"3\"/><text class=\"note\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                y - 2.0,
                x + 34.0,
                y + 8.0,
                escape(text)
            );
        }
        if has_ridge {
            let text = "fitted minimum, with its interval";
            let (x, y) = place(text, 26.0);
            let _ = write!(
                out,
                "<path class=\"ridge\" d=\"M{x:.1} {:.1}h26\"/><circle class=\"ridge-dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4.5\"/><text class=\"note\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
                y + 4.0,
                x + 13.0,
                y + 4.0,
                x + 34.0,
                y + 8.0
            );
        }
    }
}
