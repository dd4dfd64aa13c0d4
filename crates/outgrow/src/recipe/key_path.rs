//! Which key of a section an error is of. Serde names none in a section that it reads as a whole before it knows what
//! it is, as those with a `method`. So the key is found by trial: with something else there, the error is of that.

use toml::{Table, Value};

use super::commented::underscored;

/// What reading a value is refused with; `None` where it isn't.
type Refusal<'a> = &'a dyn Fn(&Value) -> Option<String>;

const OTHER_TEXT: &str = "some-other-value";
const OTHER_INTEGER: i64 = 8_123_456_789_012_345_678;
const OTHER_FLOAT: f64 = 8123.4567;

/// A step from a value into a part of it.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

/// A key that isn't one of a recipe's.
#[derive(Debug)]
pub(super) struct UnknownKey {
    /// The table that has it, as it is written behind its section's name: `.optimizer`, or nothing for the section.
    pub(super) section: String,
    table: Vec<Step>,
    key: String,
}

impl UnknownKey {
    /// Takes it out of the section that it was found in.
    pub(super) fn remove_from(&self, section: &mut Value) {
        if let Some(table) = table_at(section, &self.table) {
            table.remove(&self.key);
        }
    }
}

/// The key that an error of a section is about, if it is that a key isn't known.
pub(super) fn unknown_key(error: &str, section: &Value, refusal: Refusal<'_>) -> Option<UnknownKey> {
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
    Some(UnknownKey { section: written(section, &table), table, key: key.to_owned() })
}

/// The value that an error of a section is about, as it is written behind the section's name, and what would be right:
/// `.base_tokens = 3e4: expected a whole number`.
pub(super) fn wrong_value(error: &str, section: &Value, refusal: Refusal<'_>) -> Option<String> {
    let is_of_a_value = ["invalid type: ", "invalid value: ", "unknown variant "];
    if !is_of_a_value.iter().any(|beginning| error.starts_with(beginning)) {
        return None;
    }
    let (found, expected) = error.split_once(", expected ")?;
    let is_it = |(path, value): &(Vec<Step>, &Value)| {
        let Some(other) = other_value(value) else { return false };
        let mut replaced = section.clone();
        let Some(part) = part_at(&mut replaced, path) else { return false };
        *part = other.clone();
        says(found, value) && refusal(&replaced).is_some_and(|error| says(&error, &other))
    };
    let (path, value) = parts(section).into_iter().find(is_it)?;
    // An error within an error says its key, too.
    let expected = expected.split_once(" in `").map_or(expected, |(expected, _)| expected);
    Some(format!("{} = {value}: expected {}", written(section, &path), in_words(expected, value)))
}

/// The tables that an error of a section is about, if it is that a key is missing, as they are written behind the
/// section's name. They are those without which the error would be gone, though all others had the key.
pub(super) fn missing_key(error: &str, section: &Value, refusal: Refusal<'_>) -> Option<String> {
    let key = error.strip_prefix("missing field `")?.strip_suffix('`')?;
    let with = |paths: &[&Vec<Step>]| {
        let mut filled = section.clone();
        for path in paths {
            table_at(&mut filled, path).map(|table| table.insert(key.to_owned(), Value::from(1)));
        }
        refusal(&filled)
    };
    let lacking = parts(section).into_iter().filter(|(path, part)| {
        let lacks = part.as_table().is_some_and(|table| !table.contains_key(key));
        lacks && !with(&[path]).is_some_and(|error| error.starts_with("unknown field `"))
    });
    let tables: Vec<Vec<Step>> = lacking.map(|(path, _)| path).collect();
    let is_it = |table: &&Vec<Step>| {
        let others: Vec<_> = tables.iter().filter(|other| !std::ptr::eq(*other, *table)).collect();
        let everywhere: Vec<_> = tables.iter().collect();
        with(&others).as_deref() == Some(error) && with(&everywhere).as_deref() != Some(error)
    };
    let found: Vec<String> = tables.iter().filter(is_it).map(|table| written(section, table)).collect();
    (!found.is_empty()).then(|| found.join(" and "))
}

/// The word that an error of a section is about, if it is that a word has to be a table, and what would be right.
pub(super) fn bare_word(error: &str, section: &Value, refusal: Refusal<'_>) -> Option<String> {
    if !error.starts_with("invalid type: unit variant, expected struct variant") {
        return None;
    }
    let is_it = |(path, value): &(Vec<Step>, &Value)| {
        let mut replaced = section.clone();
        let Some(part) = part_at(&mut replaced, path).filter(|_| value.is_str()) else { return false };
        *part = Value::from(OTHER_TEXT);
        let unknown = format!("unknown variant `{OTHER_TEXT}`");
        refusal(&replaced).is_some_and(|error| error.starts_with(&unknown))
    };
    let (path, value) = parts(section).into_iter().find(is_it)?;
    let word = value.as_str()?;
    let inner = match word {
        "wsd" => "decay_tokens = N",
        "top" => "layers = N",
        _ => "…",
    };
    Some(format!("{} = {value}: more is needed: {{ {word} = {{ {inner} }} }}", written(section, &path)))
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

/// Another value of the same kind.
fn other_value(value: &Value) -> Option<Value> {
    match value {
        Value::String(_) => Some(Value::from(OTHER_TEXT)),
        Value::Integer(number) => Some(Value::from(OTHER_INTEGER * if *number < 0 { -1 } else { 1 })),
        Value::Float(_) => Some(Value::from(OTHER_FLOAT)),
        Value::Boolean(is) => Some(Value::from(!is)),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
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
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => false,
    }
}

/// What serde expects, in a user's words.
fn in_words(expected: &str, value: &Value) -> String {
    match expected {
        "u64" | "usize" | "u32" => match (value, meant(value)) {
            (_, Some(number)) => format!("a whole number, such as {}", underscored(number)),
            (Value::Integer(..0), None) => "a whole number from 0".to_owned(),
            _ => "a whole number".to_owned(),
        },
        "f64" | "f32" => "a number".to_owned(),
        "path string" => "a path".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other => other.to_owned(),
    }
}

/// The whole number that was meant by `3e4` or `"75K"`.
fn meant(value: &Value) -> Option<u64> {
    // Beyond 2^53 not every whole number is a float.
    let whole = |number: f64| {
        let is_whole = number.fract().total_cmp(&0.0).is_eq() && number < (1_u64 << 53) as f64;
        is_whole.then_some(number as u64)
    };
    match value {
        Value::Float(number) => whole(*number),
        Value::String(text) => {
            let digits = text.trim_end_matches(|end: char| end.is_ascii_alphabetic());
            let thousands = match text[digits.len()..].to_ascii_uppercase().as_str() {
                "" => 1.0,
                "K" => 1e3,
                "M" => 1e6,
                "B" | "G" => 1e9,
                _ => return None,
            };
            whole(digits.replace(['_', ','], "").parse::<f64>().ok()? * thousands)
        }
        _ => None,
    }
}
