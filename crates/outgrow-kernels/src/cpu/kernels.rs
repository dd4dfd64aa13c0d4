//! Operations on the CPU, on plain slices: what a training step there spends its time in.
//!
//! No tensor library is in here, and nothing that opens a device. Results are the same from run to run and for any
//! number of threads: each element is summed in one order, and sums over rows go by blocks of fixed size. Matrix
//! products come from crates ([`matrix`]).
//!
//! It is public for passes of one's own over plain slices, as [`reading`] is for outgrow-model, and for the benches
//! that time single operations.

#![expect(
    clippy::inline_always,
    reason = "what a vector loop calls must become part of it: by itself it would be compiled for the narrowest processor"
)]

pub(crate) mod dispatch;
pub(crate) mod instructions;

pub mod buffers;
pub mod matrix;
pub mod value;
pub(crate) mod vector;

pub mod adamw;
pub mod muon;
pub mod orthogonalization;
pub mod attention;
pub(crate) mod bias;
pub mod cross_entropy;
pub mod normalization;
pub mod rotary;
pub mod swi_glu;

pub mod layer;
pub mod reading;
