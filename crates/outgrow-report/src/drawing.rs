//! Charts as SVG text, and their axes. It knows no run.

pub(crate) mod axis;
pub(crate) mod chart;
