//! What is odd about an input and was no reason to refuse it, on standard error. Which oddities there are, other crates
//! say.

use std::{fmt::Display, path::Path};

/// Prints each note on a line of its own; `about` is the folder or file that they are about.
pub fn print<T: Display>(about: &Path, notes: impl IntoIterator<Item = T>) {
    for note in notes {
        eprintln!("note: {}: {note}", about.display());
    }
}
