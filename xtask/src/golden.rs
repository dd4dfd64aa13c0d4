//! `cargo xtask golden`: makes the files that tests read, with the scripts in `xtask/python/golden/`.
//!
//! No check and no test runs them. What holds the program against others is `cargo xtask compare`.

use std::process::ExitCode;

use crate::scripts;

/// Arguments of `cargo xtask golden`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    interpreter: scripts::Interpreter,
    /// A script in xtask/python/golden, and its arguments; `generate` if there is none.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "NAME [ARGUMENTS]")]
    script: Vec<String>,
}

/// Runs the script, by default the one that makes most of the files.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (name, rest) = match arguments.script.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("generate", [].as_slice()),
    };
    scripts::run(&scripts::programs("golden", "")?, name, rest, &arguments.interpreter)
}
