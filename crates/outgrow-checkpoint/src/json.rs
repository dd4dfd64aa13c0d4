//! JSON as Python writes it: besides the standard's, `NaN` and `Infinity`, numbers of any length, and a byte order mark
//! in front. A number that a [`Value`] can't hold is kept as its text, and written again as that.

pub(crate) mod file;

use std::borrow::Cow;

use serde_json::{Value, json};

/// The key of an object that stands for a number, with the number's text. No file has one that begins like this.
const NUMBER: &str = "\0number";
/// The key by which transformers 5 writes such a number as JSON: `{"__float__": "Infinity"}`.
const TAGGED_FLOAT: &str = "__float__";
const BYTE_ORDER_MARK: char = '\u{feff}';
const NOT_JSON: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// A JSON text, read, and what in it is none.
///
/// ```
/// use outgrow_checkpoint::json::{PythonJson, json_text};
///
/// let read = PythonJson::parse("{\n  \"limit\": Infinity\n}\n")?;
/// assert_eq!(read.keys_beyond_json(), ["limit"]);
/// assert_eq!(json_text(&read.value), "{\n  \"limit\": Infinity\n}\n");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PythonJson {
    /// What it says.
    pub value: Value,
    /// Whether it begins with a byte order mark.
    pub has_byte_order_mark: bool,
}

impl PythonJson {
    /// Reads a text.
    ///
    /// # Errors
    /// What Python's `json` refuses as well, but for the byte order mark.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let stripped = text.strip_prefix(BYTE_ORDER_MARK);
        let value = serde_json::from_str(&with_tagged_numbers(stripped.unwrap_or(text)))?;
        Ok(Self { value, has_byte_order_mark: stripped.is_some() })
    }

    /// The keys of an object under which there is a number that JSON doesn't have.
    pub fn keys_beyond_json(&self) -> Vec<String> {
        let object = self.value.as_object().into_iter().flatten();
        object.filter(|(_, value)| is_beyond_json(value)).map(|(key, _)| key.clone()).collect()
    }
}

/// A value as a text of several lines, every number as it was read.
pub fn json_text(value: &Value) -> String {
    format!("{}\n", untagged(&format!("{:#}", tags_as_strings(value))))
}

/// A value on one line, for messages: every number as it was read, and no more of it than can be taken in.
pub(crate) fn shown(value: &Value) -> String {
    const LONGEST: usize = 80;
    if let Some(tagged) = tagged(value, TAGGED_FLOAT) {
        return tagged.to_owned();
    }
    let text = untagged(&tags_as_strings(value).to_string());
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A number, one of more digits than a [`Value`] takes included; none that isn't finite.
pub(crate) fn as_number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| tagged(value, NUMBER)?.parse().ok());
    number.filter(|number| number.is_finite())
}

/// The text with every number that a [`Value`] can't hold in an object.
fn with_tagged_numbers(text: &str) -> Cow<'_, str> {
    let mut tagged = String::new();
    let mut copied = 0;
    let mut is_escaped = false;
    let mut is_string = false;
    let mut token = None;
    // The end stands for a separator behind the last token.
    for (place, character) in text.char_indices().chain([(text.len(), ' ')]) {
        if is_string {
            is_string = is_escaped || character != '"';
            is_escaped = !is_escaped && character == '\\';
            continue;
        }
        let separates = character.is_ascii_whitespace() || ",:[]{}\"".contains(character);
        match token {
            None if !separates => token = Some(place),
            Some(start) if separates => {
                if is_no_value(&text[start..place]) {
                    tagged.push_str(&text[copied..start]);
                    tagged.push_str(&json!({ NUMBER: &text[start..place] }).to_string());
                    copied = place;
                }
                token = None;
            }
            None | Some(_) => {}
        }
        is_string = character == '"';
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    tagged.push_str(&text[copied..]);
    Cow::Owned(tagged)
}

/// Whether a token is a number in Python, and none that a [`Value`] holds.
fn is_no_value(token: &str) -> bool {
    if NOT_JSON.contains(&token) {
        return true;
    }
    let is_number = token.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    // One that is short enough fits, and nearly all are.
    let is_long = token.len() > 18 || token.contains(['e', 'E']);
    if !(is_number && is_long) {
        return false;
    }
    match serde_json::from_str::<Value>(token) {
        // An integer that was read as a fraction has lost digits.
        Ok(value) => value.is_f64() && !token.contains(['.', 'e', 'E']),
        // Too large, to Python infinite; whatever else is wrong with it is said of the whole text.
        Err(_) => token.parse::<f64>().is_ok_and(f64::is_infinite) && !token.starts_with(['+', '.']),
    }
}

