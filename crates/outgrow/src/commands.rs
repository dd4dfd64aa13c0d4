//! The commands, one file each: flags, and the calls they become.

pub(crate) mod advise;
pub(crate) mod init;
pub(crate) mod recipe;
pub(crate) mod train;
pub(crate) mod grow;
pub(crate) mod export;
pub(crate) mod verify;
pub(crate) mod eval;
pub(crate) mod generate;
pub(crate) mod data;
pub(crate) mod experiment;
pub(crate) mod report;
pub(crate) mod devices;
pub(crate) mod shell;
