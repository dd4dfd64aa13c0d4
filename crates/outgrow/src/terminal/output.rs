//! Results on standard output. `println!` ends the program when nobody reads any more, or the disk behind it is full.

use std::{
    fmt::{self, Display},
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::error::{Error, Result};

/// Writes one line. A reader who has gone away has read enough; anything else is an error.
///
/// # Errors
/// When standard output can't be written, such as a full disk.
pub(crate) fn line(text: impl Display) -> Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::at("standard output")(error)),
        _ => Ok(()),
    }
}

/// Writes a part of a line, at once; whether somebody still reads.
///
/// # Errors
/// As [`line`].
pub(crate) fn part(text: &str) -> Result<bool> {
    let mut output = io::stdout();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map_err(Error::at("standard output")).map(|()| true),
    }
}

/// Writes a line to standard error as `eprintln!` does, which ends the program where nobody reads it or its disk is
/// full. What is said there is no result: a run goes on without it.
macro_rules! say {
    ($($words:tt)*) => {
        $crate::terminal::output::said(format_args!($($words)*))
    };
}

pub(crate) use say;

/// Whether only errors and warnings are said. Of the whole process, as standard error is.
static IS_QUIET: AtomicBool = AtomicBool::new(false);
/// How lines begin that are said whatever was asked for.
const ALWAYS_SAID: [&str; 2] = ["error: ", "warning: "];

/// Says nothing from now on but errors and warnings, if that is asked for.
pub(crate) fn set_quiet(quiet: bool) {
    IS_QUIET.store(quiet, Ordering::Relaxed);
}

/// Whether progress can be drawn: on a terminal, unless nothing is to be said. Elsewhere there are lines.
pub(crate) fn draws_progress() -> bool {
    io::stderr().is_terminal() && !IS_QUIET.load(Ordering::Relaxed)
}

/// The function behind [`say`].
pub(crate) fn said(text: fmt::Arguments<'_>) {
    let text = text.to_string();
    if !IS_QUIET.load(Ordering::Relaxed) || ALWAYS_SAID.iter().any(|beginning| text.starts_with(beginning)) {
        let _ = writeln!(io::stderr(), "{text}");
    }
}
