//! The command line of Outgrow.
fn main() {}
