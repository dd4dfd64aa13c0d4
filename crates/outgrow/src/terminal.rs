//! The person in front of the program: what they see of it, and how they end it.

pub(crate) mod figures;
pub(crate) mod output;
pub(crate) mod notes;
pub(crate) mod progress;
pub(crate) mod next;
pub(crate) mod words;
pub(crate) mod spelling;
pub(crate) mod interrupt;
pub(crate) mod examples;
pub(crate) mod hints;
pub(crate) mod exit;
