//! The CPU: kernels on plain slices, and the operations on tensors that are made of them.

pub mod kernels;
pub(crate) mod operations;
