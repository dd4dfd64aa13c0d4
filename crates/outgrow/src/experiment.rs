//! Experiments: runs that differ in named fields, made side by side and compared.
//!
//! Training is done by child processes of the same program, `outgrow train`: each has its own share of the cores, and a
//! run that fails takes no other with it.

pub(crate) mod scale;
pub(crate) mod definition;

mod quantity;
mod template;
mod kinds;
mod cells;

mod sweep;
mod describe;

mod corpus;

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

mod lock;
pub(crate) mod running;
pub(crate) mod recipes_folder;
pub(crate) mod overview;
