//! The machine beneath the program: what it can compute in, and how fast its disk is.

pub(crate) mod compute;
pub(crate) mod disk;
