//! One run: what its recipe comes to, the folder it is in, the files it writes there, and the benchmarks it is asked.
//!
//! The loop itself is in outgrow-train; `outgrow train` puts the two together.

pub mod resolve;
pub mod folder;

pub mod run_json;
pub mod metrics;
pub mod benchmarks;
