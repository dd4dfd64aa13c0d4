//! JSON as Python's `json.dumps(…, ensure_ascii=False)` prints it, because documents are known by the SHA-256 of that
//! text and because results are read by programs that expect it: separators, indentation, floats as `repr` gives them,
//! `NaN`. It parses nothing.

use std::fmt::Write as _;

use serde_json::Value;

/// A value of JSON, or one of the numbers that Python prints into it all the same (`NaN`, `Infinity`).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Integer(i128),
    /// A float; always printed with a point, an exponent or a name.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object, its keys in the order in which they are printed.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number of things.
    pub(crate) fn count(count: usize) -> Self {
        Self::Integer(count as i128)
    }

    /// An object.
    pub(crate) fn object<Key: Into<String>>(entries: impl IntoIterator<Item = (Key, Json)>) -> Self {
        Self::Object(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// `json.dumps(value, ensure_ascii=False)`: one line.
    pub(crate) fn line(&self) -> String {
        let mut text = String::new();
        self.print(&mut text, None);
        text
    }

    /// `json.dumps(value, indent=2, ensure_ascii=False)`.
    pub(crate) fn indented(&self) -> String {
        let mut text = String::new();
        self.print(&mut text, Some(0));
        text
    }

    fn print(&self, text: &mut String, depth: Option<usize>) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Integer(value) => {
                let _ = write!(text, "{value}");
            }
            Self::Float(value) => text.push_str(&json_float(*value)),
            Self::Text(value) => print_text(text, value),
            Self::List(values) => {
                let print = |text: &mut String, value: &Self, depth| value.print(text, depth);
                print_members(text, depth, ['[', ']'], values, print);
            }
            Self::Object(entries) => {
                print_members(text, depth, ['{', '}'], entries, |text, (key, value), depth| {
                    print_text(text, key);
                    text.push_str(": ");
                    value.print(text, depth);
                });
            }
        }
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => number
                .as_i64()
                .map(i128::from)
                .or_else(|| number.as_u64().map(i128::from))
                .map_or_else(|| Self::Float(number.as_f64().unwrap_or(f64::NAN)), Self::Integer),
            Value::String(value) => Self::Text(value.clone()),
            Value::Array(values) => Self::List(values.iter().map(Self::from).collect()),
            Value::Object(entries) => {
                Self::object(entries.iter().map(|(key, value)| (key, Self::from(value))))
            }
        }
    }
}

/// `repr` of a float: the fewest digits that read back as the same number, with an exponent below 1e-4 and from 1e16
/// on.
pub(crate) fn float_repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-inf" } else { "inf" }.into();
    }
    let digits = nearest_digits(value);
    let Some((mantissa, exponent)) = digits.split_once('e') else { return digits };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        Ok(exponent) => positional(mantissa, exponent),
        Err(_) => digits,
    }
}

/// The fewest digits that read back as the same number, and of those that do the nearest ones, with an exponent.
///
/// Where two are equally near, Python takes the one that ends in an even digit and Rust the larger one. Numbers that
/// were widened from 32 bits have many such ties.
fn nearest_digits(value: f64) -> String {
    let shortest = format!("{value:e}");
    let decimals = shortest
        .split_once('e')
        .map_or(0, |(mantissa, _)| mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len()));
    let nearest = format!("{value:.decimals$e}");
    let same = nearest.parse::<f64>().is_ok_and(|parsed| parsed.to_bits() == value.to_bits());
    if same { nearest } else { shortest }
}

/// Digits and an exponent of ten without the exponent, and with a point in any case.
fn positional(mantissa: &str, exponent: i32) -> String {
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |mantissa| ("-", mantissa));
    let digits = mantissa.replace('.', "");
    let text = match usize::try_from(exponent) {
        Err(_) => format!("0.{}{digits}", "0".repeat(exponent.unsigned_abs() as usize - 1)),
        Ok(exponent) if exponent + 1 >= digits.len() => {
            format!("{digits}{}.0", "0".repeat(exponent + 1 - digits.len()))
        }
        Ok(exponent) => format!("{}.{}", &digits[..=exponent], &digits[exponent + 1..]),
    };
    [sign, &text].concat()
}

fn json_float(value: f64) -> String {
    match value {
        value if value.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        value => float_repr(value),
    }
}

/// A list or an object: `depth` is how far its own line is indented, or `None` if all is on one line.
fn print_members<Member>(
    text: &mut String,
    depth: Option<usize>,
    [open, close]: [char; 2],
    members: &[Member],
    print: impl Fn(&mut String, &Member, Option<usize>),
) {
    text.push(open);
    for (index, member) in members.iter().enumerate() {
        match depth {
            Some(depth) => {
                text.push_str(if index == 0 { "\n" } else { ",\n" });
                text.extend(std::iter::repeat_n("  ", depth + 1));
            }
            None if index > 0 => text.push_str(", "),
            None => {}
        }
        print(text, member, depth.map(|depth| depth + 1));
    }
    if let Some(depth) = depth.filter(|_| !members.is_empty()) {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    }
    text.push(close);
}

fn print_text(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\0'..='\u{1f}' => {
                let _ = write!(text, "\\u{:04x}", character as u32);
            }
            _ => text.push(character),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn floats_are_printed_as_python_prints_them() {
        let values =
            [0.0, -0.0, 1.0, 1e-5, 1.5e-4, 1e15, 1e16, 123_456_789.5, -66.524_574_279_785_16, 1e100, 5e-324];
        let expected = [
            "0.0",
            "-0.0",
            "1.0",
            "1e-05",
            "0.00015",
            "1000000000000000.0",
            "1e+16",
            "123456789.5",
            "-66.52457427978516",
            "1e+100",
            "5e-324",
        ];
        assert_eq!(values.map(float_repr), expected);
        // Exactly between two numbers of 17 digits.
        assert_eq!(
            [-394_929_152.0 / 134_217_728.0, 0.5 + 2_f64.powi(-24)].map(float_repr),
            ["-2.9424514770507812", "0.5000000596046448"]
        );
        assert_eq!([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(float_repr), ["nan", "inf", "-inf"]);
        assert_eq!(
            Json::List(vec![Json::Float(f64::NAN), Json::Float(f64::NEG_INFINITY)]).line(),
            "[NaN, -Infinity]"
        );
    }

    #[test]
    fn lists_and_objects_are_laid_out_as_python_lays_them_out() {
        let value: Value = serde_json::from_str(
            r#"{"b": [1, {"ä\u007f\u0001": null}], "a": {}, "l": [], "t": "\u0008/\\\""}"#,
        )
        .unwrap();
        let json = Json::from(&value);
        assert_eq!(
            json.line(),
            "{\"b\": [1, {\"ä\u{7f}\\u0001\": null}], \"a\": {}, \"l\": [], \"t\": \"\\b/\\\\\\\"\"}"
        );
        assert_eq!(
            json.indented(),
            "{\n  \"b\": [\n    1,\n    {\n      \"ä\u{7f}\\u0001\": null\n    }\n  ],\n  \"a\": {},\n  \"l\": [],\n  \"t\": \"\\b/\\\\\\\"\"\n}"
        );
    }

    proptest! {
        #[test]
        fn a_float_reads_back_as_the_same_number(value: f64) {
            prop_assume!(!value.is_nan());
            prop_assert_eq!(float_repr(value).parse::<f64>().unwrap().to_bits(), value.to_bits());
        }
    }
}
