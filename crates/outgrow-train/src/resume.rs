//! Going on with a run: what a checkpoint remembers, which checkpoints of a folder are whole, and what may have changed
//! since the newest one was written. Nothing is trained here.

pub(crate) mod layout;
pub(crate) mod rules;
pub(crate) mod difference;
pub(crate) mod state;
pub(crate) mod comparison;
pub(crate) mod run_folder;
pub(crate) mod checkpoint;
