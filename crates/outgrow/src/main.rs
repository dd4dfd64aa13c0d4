//! The command line of Outgrow. Everything else is in the library.
#![recursion_limit = "256"]

fn main() -> std::process::ExitCode {
    outgrow::run()
}
