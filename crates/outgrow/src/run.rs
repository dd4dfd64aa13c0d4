//! One run: what its recipe comes to, what it will do, the folder it is in, the files it writes there, and the
//! benchmarks it is asked.
//!
//! The loop itself is in outgrow-train; `outgrow train` puts the two together.

pub(crate) mod base;
pub(crate) mod token_shards;
mod stages;
pub(crate) mod resolve;
pub(crate) mod folder;
mod branch;
pub(crate) mod start;
pub(crate) mod final_name;
pub(crate) mod plan;

mod growths;
mod stage_times;
mod summary;
pub(crate) mod run_json;
pub(crate) mod metrics;
pub(crate) mod benchmarks;

pub(crate) mod loss_watch;
pub(crate) mod watcher;
