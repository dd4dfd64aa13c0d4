//! Flags that take a word of a closed set. The words are those of the crate that has the set; the help is the
//! command's.

use std::fmt::Display;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// Reads a word of a set. `--help` lists all words, each with its help where that isn't empty.
pub(crate) fn one_of<T>(all: &'static [T], help: fn(T) -> &'static str) -> impl TypedValueParser<Value = T>
where
    T: Copy + Display + Send + Sync + 'static,
{
    let word = move |value: &T| {
        // clap's words live as long as the program.
        let word = PossibleValue::new(&*value.to_string().leak());
        if help(*value).is_empty() { word } else { word.help(help(*value)) }
    };
    let named = move |word: String| all.iter().copied().find(|value| value.to_string() == word);
    PossibleValuesParser::new(all.iter().map(word))
        .map(move |word| named(word).expect("the parser lets through no word but these"))
}
