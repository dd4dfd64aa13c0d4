//! Operations on the CPU, on plain slices: what a training step there spends its time in.
//!
//! Nothing here knows burn. Results are the same from run to run and for any number of threads: each element is summed in one order, and sums
//! over rows go by blocks of fixed size. Matrix products come from crates (`matrix/`).

// What a vector loop calls must become part of it: compiled by itself it would be compiled for the narrowest processor.
#![allow(clippy::inline_always)]

pub(crate) mod dispatch;
pub(crate) mod instructions;

pub mod buffers;
pub mod matrix;
pub mod value;
pub mod vector;

pub mod adamw;
pub mod attention;
pub mod cross_entropy;
pub mod normalization;
pub mod rotary;
pub mod swi_glu;

pub mod layer;
pub mod reading;
