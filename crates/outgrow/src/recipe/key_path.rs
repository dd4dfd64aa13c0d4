//! Which key of a section an error is of; what is said of it is words.rs's. Serde names none in a section that it reads
//! as a whole before it knows what it is, as those with a `method`. So the key is found by trial: with something else
//! there, the error is of that.

use toml::{Table, Value};

use super::{
    keys::{Key, find},
    words,
};
use crate::problems::{Problem, Step};

/// What reading a value is refused with; `None` where it isn't.
type Refusal<'a> = &'a dyn Fn(&Value) -> Option<String>;

const OTHER_TEXT: &str = "some-other-value";
const OTHER_INTEGER: i64 = 8_123_456_789_012_345_678;
const OTHER_FLOAT: f64 = 8123.4567;

/// A section that is read: its key, and what stands there.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    pub key: &'a str,
    pub value: &'a Value,
}

/// A key that isn't one of a recipe's.
#[derive(Debug)]
pub(super) struct UnknownKey {
    /// What is said of it.
    pub problem: Problem,
    table: Vec<Step>,
    key: String,
    /// The key that was meant.
    meant: Option<String>,
}

impl UnknownKey {
    /// Takes it out of the section that it was found in. Where another key was meant that isn't there, that has its
    /// value: it isn't missing, too.
    pub(super) fn remove_from(&self, section: &mut Value) {
        let Some(table) = table_at(section, &self.table) else { return };
        let (value, meant) = (table.remove(&self.key), self.meant.clone());
        if let (Some(value), Some(meant)) = (value, meant)
            && !table.contains_key(&meant)
        {
            table.insert(meant, value);
        }
    }
}

