//! Large numbers as people type them: `1.1B`, `600k`, `2_000_000`, `3e9`. Signs and units of bytes aren't read.

const LETTERS: [(char, f64); 4] = [('k', 1e3), ('m', 1e6), ('b', 1e9), ('t', 1e12)];

/// Reads one.
pub(crate) fn number(text: &str) -> Result<f64, String> {
    let expected = || "expected a number above 0, as 124M, 1.1B or 7e9".to_owned();
    let last = text.chars().next_back().map(|letter| letter.to_ascii_lowercase());
    let letter = LETTERS.into_iter().find(|(letter, _)| last == Some(*letter));
    let (digits, unit) = letter.map_or((text, 1.0), |(_, unit)| (&text[..text.len() - 1], unit));
    let starts = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    let value = digits.replace('_', "").parse::<f64>().ok().filter(|_| starts).map(|value| value * unit);
    value.filter(|value| *value > 0.0 && value.is_finite()).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_type_them() {
        for (text, value) in [
            ("124M", 124e6),
            ("1.1B", 1.1e9),
            ("600k", 600e3),
            ("2T", 2e12),
            ("2_000_000", 2e6),
            ("7e9", 7e9),
            ("0.5b", 0.5e9),
            ("989e12", 989e12),
        ] {
            assert_eq!(number(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "M", "-1", "+1", "1 B", "1GB", "inf", "nan", "0", "1e999", "B1", "1é"] {
            assert!(number(text).is_err(), "{text}");
        }
    }
}
