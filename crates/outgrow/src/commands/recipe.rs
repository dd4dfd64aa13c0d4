//! `outgrow recipe …`: what a recipe may have, for people and for editors.

use crate::{
    error::Result,
    recipe::keys::{reference::reference, schema::schema},
    terminal::{examples, output},
};

/// Flags of `outgrow recipe`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, clap::Subcommand)]
enum Command {
    /// Print all keys as Markdown: type, default, meaning, example.
    #[command(after_help = examples::RECIPE)]
    Reference,
    /// Print a JSON schema, by which editors complete and check recipes.
    ///
    /// For Taplo and for Even Better TOML in VS Code: write it to a file, and name that in a recipe's first line, as
    /// `#:schema ./recipe.schema.json`.
    #[command(after_help = examples::RECIPE)]
    Schema,
}

/// Prints it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match arguments.command {
        Command::Reference => output::line(reference().trim_end()),
        Command::Schema => output::line(format!("{:#}", schema())),
    }
}
