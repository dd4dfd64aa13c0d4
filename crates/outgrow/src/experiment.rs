//! Experiments: runs that differ in named fields, made side by side and compared.
//!
//! Training is done by child processes of the same program, `outgrow train`: each has its own share of the cores, and a
//! run that fails takes no other with it.

pub(crate) mod scale;
pub(crate) mod definition;
pub(crate) mod recipes_folder;

mod quantity;
mod template;
pub(crate) mod kinds;
pub(crate) mod cells;

pub(crate) mod sweep;
pub(crate) mod describe;

pub(crate) mod corpus;

mod cell_record;
pub(crate) mod shard;
mod trunks;
mod matrix;
mod bookkeeping;

mod queue;
mod estimate;
mod processes;
pub(crate) mod making;
pub(crate) mod results;
pub(crate) mod overview;
