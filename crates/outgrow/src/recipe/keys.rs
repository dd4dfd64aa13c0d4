//! Every key that a recipe may have: its type, what it is where it isn't given, its meaning and an example. The
//! reference (docs/RECIPES.md), the schema for editors and messages are made of it. A test holds it against the types
//! that read recipes, so that none lacks a key of the others.

mod run;
mod stages;
mod methods;
pub(crate) mod reference;
pub(crate) mod schema;
#[cfg(test)]
mod tests;

pub(super) use self::{methods::METHODS, run::RECIPE};

/// A table and its keys.
#[derive(Debug)]
pub(super) struct Section {
    /// As the reference calls it: `[model]`.
    pub title: &'static str,
    /// What it is about, in a sentence or two.
    pub about: &'static str,
    /// Its keys, in reading order.
    pub keys: &'static [Key],
}

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub given: Given,
    /// A phrase or two.
    pub meaning: &'static str,
    /// A value, as TOML has it.
    pub example: &'static str,
}

/// What a key may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    /// Relative to the recipe's folder.
    Path,
    /// A whole number from 0.
    Whole,
    Number,
    Flag,
    /// One of these.
    Word(&'static [&'static str]),
    List(&'static Kind),
    Table(&'static Section),
    /// Any of these.
    Either(&'static [Kind]),
    /// `[schedule]`, whose keys depend on its `method`.
    Schedule,
}

/// Whether a key has to be given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given {
    Needed,
    /// One of several is needed, or it depends on another.
    Sometimes(&'static str),
    /// By default this value, as TOML has it.
    Or(&'static str),
    /// What it is where it isn't given, in words.
    OrElse(&'static str),
}

/// `method` of `[schedule]`, with the keys that it has beside that.
#[derive(Debug)]
pub(super) struct Method {
    pub word: &'static str,
    pub section: Section,
}

const fn key(
    name: &'static str,
    kind: Kind,
    given: Given,
    example: &'static str,
    meaning: &'static str,
) -> Key {
    Key { name, kind, given, meaning, example }
}

impl Section {
    /// One of its keys.
    pub(super) fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Kind {
    /// In a few words.
    pub(super) fn in_words(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Path => "path".to_owned(),
            Self::Whole => "whole number".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Word(words) => {
                words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
            }
            Self::List(of) => match of {
                Self::Word(_) => format!("list of {}", of.in_words()),
                Self::Table(section) => format!("list of tables: {}", section.title),
                of => format!("list of {}s", of.in_words()),
            },
            Self::Table(section) => format!("table: {}", section.title),
            Self::Either(kinds) => kinds.iter().map(|kind| kind.in_words()).collect::<Vec<_>>().join(" or "),
            Self::Schedule => "table: [schedule]".to_owned(),
        }
    }

    /// The tables that it is or holds.
    fn tables(self) -> Vec<&'static Section> {
        match self {
            Self::Table(section) => vec![section],
            Self::List(of) => of.tables(),
            Self::Either(kinds) => kinds.iter().flat_map(|kind| kind.tables()).collect(),
            Self::Text
            | Self::Path
            | Self::Whole
            | Self::Number
            | Self::Flag
            | Self::Word(_)
            | Self::Schedule => Vec::new(),
        }
    }
}

/// The method with this word.
pub(super) fn method(word: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.word == word)
}

/// The key at a path from the top of a recipe, where a place in a list is left out; `method` is the schedule's.
pub(super) fn find<'a>(
    path: impl IntoIterator<Item = &'a str>,
    method_word: Option<&str>,
) -> Option<&'static Key> {
    let mut sections: Vec<&'static Section> = vec![&RECIPE];
    let mut found = None;
    for name in path {
        let key = sections.iter().find_map(|section| section.key(name))?;
        sections = match key.kind {
            Kind::Schedule => {
                method_word.and_then(method).map(|method| &method.section).into_iter().collect()
            }
            kind => kind.tables(),
        };
        found = Some(key);
    }
    found
}

/// All sections in the order in which a reader meets them, each once.
pub(super) fn sections() -> Vec<&'static Section> {
    let mut all: Vec<&'static Section> = vec![&RECIPE];
    let mut next = 0;
    while next < all.len() {
        let of_keys = all[next].keys.iter().flat_map(|key| match key.kind {
            Kind::Schedule => METHODS.iter().map(|method| &method.section).collect(),
            kind => kind.tables(),
        });
        let fresh: Vec<_> = of_keys.collect();
        for section in fresh {
            if !all.iter().any(|known| std::ptr::eq(*known, section)) {
                all.push(section);
            }
        }
        next += 1;
    }
    all
}
