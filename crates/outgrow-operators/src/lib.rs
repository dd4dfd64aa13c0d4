//! Growth operators: what each tensor of a grown model is made of, and carrying it out.
//!
//! It trains nothing and decides nothing: when to grow, and by what, is outgrow-schedules'.
#![doc = include_str!("../README.md")]

mod account;
mod error;
mod execute;
mod folder;
mod growth;
mod layer_map;
mod plan;

pub use account::Account;
pub use error::GrowthError;
pub use execute::{Medium, execute, grow_tensors};
pub use folder::grow_folder;
pub use growth::Growth;
pub use plan::{GrowthPlan, Origin, PlannedTensor, plan};
