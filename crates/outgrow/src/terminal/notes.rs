//! What a user should know though it stops nothing: one line for each thing, on standard error. Which oddities there
//! are, other crates say.

use std::{fmt::Display, path::Path};

/// Prints each note on a line of its own.
pub(crate) fn print<T: Display>(notes: impl IntoIterator<Item = T>) {
    for note in notes {
        crate::terminal::output::say!("{}", line(note));
    }
}

/// The same, of notes that don't say which folder or file they are about.
pub(crate) fn print_about<T: Display>(about: &Path, notes: impl IntoIterator<Item = T>) {
    print(notes.into_iter().map(|note| format!("{}: {note}", about.display())));
}

/// Prints what makes a result differ from one that somebody may compare it with.
pub(crate) fn warn<T: Display>(warnings: impl IntoIterator<Item = T>) {
    for warning in warnings {
        crate::terminal::output::say!("{}", self::warning(warning));
    }
}

/// A warning where a bar is drawn, which has a way of its own to print lines.
pub(crate) fn warning(warning: impl Display) -> String {
    format!("warning: {warning}")
}

/// A note where a bar is drawn, which has a way of its own to print lines.
pub(crate) fn line(note: impl Display) -> String {
    format!("note: {note}")
}
