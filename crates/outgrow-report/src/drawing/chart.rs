//! A line chart: a look for each method, a thin line for each seed and a thick one for their mean, a band for what is
//! uncertain. Colours come from the style sheet, so that a chart follows the reader's light or dark system. What is
//! drawn is decided by the page, and how by the files below.

mod data;
mod ends;
mod frame;
mod lines;

use std::fmt::Write;

use crate::drawing::{
    chart::frame::Frame,
    dress::{Dress, open},
};

pub(crate) use data::{Chart, Drop, Kind, Minimum, Place, Point, Range, Series, Shape, thinned};

impl Chart {
    /// The chart as an `<svg>` element in its own shape.
    pub(crate) fn svg(&self, dress: Dress) -> String {
        self.drawn(self.shape, "", dress)
    }

    /// The chart as an `<svg>` element in another shape, which `class` names. Its lines show no numbers: it is for
    /// devices without a pointer, beside the chart in its own shape.
    pub(crate) fn svg_in(&self, shape: Shape, class: &str, dress: Dress) -> String {
        self.drawn(shape, class, dress)
    }

    fn drawn(&self, shape: Shape, class: &str, dress: Dress) -> String {
        let mut out = String::new();
        let frame = Frame::of(self, shape);
        open(&mut out, dress, class, (frame.width, frame.height), &self.title);
        let id = if class.is_empty() { self.id.clone() } else { format!("{}-{class}", self.id) };
        let (left, top) = (frame.left, frame.top);
        let (width, height) = (frame.right - left, frame.bottom - top);
        let _ = write!(
            out,
            "<clipPath id=\"clip-{id}\"><rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/></clipPath>"
        );
        frame.draw_axes(self, &mut out);
        frame.draw_ranges(self, &mut out);
        frame.draw_levels(self, &mut out);
        let _ = write!(out, "<g class=\"data\" clip-path=\"url(#clip-{id})\">");
        // Before all lines: a band may cover bands, but no line.
        for series in &self.series {
            self.draw_bands(&mut out, &frame, series);
        }
        for series in &self.series {
            self.draw_series(&mut out, &frame, series, class.is_empty());
        }
        out.push_str("</g>");
        self.draw_minima(&mut out, &frame);
        frame.draw_drops(self, &mut out);
        frame.draw_level_names(self, &mut out);
        frame.draw_legend(&mut out);
        frame.draw_names(self, shape, &mut out);
        out.push_str("</svg>");
        out
    }
}
