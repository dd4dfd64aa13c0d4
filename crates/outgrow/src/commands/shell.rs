//! `outgrow completions` and `outgrow man`: what shells and `man` know of the program, made from the definition that
//! `--help` is made from.

use std::{fs, path::PathBuf};

use clap_complete::Shell;
use clap_mangen::Man;

use crate::{
    error::{Error, Result},
    terminal::output,
};

/// Flags of `outgrow completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

/// Flags of `outgrow man`.
#[derive(Debug, clap::Args)]
pub(crate) struct ManPages {
    /// The folder to write them to, a file for each command; such as ~/.local/share/man/man1.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Prints what a shell reads.
pub(crate) fn complete(arguments: &Completions, mut program: clap::Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut program, "outgrow", &mut script);
    output::part(&String::from_utf8_lossy(&script)).map(|_| ())
}

/// Writes the pages.
pub(crate) fn write_man_pages(arguments: &ManPages, mut program: clap::Command) -> Result<()> {
    let folder = &arguments.folder;
    // Flags of all commands are in each only then.
    program.build();
    fs::create_dir_all(folder).map_err(Error::at(folder))?;
    let mut count = 0;
    let mut open = vec![("outgrow".to_owned(), program)];
    while let Some((name, command)) = open.pop() {
        // `help` explains the others, which have pages of their own.
        let within =
            command.get_subcommands().filter(|within| within.get_name() != "help" && !within.is_hide_set());
        open.extend(within.map(|within| (format!("{name}-{}", within.get_name()), within.clone())));
        // Its usage has the words that are typed, and its page the name of its file.
        let examples = command.get_after_help().map(|help| examples(&help.to_string())).unwrap_or_default();
        let command =
            command.bin_name(name.replace('-', " ")).display_name(name.clone()).after_help(None::<&str>);
        let mut page = Vec::new();
        let path = folder.join(format!("{name}.1"));
        Man::new(command).render(&mut page).map_err(Error::at(&path))?;
        page.extend(examples.into_bytes());
        fs::write(&path, page).map_err(Error::at(&path))?;
        count += 1;
    }
    output::line(format_args!(
        "{}: {count} pages; `man -l {}` shows one",
        folder.display(),
        folder.join("outgrow.1").display()
    ))
}

/// What stands behind a help text, as a section of a page whose lines stay as they are.
fn examples(after_help: &str) -> String {
    let lines = after_help.lines().filter(|line| *line != "Examples:");
    let lines: Vec<String> = lines.map(|line| line.replace('\\', "\\e").replace('-', "\\-")).collect();
    format!(".SH EXAMPLES\n.nf\n{}\n.fi\n", lines.join("\n"))
}
