//! The machine beneath the program: what it can compute in, and how fast its disk is.

pub mod compute;
pub mod disk;
