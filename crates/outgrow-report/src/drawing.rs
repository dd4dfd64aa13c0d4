//! Charts as SVG text, and their axes. Knows no run.

pub(crate) mod axis;
pub(crate) mod chart;