fn is_beyond_json(value: &Value) -> bool {
    match value {
        Value::Array(entries) => entries.iter().any(is_beyond_json),
        Value::Object(entries) => match tagged(value, NUMBER) {
            Some(number) => NOT_JSON.contains(&number),
            None => entries.values().any(is_beyond_json),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The text in an object with nothing but this key.
fn tagged<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.as_object().filter(|object| object.len() == 1)?.get(key)?.as_str()
}

/// Tagged numbers as strings that begin with the tag, so that they print on one line.
fn tags_as_strings(value: &Value) -> Value {
    match value {
        Value::Array(entries) => entries.iter().map(tags_as_strings).collect(),
        Value::Object(entries) => match tagged(value, NUMBER) {
            Some(number) => Value::String(format!("{NUMBER}{number}")),
            None => {
                Value::Object(entries.iter().map(|(key, one)| (key.clone(), tags_as_strings(one))).collect())
            }
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// A JSON text with the numbers in place of the strings that stand for them.
fn untagged(text: &str) -> String {
    const OPENING: &str = "\"\\u0000number";
    let mut parts = text.split(OPENING);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(&part.replacen('"', "", 1));
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Value {
        PythonJson::parse(text).unwrap().value
    }

    #[test]
    fn what_python_writes_comes_back_as_it_was() {
        let text = r#"{
  "limit": Infinity,
  "pair": [
    -Infinity,
    NaN
  ],
  "long": 1000000000000000019884624838656,
  "most": 18446744073709551615,
  "large": 1e999,
  "in a string": "NaN, \"Infinity\" and \\",
  "nothing": null
}
"#;
        let parsed = PythonJson::parse(text).unwrap();
        assert_eq!(json_text(&parsed.value), text);
        assert_eq!(parsed.keys_beyond_json(), ["limit", "pair"]);
        assert!(!parsed.has_byte_order_mark);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        let parsed = PythonJson::parse("\u{feff}{\"a\": 1}").unwrap();
        assert_eq!((parsed.value, parsed.has_byte_order_mark), (json!({ "a": 1 }), true));
        assert!(PythonJson::parse("\u{feff}\u{feff}{}").is_err());
    }

    #[test]
    fn a_number_is_one_whatever_its_length() {
        assert_eq!(as_number(&read("1000000000000000019884624838656")), Some(1e30));
        assert_eq!(as_number(&read("0.5")), Some(0.5));
        for none in ["Infinity", "NaN", "1e999", "\"1\"", "{}"] {
            assert_eq!(as_number(&read(none)), None, "{none}");
        }
    }

    #[test]
    fn messages_show_a_number_as_it_stands() {
        assert_eq!(shown(&read("[NaN, 123456789012345678901]")), "[NaN,123456789012345678901]");
        assert_eq!(shown(&read(r#"{"__float__": "-Infinity"}"#)), "-Infinity");
        assert_eq!(shown(&read(&format!("\"{}\"", "x".repeat(100)))).chars().count(), 81);
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for text in
            ["nan", "inf", "+Infinity", "{NaN: 1}", "[Infinityy]", "01", "[1e]", "", "--1e999", ".1e999"]
        {
            assert!(PythonJson::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn standard_json_is_read_as_ever(text in r#"([\[\]{}:, ]|"[a\\"]{0,3}"|-?[0-9]{1,21}|[0-9]\.[0-9]e[0-9]{1,2}|true|null){0,12}"#) {
            let (ours, plain) = (PythonJson::parse(&text), serde_json::from_str::<Value>(&text));
            // But for numbers that are infinite to Python.
            let is_large = plain.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
            prop_assert!(ours.is_ok() == plain.is_ok() || is_large, "{:?}", plain);
            if let (Ok(ours), Ok(plain)) = (ours, plain) {
                // But for integers whose digits a float would lose.
                let again: Value = serde_json::from_str(&json_text(&ours.value)).unwrap();
                prop_assert_eq!(again, plain);
            }
        }

        #[test]
        fn no_text_makes_reading_panic(text in "\\PC{0,60}") {
            let _ = PythonJson::parse(&text).map(|parsed| json_text(&parsed.value));
        }
    }
}
