//! Drawings as SVG text, and their axes. It knows no run.

pub(crate) mod axis;
pub(crate) mod dress;
pub(crate) mod mark;
pub(crate) mod text;

pub(crate) mod chart;
#[allow(dead_code, reason = "the page of an experiment comes next")]
pub(crate) mod forest;
#[allow(dead_code, reason = "the page of an experiment comes next")]
pub(crate) mod heat_map;
#[allow(dead_code, reason = "the page of an experiment comes next")]
pub(crate) mod strips;

#[allow(dead_code, reason = "the page of an experiment comes next")]
pub(crate) mod picture;
