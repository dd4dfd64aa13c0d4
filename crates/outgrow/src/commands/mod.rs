//! The commands, one file each: flags, and the calls they become.

pub mod data;
pub mod devices;
pub mod eval;
pub mod experiment;
pub mod export;
pub mod generate;
pub mod grow;
mod grow_flags;
pub mod report;
pub mod train;
pub mod verify;
