//! What numbers over seeds say: paired differences and their intervals, fits with bands, how many seeds a difference
//! needs. It knows no runs and no losses, only numbers.
#![warn(clippy::print_stdout, clippy::print_stderr)]
