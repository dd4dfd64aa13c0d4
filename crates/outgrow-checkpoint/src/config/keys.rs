//! The keys of a JSON object, read one by one. What the keys mean is not known here.

use serde_json::{Map, Value};

use crate::{
    json::{as_number, shown},
    notes::Note,
};

/// The keys of a JSON object, read one by one; what is wrong with any is gathered, and what is odd.
pub(crate) struct Keys<'a> {
    object: &'a Map<String, Value>,
    pub(crate) problems: Vec<String>,
    pub(crate) notes: Vec<Note>,
}

impl<'a> Keys<'a> {
    pub(crate) fn new(object: &'a Map<String, Value>) -> Self {
        Self { object, problems: Vec::new(), notes: Vec::new() }
    }

    /// Null and absent are the same.
    pub(crate) fn value(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    /// Whether the file has the key, be it null.
    pub(crate) fn is_there(&self, key: &str) -> bool {
        self.object.contains_key(key)
    }

    pub(crate) fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// Something that the file says and that changes nothing, or means something else.
    pub(crate) fn note(&mut self, key: &str, said: String) {
        self.notes.push(Note::Config { key: key.to_owned(), said });
    }

    fn read<T>(&mut self, key: &str, expected: &str, read: impl Fn(&'a Value) -> Option<T>) -> Option<T> {
        let value = self.value(key)?;
        let found = read(value);
        if found.is_none() {
            self.problem(format!("`{key}` is {}, expected {expected}", shown(value)));
        }
        found
    }

    pub(crate) fn size(&mut self, key: &str) -> Option<usize> {
        self.read(key, "a whole number", |value| value.as_u64().and_then(|size| usize::try_from(size).ok()))
    }

    pub(crate) fn number(&mut self, key: &str) -> Option<f64> {
        self.read(key, "a number", as_number)
    }

    pub(crate) fn required_size(&mut self, key: &str) -> Option<usize> {
        self.require(key, "a whole number");
        self.size(key)
    }

    pub(crate) fn required_number(&mut self, key: &str) -> Option<f64> {
        self.require(key, "a number");
        self.number(key)
    }

    fn require(&mut self, key: &str, expected: &str) {
        if self.value(key).is_none() {
            self.problem(format!("`{key}` is missing, expected {expected}"));
        }
    }

    pub(crate) fn flag(&mut self, key: &str) -> Option<bool> {
        self.read(key, "true or false", Value::as_bool)
    }

    /// A token id, or the first of a list of them. A negative one stands for none.
    pub(crate) fn token(&mut self, key: &str) -> Option<u32> {
        let value = self.value(key)?;
        let first = value.as_array().map_or(Some(value), |list| list.first());
        if value.as_array().is_some_and(Vec::is_empty) {
            return None;
        }
        if first.and_then(Value::as_i64).is_some_and(|token| token < 0) {
            self.note(key, format!("is {}: no token", shown(value)));
            return None;
        }
        self.read(key, "a token id", |_| first?.as_u64().and_then(|token| u32::try_from(token).ok()))
    }
}
