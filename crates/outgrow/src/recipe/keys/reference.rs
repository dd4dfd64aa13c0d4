//! docs/RECIPES.md: all keys, in tables.

use std::fmt::Write as _;

use super::{Given, METHODS, sections};

const COLUMNS: usize = 120;
const BEGINNING: &str = "\
# Recipes: every key

A recipe is one TOML file. [recipes](recipes) has one for each method, ready to run; `outgrow init SHARDS` writes two
for a corpus of yours. This page is written by `outgrow recipe reference`. `outgrow recipe schema` writes the same as a
JSON schema, by which editors complete and check recipes: write it to a file, and name that in the first line of a
recipe, as `#:schema ./recipe.schema.json` (Taplo; Even Better TOML in VS Code).

Paths are relative to the recipe's folder. Lengths are in tokens. A key that isn't here is refused.
";

/// The page.
pub(crate) fn reference() -> String {
    let mut text = BEGINNING.to_owned();
    for section in sections() {
        let is_method = METHODS.iter().any(|method| std::ptr::eq(&raw const method.section, section));
        let (title, level) = (section.title, if is_method { "###" } else { "##" });
        if METHODS.first().is_some_and(|first| std::ptr::eq(&raw const first.section, section)) {
            text += "\n## [schedule]\n\nA `method` and its settings (docs/SCHEDULES.md). `method = \"stages\"` has any.\n";
        }
        // Writing to a text can't fail.
        let _ = write!(text, "\n{level} {}\n\n{}\n\n", heading(title), wrapped(section.about));
        text += "| key | type | without it | meaning | example |\n|---|---|---|---|---|\n";
        for key in section.keys {
            let given = match key.given {
                Given::Needed => "**needed**".to_owned(),
                Given::Sometimes(when) => format!("needed: {when}"),
                Given::Or(value) => format!("`{value}`"),
                Given::OrElse(words) => words.to_owned(),
            };
            let kind = key.kind.in_words();
            let _ =
                writeln!(text, "| `{}` | {kind} | {given} | {} | `{}` |", key.name, key.meaning, key.example);
        }
    }
    text
}

/// In lines of at most 120 columns, as all prose here.
fn wrapped(words: &str) -> String {
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        let line = lines.last_mut().expect("there is one from the start");
        if line.is_empty() {
            word.clone_into(line);
        } else if line.chars().count() + 1 + word.chars().count() <= COLUMNS {
            *line += " ";
            *line += word;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}

/// With what is code as such.
fn heading(title: &str) -> String {
    if title.starts_with("method") { format!("`{title}`") } else { title.to_owned() }
}
