//! Experiments: several runs that differ in named fields, run side by side and compared.
//!
//! Training is done by child processes of the same program, `outgrow train`: each has its own share of the cores, and a
//! run that fails takes no other with it.

pub(crate) mod corpus;
pub(crate) mod definition;
pub(crate) mod processes;
