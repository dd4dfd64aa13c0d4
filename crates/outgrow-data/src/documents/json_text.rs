//! The text in one object of JSON, read as Python's `json` reads it: bare `NaN` and `Infinity`, halves of surrogate
//! pairs, the last of several equal keys. Fields that aren't the text are passed over unseen. It knows no file.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The field that holds the text.
#[derive(Debug)]
pub(super) struct TextField {
    name: String,
    /// The keys from the outermost object on, if the name has points in it. A field with the whole name comes first.
    path: Vec<String>,
}

impl TextField {
    pub(crate) fn new(name: &str) -> Self {
        let path = name.split('.').map(str::to_owned).collect::<Vec<_>>();
        Self { name: name.to_owned(), path: if path.len() > 1 { path } else { Vec::new() } }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> &[String] {
        &self.path
    }
}

/// The text of an object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FoundText {
    /// Empty where the field is null.
    pub text: String,
    /// Halves of surrogate pairs were read as U+FFFD.
    pub surrogates_replaced: bool,
    /// The object has the field more than once; this is the last.
    pub repeated: bool,
}

/// The text of one object of JSON.
///
/// # Errors
/// What is wrong with it and what would be right.
pub(super) fn text_of(json: &str, field: &TextField) -> Result<FoundText, String> {
    let (object, surrogates_replaced) = match parse(json, field) {
        Ok(object) => (object, false),
        Err(error) => {
            let (tolerated, surrogates) =
                as_python_reads(json).ok_or_else(|| format!("not JSON: {error}"))?;
            let object = parse(&tolerated, field).map_err(|_| format!("not JSON: {error}"))?;
            (object, surrogates)
        }
    };
    let Content::Object(object) = object else {
        return Err(format!("not a JSON object; expected {{\"{}\": \"…\"}}", field.name));
    };
    let repeated = object.repeated;
    match object.literal.or(object.nested) {
        Some(Content::Text(text)) => {
            // The half may have stood in another field.
            let surrogates_replaced = surrogates_replaced && text.contains('\u{fffd}');
            Ok(FoundText { text, surrogates_replaced, repeated })
        }
        Some(Content::Null) => Ok(FoundText { repeated, ..FoundText::default() }),
        Some(Content::Other) => Err(format!("field \"{}\" is not a string", field.name)),
        Some(Content::List) => Err(format!(
            "field \"{}\" is a list, not a string; write its texts as one string, or as a document each",
            field.name
        )),
        Some(Content::Object(inner)) => Err(format!(
            "field \"{name}\" is an object, not a string; a field in it is named by a point, as {name}.{}",
            inner.keys.first().map_or("text", String::as_str),
            name = field.name
        )),
        None => Err(format!("no field \"{}\"; the line has [{}]", field.name, quoted(&object.keys))),
    }
}

pub(super) fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

fn parse(json: &str, field: &TextField) -> serde_json::Result<Content> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let content = Wanted { literal: Some(&field.name), path: &field.path }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(content)
}

/// A value of JSON, as far as it matters.
#[derive(Debug)]
enum Content {
    Text(String),
    Null,
    List,
    Object(Box<Object>),
    Other,
}

#[derive(Debug, Default)]
struct Object {
    literal: Option<Content>,
    nested: Option<Content>,
    repeated: bool,
    /// The first keys, for messages.
    keys: Vec<String>,
}

const KEYS_SHOWN: usize = 8;

