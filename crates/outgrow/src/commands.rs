//! The commands, one file each: flags, and the calls they become.

pub mod train;
pub mod grow;
pub mod export;
pub mod verify;
pub mod eval;
pub mod generate;
pub mod data;
pub mod experiment;
pub mod report;
pub mod devices;
