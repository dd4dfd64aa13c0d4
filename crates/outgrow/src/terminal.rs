//! The person in front of the program: what they see of it, and how they end it.

pub mod output;
pub mod notes;
pub mod progress;
pub mod words;
pub mod interrupt;
pub mod hints;
pub mod exit;
