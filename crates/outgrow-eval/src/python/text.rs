//! What Python's strings do where Rust's do something else: whitespace, `strip`, `capitalize`. Not a library of string
//! functions: only those that the benchmarks' definitions call.

/// `str.isspace` of one character, and `\s` of the `re` module. Rust's whitespace lacks the four separators U+001C to
/// U+001F.
pub(crate) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// `str.strip()`.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `str.lstrip()`.
pub(crate) fn strip_start(text: &str) -> &str {
    text.trim_start_matches(is_space)
}

/// `str.rstrip()`.
pub(crate) fn strip_end(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

/// `len(re.split(r"\s+", text))`: one more than there are runs of whitespace, at the edges included.
pub(crate) fn count_words(text: &str) -> u64 {
    let mut runs = 0;
    let mut in_run = false;
    for character in text.chars() {
        let space = is_space(character);
        runs += u64::from(space && !in_run);
        in_run = space;
    }
    runs + 1
}

/// `str.capitalize()`: the first character in title case, all others in lower case.
pub(crate) fn capitalize(text: &str) -> String {
    let Some(first) = text.chars().next() else { return String::new() };
    // The whole text is lowered, not its tail, because a final sigma depends on what is before it.
    let lowered = text.to_lowercase();
    let tail = &lowered[first.to_lowercase().map(char::len_utf8).sum::<usize>()..];
    format!("{}{tail}", title_case(first))
}

/// Title case as far as it isn't upper case: four letters made of two, what upper case writes as several letters, and
/// Georgian.
fn title_case(character: char) -> String {
    match character {
        '\u{1c4}'..='\u{1c6}' => "\u{1c5}".into(),
        '\u{1c7}'..='\u{1c9}' => "\u{1c8}".into(),
        '\u{1ca}'..='\u{1cc}' => "\u{1cb}".into(),
        '\u{1f1}'..='\u{1f3}' => "\u{1f2}".into(),
        '\u{10d0}'..='\u{10ff}' => character.into(),
        // ß is Ss, ﬁ is Fi; ŉ is ʼN and stays so.
        '\u{df}' | '\u{fb00}'..='\u{fb06}' | '\u{fb13}'..='\u{fb17}' => {
            let upper: String = character.to_uppercase().collect();
            let head = upper.chars().next().map_or(0, char::len_utf8);
            upper[..head].to_owned() + &upper[head..].to_lowercase()
        }
        _ => character.to_uppercase().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitespace_is_pythons() {
        assert_eq!(strip("\u{1f}\u{a0}a b\u{1c}\u{3000}"), "a b");
        assert_eq!(strip_start(" \u{1d}a "), "a ");
        assert_eq!(strip_end(" a\u{85}"), " a");
        assert_eq!(strip("\u{200b}a"), "\u{200b}a");
    }

    #[test]
    fn words_are_counted_with_the_empty_ones_at_the_edges() {
        assert_eq!(
            [" a  b\n".into(), String::new(), "a".into(), " ".into()].map(|text: String| count_words(&text)),
            [4, 1, 1, 2]
        );
    }

    #[test]
    fn a_capital_is_followed_by_lower_case() {
        let texts = ["", "hELLO World", "ßa", "ΑΣ", "ǆ", "ა", "1ST"];
        assert_eq!(texts.map(capitalize), ["", "Hello world", "Ssa", "Ας", "ǅ", "ა", "1st"]);
    }
}
