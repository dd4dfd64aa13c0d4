//! What is wrong with a file, a problem each, with the line that it is about. What is said, who reads the file and who
//! checks a run decide.

use std::{fmt, path::Path};

use toml::de::{DeTable, DeValue};

/// All problems of one file. On one line with `; ` between them; a terminal gets a line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    file: Option<String>,
    problems: Vec<(Option<usize>, String)>,
}

/// A step from a value into a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Of a table.
    Key(String),
    /// Of a list.
    Index(usize),
}

/// A problem, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// From the top of the recipe; of what is missing, where it would be.
    pub path: Vec<Step>,
    /// With the key in it.
    pub text: String,
}

impl Problems {
    /// Of a run, which doesn't know its file.
    pub(crate) fn of_run(problems: Vec<String>) -> Self {
        Self { file: None, problems: problems.into_iter().map(|problem| (None, problem)).collect() }
    }

    /// Of a file that was read, in the order of its lines.
    pub(crate) fn of_file(file: &Path, text: &str, problems: Vec<Problem>) -> Self {
        let lines = Lines::of(text);
        let mut problems: Vec<_> =
            problems.into_iter().map(|Problem { path, text }| (lines.at(&path), text)).collect();
        problems.sort_by_key(|(line, _)| line.unwrap_or(usize::MAX));
        Self { file: Some(file.display().to_string()), problems }
    }

    /// The same problems of a run, by the recipe that it is of. The lines are those of the keys that they name.
    #[must_use]
    pub(crate) fn located(self, file: &Path) -> Self {
        // What was just read may be gone; then there are no lines.
        let lines = Lines::of(&std::fs::read_to_string(file).unwrap_or_default());
        let located = |(_, problem): (Option<usize>, String)| (lines.about(&problem), problem);
        let mut problems: Vec<_> = self.problems.into_iter().map(located).collect();
        problems.sort_by_key(|(line, _)| line.unwrap_or(usize::MAX));
        Self { file: Some(file.display().to_string()), problems }
    }

    /// As a terminal has them: several have a line each.
    pub(crate) fn on_lines(&self) -> String {
        let [_, _, ..] = &self.problems[..] else { return self.to_string() };
        let file = self.file.as_ref().map_or(String::new(), |file| format!("{file}: "));
        let lines: Vec<_> =
            self.problems.iter().map(|problem| format!("\n  {}", with_line(problem))).collect();
        format!("{file}{} problems{}", self.problems.len(), lines.concat())
    }
}

fn with_line((line, problem): &(Option<usize>, String)) -> String {
    line.map_or_else(|| problem.clone(), |line| format!("line {line}: {problem}"))
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, &self.problems[..]) {
            (Some(file), [(Some(line), problem)]) => write!(formatter, "{file}, line {line}: {problem}"),
            (file, problems) => {
                let problems: Vec<_> = problems.iter().map(with_line).collect();
                let file = file.as_ref().map_or(String::new(), |file| format!("{file}: "));
                write!(formatter, "{file}{}", problems.join("; "))
            }
        }
    }
}

impl std::error::Error for Problems {}

/// The lines of a file's keys.
struct Lines(Part);

/// A key or an element of a list, and what is in it.
#[derive(Default)]
struct Part {
    key: String,
    /// Of a table in a list that has one.
    name: Option<String>,
    line: usize,
    parts: Vec<Part>,
}

impl Lines {
    fn of(text: &str) -> Self {
        let line = |byte: usize| 1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count();
        let parts = DeTable::parse(text).map(|table| parts_of(table.get_ref(), &line)).unwrap_or_default();
        Self(Part { parts, ..Part::default() })
    }

    /// The line of what is at a path, or of the innermost that is there.
    fn at(&self, path: &[Step]) -> Option<usize> {
        let (mut part, mut line) = (&self.0, None);
        for step in path {
            let next = match step {
                Step::Key(key) => part.parts.iter().find(|part| part.key == *key),
                Step::Index(index) => part.parts.get(*index),
            };
            let Some(next) = next else { break };
            (part, line) = (next, Some(next.line));
        }
        line
    }

    /// The line of the key that a problem of a run names, `section: words` or `section.key: words`. Where it names the
    /// stage of a method, keys of that stage come first.
    fn about(&self, problem: &str) -> Option<usize> {
        let (section, words) = problem.split_once(": ")?;
        let path: Vec<Step> = section.split('.').map(|key| Step::Key(key.to_owned())).collect();
        let [Step::Key(first), ..] = &path[..] else { return None };
        let section = self.0.parts.iter().find(|part| part.key == *first)?;
        let stage = words.split_once("stage ").and_then(|(_, name)| name[1..].split(['"', '`']).next());
        let of_stage = stage.and_then(|stage| {
            let begin = format!("{stage}_");
            section.find(&|part| part.name.as_deref() == Some(stage) || part.key.starts_with(&begin))
        });
        let keys: Vec<&str> = if path.len() == 1 { named_keys(words) } else { Vec::new() };
        let within = |part: &Part| -> Option<usize> {
            keys.iter().find_map(|key| part.find(&|part| part.key == *key)).map(|part| part.line)
        };
        let elsewhere = || {
            let own = keys.iter().filter(|key| key.contains('_'));
            own.filter_map(|key| self.0.find(&|part| part.key == *key)).map(|part| part.line).next()
        };
        let found = of_stage.and_then(within).or_else(|| within(section));
        found.or(of_stage.map(|part| part.line)).or_else(elsewhere).or_else(|| self.at(&path))
    }
}

