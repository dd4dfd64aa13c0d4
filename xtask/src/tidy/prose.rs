//! The width of what people read: Markdown, and comments in code. Code itself is the formatter's.

use super::tree::ending;

/// Columns of a line of prose.
const COLUMNS: usize = 120;

/// Whether the file is ours and read by people. Golden files are what other programs write.
pub(super) fn is_judged(path: &str) -> bool {
    reader(path).is_some() && (!path.contains("/tests/golden/") || path.ends_with("/README.md"))
}

/// Each line that is too long and could have been broken. Tables and blocks of code stay as they are.
pub(super) fn violations(path: &str, text: &str) -> Vec<String> {
    let Some(prose) = reader(path) else { return Vec::new() };
    let mut is_code = false;
    let mut violations = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some(words) = prose(line) else {
            is_code = false;
            continue;
        };
        if words.starts_with("```") {
            is_code = !is_code;
            continue;
        }
        let columns = line.chars().count();
        if columns > COLUMNS && !is_code && !words.starts_with('|') && can_be_broken(line, words) {
            violations.push(format!("{path}:{}: {columns} columns, prose has at most {COLUMNS}", index + 1));
        }
    }
    violations
}

/// What a line has of prose, without what marks it as a comment; nothing where it is code.
type Prose = fn(&str) -> Option<&str>;

fn reader(path: &str) -> Option<Prose> {
    match ending(path) {
        "md" => Some(|line| Some(line.trim_start())),
        "rs" => Some(|line| {
            let comment = line.trim_start().strip_prefix("//")?;
            Some(comment.trim_start_matches(['/', '!']).trim_start())
        }),
        "toml" | "py" | "sh" | "yml" => Some(|line| Some(line.trim_start().strip_prefix('#')?.trim_start())),
        _ => None,
    }
}

/// Whether there is a space where a line could end: behind its first word, whatever list or quotation it stands in.
fn can_be_broken(line: &str, words: &str) -> bool {
    let words = words.trim_start_matches(['-', '*', '>', ' ']);
    let before = line.chars().count() - words.chars().count();
    let within = words.chars().take(COLUMNS.saturating_sub(before)).collect::<String>();
    within.trim_end().contains(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long() -> String {
        "word ".repeat(30)
    }

    #[track_caller]
    fn check(path: &str, text: &str, lines: &[usize]) {
        let expected = lines.iter().map(|line| format!("{path}:{line}: "));
        let found = violations(path, text);
        let found = found.iter().map(|line| line.split_inclusive(": ").next().unwrap().to_owned());
        assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn a_line_of_the_limit_passes_and_one_more_column_doesnt() {
        let line = |columns: usize| format!("{} é", "x".repeat(columns - 2));
        check("docs/A.md", &line(COLUMNS), &[]);
        check("docs/A.md", &format!("{}\n\n{}", line(COLUMNS), format_args!("a {}", line(COLUMNS))), &[3]);
    }

    #[test]
    fn comments_are_judged_and_code_isnt() {
        let long = long();
        check("crates/a/src/lib.rs", &format!("//! {long}\nlet a = \"{long}\";\n    // {long}"), &[1, 3]);
        check("crates/a/Cargo.toml", &format!("# {long}\ndescription = \"{long}\""), &[1]);
        check("xtask/python/a.py", &format!("text = '{long}'\n    # {long}"), &[2]);
        check("crates/a/src/page.css", &long, &[]);
    }

    #[test]
    fn tables_and_blocks_of_code_are_left_alone() {
        let long = long();
        check("docs/A.md", &format!("| {long} |\n```\n{long}\n```\n{long}"), &[5]);
        check("crates/a/src/lib.rs", &format!("/// ```\n/// {long}\n/// ```\n/// {long}\nfn f() {{}}"), &[4]);
    }

    #[test]
    fn a_block_of_code_ends_with_its_comment() {
        check("crates/a/src/lib.rs", &format!("/// ```\nfn f() {{}}\n/// {}", long()), &[3]);
    }

    #[test]
    fn a_link_that_has_no_place_to_break_is_left_alone() {
        let address = format!("https://example.org/{}", "x".repeat(COLUMNS));
        check("docs/A.md", &format!("- {address}\n> [words]({address})\n"), &[]);
        check("docs/A.md", &format!("- see {address}\n"), &[1]);
    }
}