/// What is looked for in a value: in the outermost object a field of the whole name or the beginning of a path, further
/// in what is left of the path, and at its end the value itself.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    literal: Option<&'a str>,
    path: &'a [String],
}

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Content;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Content;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value of JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Content, E> {
        Ok(Content::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Content, E> {
        Ok(Content::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Content, E> {
        Ok(Content::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Content, E> {
        Ok(Content::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Content::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut object = Object::default();
        let leaf = Wanted { literal: None, path: &[] };
        while let Some(key) = map.next_key::<String>()? {
            if self.literal == Some(&key) {
                object.repeated |= object.literal.is_some();
                object.literal = Some(map.next_value_seed(leaf)?);
            } else if let [first, path @ ..] = self.path
                && *first == key
            {
                object.repeated |= object.nested.is_some();
                let inner = map.next_value_seed(Wanted { literal: None, path })?;
                object.nested = match inner {
                    inner if path.is_empty() => Some(inner),
                    Content::Object(inner) => {
                        object.repeated |= inner.repeated;
                        inner.nested
                    }
                    // Where the object is null, the text in it is.
                    Content::Null => Some(Content::Null),
                    Content::Text(_) | Content::List | Content::Other => None,
                };
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            if object.keys.len() < KEYS_SHOWN {
                object.keys.push(key);
            }
        }
        Ok(Content::Object(Box::new(object)))
    }
}

/// The JSON with what Python's `json` takes and the format doesn't allow put in other words: `NaN` is null, an infinity
/// a number, half a surrogate pair U+FFFD. `None` if there is nothing of the kind; else also whether there was such a
/// half.
fn as_python_reads(json: &str) -> Option<(String, bool)> {
    let (mut words, mut rest) = (String::with_capacity(json.len()), json);
    let (mut in_string, mut replaced_numbers, mut replaced_surrogates) = (false, false, false);
    while let Some(at) = rest.find(['"', '\\', 'N', 'I']) {
        words.push_str(&rest[..at]);
        rest = &rest[at..];
        let (word, used) = match rest.as_bytes()[0] {
            b'"' => {
                in_string = !in_string;
                ("\"", 1)
            }
            b'\\' if in_string => match escape(rest) {
                Escape::Whole(bytes) => (&rest[..bytes], bytes),
                Escape::HalfOfPair => {
                    replaced_surrogates = true;
                    ("\u{fffd}", UNIT_BYTES)
                }
            },
            b'N' if !in_string && rest.starts_with("NaN") => ("null", 3),
            b'I' if !in_string && rest.starts_with("Infinity") => ("0", 8),
            _ => (&rest[..1], 1),
        };
        replaced_numbers |= matches!(word, "null" | "0");
        words.push_str(word);
        rest = &rest[used..];
    }
    words.push_str(rest);
    (replaced_numbers || replaced_surrogates).then_some((words, replaced_surrogates))
}

/// Bytes of `\uXXXX`.
const UNIT_BYTES: usize = 6;

enum Escape {
    /// One that is as it should be, or that isn't ours to judge, and its length.
    Whole(usize),
    /// Half of a surrogate pair without its other half.
    HalfOfPair,
}

/// The escape that a text begins with.
fn escape(text: &str) -> Escape {
    match unit(text) {
        Some(0xd800..=0xdbff) => match text.get(UNIT_BYTES..).and_then(unit) {
            Some(0xdc00..=0xdfff) => Escape::Whole(2 * UNIT_BYTES),
            _ => Escape::HalfOfPair,
        },
        Some(0xdc00..=0xdfff) => Escape::HalfOfPair,
        Some(_) => Escape::Whole(UNIT_BYTES),
        None => Escape::Whole(1 + text.chars().nth(1).map_or(0, char::len_utf8)),
    }
}

/// The code unit, if the text begins with `\uXXXX`.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, field: &str) -> Result<FoundText, String> {
        text_of(json, &TextField::new(field))
    }

    fn text(json: &str) -> String {
        read(json, "text").unwrap().text
    }

    #[test]
    fn fields_beside_the_text_may_hold_what_python_writes() {
        assert_eq!(
            text(r#"{"score": NaN, "text": "NaN \"Infinity", "ratio": [-Infinity, {"a": Infinity}]}"#),
            "NaN \"Infinity"
        );
        assert_eq!(
            text(r#"{"other": "\ud83d", "text": "a", "big": 1e999, "long": 123456789012345678901234567890}"#),
            "a"
        );
        let deep = format!(r#"{{"other": {}1{}, "text": "a"}}"#, "[".repeat(5000), "]".repeat(5000));
        assert_eq!(text(&deep), "a");
    }

    #[test]
    fn a_missing_text_is_empty() {
        assert_eq!(text(r#"{"text": null}"#), "");
        assert_eq!(text(r#"{"text": NaN}"#), "");
        assert_eq!(read(r#"{"data": null}"#, "data.text").unwrap().text, "");
    }

    #[test]
    fn half_a_surrogate_pair_becomes_the_replacement_character_and_is_reported() {
        let found = |json: &str| read(json, "text").unwrap();
        let broken = found(r#"{"text": "broken \ud83d emoji \\ud83d \ude00\ud83d\ud83d\ude00"}"#);
        assert_eq!(broken.text, "broken \u{fffd} emoji \\ud83d \u{fffd}\u{fffd}\u{1f600}");
        assert!(broken.surrogates_replaced);
        assert!(!found(r#"{"other": "\ud83d", "text": "a", "score": NaN}"#).surrogates_replaced);
        let whole = found(r#"{"text": "whole \ud83d\ude00 emoji"}"#);
        assert_eq!((whole.text.as_str(), whole.surrogates_replaced), ("whole \u{1f600} emoji", false));
    }

    #[test]
    fn the_last_of_equal_keys_counts_and_is_reported() {
        let found = |json: &str| read(json, "text");
        let twice = found(r#"{"text": "one", "text": "two"}"#).unwrap();
        assert_eq!((twice.text.as_str(), twice.repeated), ("two", true));
        assert!(found(r#"{"text": "one", "text": 2}"#).is_err());
        assert!(!found(r#"{"id": 1, "id": 2, "text": "two"}"#).unwrap().repeated);
    }

    #[test]
    fn a_point_leads_into_an_object_unless_a_field_has_the_whole_name() {
        let text = |json: &str, field: &str| read(json, field).map(|found| found.text);
        assert_eq!(text(r#"{"data": {"text": "in"}}"#, "data.text").unwrap(), "in");
        assert_eq!(text(r#"{"a": {"b": {"c": "deep"}}}"#, "a.b.c").unwrap(), "deep");
        assert_eq!(text(r#"{"data.text": "out", "data": {"text": "in"}}"#, "data.text").unwrap(), "out");
        assert_eq!(text(r#"{"data": {"text": "in"}, "data.text": "out"}"#, "data.text").unwrap(), "out");
    }

    #[test]
    fn what_is_no_document_is_said_with_what_would_be_right() {
        let problem = |json: &str, field: &str| read(json, field).unwrap_err();
        insta::assert_snapshot!(problem("w2", "text"), @"not JSON: expected value at line 1 column 1");
        insta::assert_snapshot!(problem(r#"{"text": "a"} {"text": "b"}"#, "text"), @"not JSON: trailing characters at line 1 column 15");
        insta::assert_snapshot!(problem(r#"{"score": NaN, "text": "a"#, "text"), @"not JSON: expected value at line 1 column 11");
        insta::assert_snapshot!(problem(r#"["a"]"#, "text"), @r#"not a JSON object; expected {"text": "…"}"#);
        insta::assert_snapshot!(problem("{}", "text"), @r#"no field "text"; the line has []"#);
        insta::assert_snapshot!(problem(r#"{"content": "a", "id": 3}"#, "text"), @r#"no field "text"; the line has ["content", "id"]"#);
        insta::assert_snapshot!(problem(r#"{"text": 7}"#, "text"), @r#"field "text" is not a string"#);
        insta::assert_snapshot!(problem(r#"{"text": ["a", "b"]}"#, "text"), @r#"field "text" is a list, not a string; write its texts as one string, or as a document each"#);
        insta::assert_snapshot!(problem(r#"{"data": {"text": "a"}}"#, "data"), @r#"field "data" is an object, not a string; a field in it is named by a point, as data.text"#);
        insta::assert_snapshot!(problem(r#"{"data": {"body": "a"}, "id": 1}"#, "data.text"), @r#"no field "data.text"; the line has ["data", "id"]"#);
        insta::assert_snapshot!(problem(r#"{"data": "a"}"#, "data.text"), @r#"no field "data.text"; the line has ["data"]"#);
    }
}
