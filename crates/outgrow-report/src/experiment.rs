//! An experiment as its folder tells it: which runs it has, what they are of, what is claimed of them, and what came of
//! that. How it looks is decided by the page.

pub(crate) mod description;

mod references;
pub(crate) mod cell;
mod parts;
mod unplanned;
pub(crate) mod reading;

pub(crate) mod outcome;
pub(crate) mod claims;

pub(crate) mod csv;
pub(crate) mod fitted_law;
pub(crate) mod power;