impl Section<'_> {
    /// The key that an error of it is about, if it is that a key isn't known.
    pub(super) fn unknown_key(self, error: &str, refusal: Refusal<'_>) -> Option<UnknownKey> {
        let section = self.value;
        let key = error.strip_prefix("unknown field `")?.split('`').next()?;
        let mut tables = parts(section);
        tables.retain(|(_, part)| part.as_table().is_some_and(|table| table.contains_key(key)));
        let is_it = |path: &[Step]| {
            let (mut renamed, other) = (section.clone(), format!("{key}_"));
            let Some(table) = table_at(&mut renamed, path) else { return false };
            let value = table.remove(key);
            table.extend(value.map(|value| (other.clone(), value)));
            refusal(&renamed).is_some_and(|error| error.contains(&format!("`{other}`")))
        };
        let at = if tables.len() == 1 { 0 } else { tables.iter().position(|(path, _)| is_it(path))? };
        let (table, _) = tables.swap_remove(at);
        let known: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
        let path = [table.clone(), vec![Step::Key(key.to_owned())]].concat();
        let problem = self.problem(&path, &format!(": {}", words::unknown(key, &known)));
        let meant = words::meant_key(key, &known).map(str::to_owned);
        Some(UnknownKey { problem, table, key: key.to_owned(), meant })
    }

    /// What is said of an error of it, found by trial.
    pub(super) fn problems(self, error: &str, refusal: Refusal<'_>) -> Vec<Problem> {
        let one = self.wrong_value(error, refusal);
        let one =
            one.or_else(|| self.bare_word(error, refusal)).or_else(|| self.word_with_more(error, refusal));
        if let Some(problem) = one {
            return vec![problem];
        }
        let missing = self.missing_key(error, refusal);
        if missing.is_empty() { vec![self.problem(&[], &format!(": {error}"))] } else { missing }
    }

    /// The value that an error is about, and what would be right.
    fn wrong_value(self, error: &str, refusal: Refusal<'_>) -> Option<Problem> {
        let section = self.value;
        let is_of_a_value = ["invalid type: ", "invalid value: ", "unknown variant "];
        let (found, expected) = if is_of_a_value.iter().any(|beginning| error.starts_with(beginning)) {
            error.split_once(", expected ")?
        } else {
            // A word of the operators'.
            error.split_once("; expected ").filter(|(found, _)| found.starts_with('`'))?
        };
        let is_it = |(path, value): &(Vec<Step>, &Value)| {
            let other = other_value(value);
            let mut replaced = section.clone();
            let Some(part) = part_at(&mut replaced, path) else { return false };
            *part = other.clone();
            says(found, value) && refusal(&replaced).is_some_and(|error| says(&error, &other))
        };
        let (path, value) = parts(section).into_iter().find(is_it)?;
        // An error within an error says its key, too.
        let expected = expected.split_once(" in `").map_or(expected, |(expected, _)| expected);
        let is_method = matches!(&path[..], [Step::Key(key)] if self.key == "schedule" && key == "method");
        let right = match value.as_str().filter(|_| is_method) {
            Some(word) => words::no_method(word),
            None => words::expected(self.known(&path), expected, value),
        };
        let value = if value.is_table() || value.is_array() { String::new() } else { format!(" = {value}") };
        Some(self.problem(&path, &format!("{value}: {right}")))
    }

    /// The keys that an error is about, if it is that one is missing. They are in the tables without which the error
    /// would be gone, though all others had the key.
    fn missing_key(self, error: &str, refusal: Refusal<'_>) -> Vec<Problem> {
        let key = error.strip_prefix("missing field `").and_then(|key| key.strip_suffix('`'));
        let Some(key) = key else { return Vec::new() };
        let with = |paths: &[&Vec<Step>]| {
            let mut filled = self.value.clone();
            for path in paths {
                table_at(&mut filled, path).map(|table| table.insert(key.to_owned(), Value::from(1)));
            }
            refusal(&filled)
        };
        let lacking = parts(self.value).into_iter().filter(|(path, part)| {
            let lacks = part.as_table().is_some_and(|table| !table.contains_key(key));
            lacks && !with(&[path]).is_some_and(|error| error.starts_with("unknown field `"))
        });
        let tables: Vec<Vec<Step>> = lacking.map(|(path, _)| path).collect();
        let is_it = |table: &&Vec<Step>| {
            let others: Vec<_> = tables.iter().filter(|other| !std::ptr::eq(*other, *table)).collect();
            let everywhere: Vec<_> = tables.iter().collect();
            with(&others).as_deref() == Some(error) && with(&everywhere).as_deref() != Some(error)
        };
        let problem = |table: &Vec<Step>| {
            let path = [table.clone(), vec![Step::Key(key.to_owned())]].concat();
            let is_method = self.key == "schedule" && key == "method" && table.is_empty();
            let said = if is_method {
                " is missing, for example method = \"g-stack\"".to_owned()
            } else {
                words::missing(self.known(&path))
            };
            self.problem(&path, &said)
        };
        tables.iter().filter(is_it).map(problem).collect()
    }

    /// The word that an error is about, if it is that a word has to be a table, and what would be right.
    fn bare_word(self, error: &str, refusal: Refusal<'_>) -> Option<Problem> {
        if !error.starts_with("invalid type: unit variant, expected struct variant") {
            return None;
        }
        let is_it = |(path, value): &(Vec<Step>, &Value)| {
            let mut replaced = self.value.clone();
            let Some(part) = part_at(&mut replaced, path).filter(|_| value.is_str()) else { return false };
            *part = Value::from(OTHER_TEXT);
            let unknown = format!("unknown variant `{OTHER_TEXT}`");
            refusal(&replaced).is_some_and(|error| error.starts_with(&unknown))
        };
        let (path, value) = parts(self.value).into_iter().find(is_it)?;
        let word = value.as_str()?;
        let inner = match word {
            "wsd" => "decay_tokens = N",
            "top" => "layers = N",
            _ => "…",
        };
        Some(self.problem(&path, &format!(" = {value}: more is needed: {{ {word} = {{ {inner} }} }}")))
    }

    /// The word that an error is about, if it is that a word takes nothing more.
    fn word_with_more(self, error: &str, refusal: Refusal<'_>) -> Option<Problem> {
        if !error.starts_with("expected unit") {
            return None;
        }
        let is_it = |(path, value): &(Vec<Step>, &Value)| {
            let word =
                value.as_table().filter(|table| table.len() == 1).and_then(|table| table.keys().next());
            let mut replaced = self.value.clone();
            let Some((part, word)) = part_at(&mut replaced, path).zip(word) else { return false };
            *part = Value::from(word.as_str());
            refusal(&replaced).as_deref() != Some(error)
        };
        let (path, value) = parts(self.value).into_iter().find(is_it)?;
        let word = value.as_table()?.keys().next()?;
        Some(self.problem(&path, &format!(": \"{word}\" takes no settings, it is a word in quotes")))
    }

    fn problem(self, path: &[Step], said: &str) -> Problem {
        let text = format!("{}{}{said}", self.key, written(self.value, path));
        let path = std::iter::once(Step::Key(self.key.to_owned())).chain(path.iter().cloned()).collect();
        Problem { path, text }
    }

    /// What is known of a key.
    fn known(self, path: &[Step]) -> Option<&'static Key> {
        let method = self.value.get("method").and_then(Value::as_str);
        let names = path.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        });
        find(std::iter::once(self.key).chain(names), method)
    }
}