impl Part {
    /// The first within it for which something is so.
    fn find(&self, is_it: &dyn Fn(&Self) -> bool) -> Option<&Self> {
        let own = self.parts.iter().find(|part| is_it(part));
        own.or_else(|| self.parts.iter().find_map(|part| part.find(is_it)))
    }
}

/// The words that are written as a key with its value, as `factor is 3` or `seed = 1`, or that look like one.
fn named_keys(words: &str) -> Vec<&str> {
    let mut rest = words.split(' ').peekable();
    let mut keys = Vec::new();
    while let Some(word) = rest.next() {
        let has_value = matches!(rest.peek(), Some(&("=" | "is")));
        let key = word.trim_matches(['`', ',', ';', ':', '(', ')']).rsplit('.').next().unwrap_or(word);
        let is_key = !key.is_empty()
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit());
        if is_key && (has_value || key.contains('_')) {
            keys.push(key);
        }
    }
    keys
}

fn parts_of(table: &DeTable<'_>, line: &dyn Fn(usize) -> usize) -> Vec<Part> {
    let mut parts: Vec<Part> = table
        .iter()
        .map(|(key, value)| {
            let at = line(key.span().start);
            Part { key: key.get_ref().to_string(), line: at, ..inner(value.get_ref(), at, line) }
        })
        .collect();
    parts.sort_by_key(|part| part.line);
    parts
}

fn inner(value: &DeValue<'_>, at: usize, line: &dyn Fn(usize) -> usize) -> Part {
    let parts = match value {
        DeValue::Table(table) => parts_of(table, line),
        DeValue::Array(elements) => {
            let element = |element: &toml::Spanned<DeValue<'_>>| {
                let at = line(element.span().start);
                Part { line: at, ..inner(element.get_ref(), at, line) }
            };
            elements.iter().map(element).collect()
        }
        _ => Vec::new(),
    };
    let name = match value {
        DeValue::Table(table) => table.iter().find_map(|(key, value)| match value.get_ref() {
            DeValue::String(name) if key.get_ref() == "name" => Some(name.to_string()),
            _ => None,
        }),
        _ => None,
    };
    Part { key: String::new(), name, line: at, parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: &str = "\
name = \"x\"
[model]
hidden_size = 16

[schedule]
method = \"g-stack\"
factor = 3
base_learning_rate = { peak = 1, warmup_tokens = 2 }
grown_learning_rate = { peak = 1, warmup_tokens = 2 }
[training]
validation_sequences = 0
";

    #[test]
    fn problems_of_a_run_are_of_the_lines_of_the_keys_that_they_name() {
        let lines = Lines::of(RECIPE);
        let of = |problem: &str| lines.about(problem);
        assert_eq!(of("schedule: factor is 3, it must divide num_hidden_layers, 4"), Some(7));
        assert_eq!(of("schedule: stage \"grown\": learning rate: warmup_tokens is 2"), Some(9));
        assert_eq!(of("schedule: stage \"base\": learning rate: warmup_tokens is 2"), Some(8));
        assert_eq!(of("data: validation_sequences = 99, but"), None);
        assert_eq!(of("training: validation_sequences = 0: at least 1"), Some(11));
        assert_eq!(of("model: nothing that is a key"), Some(2));
        assert_eq!(of("no section"), None);
    }

    #[test]
    fn several_problems_have_a_line_each() {
        let problem =
            |key: &str| Problem { path: vec![Step::Key(key.to_owned())], text: format!("{key}: no") };
        let problems = |keys: &[&str]| {
            Problems::of_file(Path::new("a.toml"), RECIPE, keys.iter().map(|key| problem(key)).collect())
        };
        assert_eq!(problems(&["schedule"]).on_lines(), "a.toml, line 5: schedule: no");
        assert_eq!(problems(&["other"]).on_lines(), "a.toml: other: no");
        let several = problems(&["other", "schedule", "name"]);
        assert_eq!(
            several.on_lines(),
            "a.toml: 3 problems\n  line 1: name: no\n  line 5: schedule: no\n  other: no"
        );
        assert_eq!(several.to_string(), "a.toml: line 1: name: no; line 5: schedule: no; other: no");
    }
}
