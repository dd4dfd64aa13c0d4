//! How a command ends: the message and the exit status.

use std::process::ExitCode;

use crate::error::Result;

const BAD_INPUT: u8 = 2;

/// Prints an error, as one line but for several problems of a recipe, and picks the status: 0 done, 2 bad input, 1
/// anything else.
pub(crate) fn status(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::terminal::output::say!("error: {}", error.on_lines());
            if error.is_input() { ExitCode::from(BAD_INPUT) } else { ExitCode::FAILURE }
        }
    }
}

/// Ends a command line that clap could not read, or that asked for help. Like every other error it is one line.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Help and version, which go to stdout; if that is closed, nobody reads them.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    // What follows is a summary of the usage and a hint at --help, several lines long.
    let problem = text.split("\n\nUsage:").next().unwrap_or(&text);
    let problem = problem.split("\n\nFor more information").next().unwrap_or(problem);
    crate::terminal::output::say!("{}", problem.split_whitespace().collect::<Vec<_>>().join(" "));
    ExitCode::from(BAD_INPUT)
}
