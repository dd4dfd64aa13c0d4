//! The parts of programs in `src/bin` that are too large for one file. The benches lie in `benches/`.
#![recursion_limit = "256"]

pub mod gpu;
