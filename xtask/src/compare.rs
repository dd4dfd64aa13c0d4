//! `cargo xtask compare`: holds the program against other tools, with the scripts in `xtask/python/checks/`.
//!
//! They need packages that tests do without, and minutes to an hour; nothing in the gate runs them.

use std::process::ExitCode;

use crate::scripts;

/// Arguments of `cargo xtask compare`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    interpreter: scripts::Interpreter,
    /// A check, without the `check_` of its file, and its arguments. Without one, all are listed.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "NAME [ARGUMENTS]")]
    check: Vec<String>,
}

/// Runs the check, or lists those that there are.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let checks = scripts::programs("checks", "check_")?;
    let Some((name, rest)) = arguments.check.split_first() else {
        println!(
            "cargo xtask compare NAME [ARGUMENTS]; NAME --help says which\n\n{}",
            scripts::table(&checks)
        );
        return Ok(ExitCode::SUCCESS);
    };
    scripts::run(&checks, name, rest, &arguments.interpreter)
}
