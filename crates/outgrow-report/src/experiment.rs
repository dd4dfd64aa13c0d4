//! An experiment as its folder tells it: which runs it has, what they are of, and what is claimed of them.

pub(crate) mod description;