/// All parts of a value, and itself.
fn parts(value: &Value) -> Vec<(Vec<Step>, &Value)> {
    let inner: Vec<(Step, &Value)> = match value {
        Value::Table(table) => table.iter().map(|(key, part)| (Step::Key(key.clone()), part)).collect(),
        Value::Array(array) => array.iter().enumerate().map(|(at, part)| (Step::Index(at), part)).collect(),
        _ => Vec::new(),
    };
    let mut all = vec![(Vec::new(), value)];
    for (step, part) in inner {
        all.extend(parts(part).into_iter().map(|(path, part)| ([vec![step.clone()], path].concat(), part)));
    }
    all
}

fn part_at<'a>(value: &'a mut Value, path: &[Step]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key.as_str()),
        Step::Index(index) => value.get_mut(*index),
    })
}

fn table_at<'a>(value: &'a mut Value, path: &[Step]) -> Option<&'a mut Table> {
    part_at(value, path)?.as_table_mut()
}

/// A path with dots; what stands in a list by its name, if it has one.
fn written(section: &Value, path: &[Step]) -> String {
    let (mut text, mut at) = (String::new(), Some(section));
    for step in path {
        match step {
            Step::Key(key) => {
                at = at.and_then(|value| value.get(key.as_str()));
                text.push('.');
                text.push_str(key);
            }
            Step::Index(index) => {
                at = at.and_then(|value| value.get(*index));
                let name = at.and_then(|value| value.get("name")).and_then(Value::as_str);
                text += &name.map_or_else(|| format!("[{index}]"), |name| format!("[{name:?}]"));
            }
        }
    }
    text
}

/// Another value, of the same kind where that has others.
fn other_value(value: &Value) -> Value {
    match value {
        Value::String(_) => Value::from(OTHER_TEXT),
        Value::Integer(number) => Value::from(OTHER_INTEGER * if *number < 0 { -1 } else { 1 }),
        Value::Float(_) => Value::from(OTHER_FLOAT),
        Value::Boolean(is) => Value::from(!is),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => Value::from(true),
    }
}

/// Whether an error of serde is about such a value.
fn says(error: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => error.contains(&format!("{text:?}")) || error.contains(&format!("`{text}`")),
        Value::Integer(number) => error.contains(&format!("integer `{number}`")),
        Value::Float(number) => {
            // A whole one is written with a point behind it.
            ["", ".0"].iter().any(|end| error.contains(&format!("floating point `{number}{end}`")))
        }
        Value::Boolean(is) => error.contains(&format!("boolean `{is}`")),
        Value::Array(_) => error.starts_with("invalid type: sequence"),
        Value::Datetime(_) | Value::Table(_) => error.starts_with("invalid type: map"),
    }
}
