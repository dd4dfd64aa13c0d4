//! WikiText's tokens put back together, as the harness does it: replacements one after the other, each a single pass
//! from left to right, and five patterns that take the whitespace from the inside of brackets and quotes. It doesn't
//! restore the original: quotes pair up across paragraphs, apostrophes with apostrophes.

use crate::python::text::{is_space, strip};

/// A page without the spaces that tokenising put in.
pub(super) fn detokenized(page: &str) -> String {
    let mut text = page.replace("s '", "s'");
    text = slashed_digits(&text);
    for (from, to) in [
        (" @-@ ", "-"),
        (" @,@ ", ","),
        (" @.@ ", "."),
        (" : ", ": "),
        (" ; ", "; "),
        (" . ", ". "),
        (" ! ", "! "),
        (" ? ", "? "),
        (" , ", ", "),
    ] {
        text = text.replace(from, to);
    }
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}'), ('"', '"'), ('\'', '\'')] {
        text = tightened(&text, open, close);
    }
    for (from, to) in [
        ("= = = =", "===="),
        ("= = =", "==="),
        ("= =", "=="),
        (" \u{b0} ", "\u{b0}"),
        (" \n", "\n"),
        ("\n ", "\n"),
        (" N ", " 1 "),
        (" 's", "'s"),
    ] {
        text = text.replace(from, to);
    }
    text
}

/// `re.sub(r"/' [0-9]/", r"/'[0-9]/", text)`: slashes are no delimiters in Python, so that what is meant for a
/// contraction is looked for with slashes around it, and a digit becomes the name of its class.
fn slashed_digits(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("/' ") {
        let (before, found) = rest.split_at(at);
        result.push_str(before);
        if let [_, _, _, b'0'..=b'9', b'/', ..] = found.as_bytes() {
            result.push_str("/'[0-9]/");
            rest = &found[5..];
        } else {
            result.push('/');
            rest = &found[1..];
        }
    }
    result + rest
}

/// `open\s*([^close]*?)\s*close` → `open\1close`: from an opening to the first closing behind it, whatever lies
/// between, without the whitespace at the inner edges.
fn tightened(text: &str, open: char, close: char) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once(open) {
        let Some((inner, behind)) = from.split_once(close) else { break };
        result.push_str(before);
        result.push(open);
        result.push_str(strip(inner));
        result.push(close);
        rest = behind;
    }
    debug_assert!(!is_space(open));
    result + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(page: &str, expected: &str) {
        assert_eq!(detokenized(page), expected);
    }

    #[test]
    fn numbers_and_punctuation_close_up() {
        check("the 1 @,@ 000 @.@ 5 @-@ metre run , in 2 : 30 .", "the 1,000.5-metre run, in 2: 30 .");
        check(" = Title = \n \n = = = Sub = = = \n", " = Title =\n\n=== Sub ===\n");
    }

    #[test]
    fn brackets_and_quotes_lose_the_spaces_inside() {
        check("a ( b ) [ c ] { d } \" e \" ' f '", "a (b) [c] {d} \"e\" 'f'");
        check("( ( nested ) )", "(( nested) )");
        check("( open", "( open");
        check("(  )", "()");
        check("\" across \n lines \"", "\"across\nlines\"");
    }

    #[test]
    fn what_python_takes_literally_is_literal() {
        check("a /' 5/ b /' 55/", "a /'[0-9]/ b /' 55/");
    }
}
