//! Drawings as SVG text, and their axes. It knows no run.

pub(crate) mod axis;
pub(crate) mod dress;
pub(crate) mod mark;
pub(crate) mod text;

pub(crate) mod chart;
pub(crate) mod forest;
pub(crate) mod heat_map;
pub(crate) mod strips;

pub(crate) mod picture;

#[cfg(test)]
mod tests;
