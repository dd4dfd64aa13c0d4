//! Rules about the text of one source file. Each is a pure function of a path and a text.

use super::tree::ending;

/// A file longer than this is more than one thing.
const LINE_LIMIT: usize = 500;
/// From here on, a file gets a note.
const LINE_NOTE: usize = 350;

/// What names a backend: only outgrow-kernels may, so that everything else takes a device as a value.
const BACKENDS: [&str; 8] = [
    "Device::flex",
    "Device::wgpu",
    "Device::cuda",
    "Device::default",
    "DeviceType::",
    "burn_wgpu",
    "burn_cuda",
    "cubecl",
];
/// Where [`BACKENDS`] may be named.
const BACKENDS_HOME: &str = "crates/outgrow-kernels/";

/// What is written while working and forgotten afterwards. Split, so that this file passes its own rule.
const LEFTOVERS: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("db", "g!"),
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
];

/// See [`dodges`]. Split, so that this file passes its own rule.
const DODGES: [&str; 3] =
    [concat!("pa", "th ="), concat!("allow(dead", "_code"), concat!("allow(unused", "_imports")];

/// Whether a file holds code of ours.
pub(super) fn is_judged(path: &str) -> bool {
    matches!(ending(path), "rs" | "toml" | "py") && !path.contains("/tests/golden/")
}

/// Every rule that the file breaks, each as one line.
pub(super) fn violations(path: &str, text: &str) -> Vec<String> {
    let mut violations = Vec::new();
    if is_rust(path) {
        violations.extend(without_module_docs(path, text));
        violations.extend(too_long(path, text));
        violations.extend(names_a_backend(path, text));
        violations.extend(burn_in_kernels(path, text));
        violations.extend(dodges(path, text));
        violations.extend(second_use_of_crate(path, text));
    }
    violations.extend(leftovers(path, text));
    violations
}

/// A line about a file that is getting long.
pub(super) fn long_file_note(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    let long = is_rust(path) && lines > LINE_NOTE && lines <= LINE_LIMIT;
    long.then(|| {
        format!("{path}: {lines} lines; past {LINE_NOTE}, ask what could stand in a file of its own")
    })
}

fn is_rust(path: &str) -> bool {
    ending(path) == "rs"
}

fn without_module_docs(path: &str, text: &str) -> Option<String> {
    let documented = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("//!"))
        .is_some_and(|rest| !rest.trim().is_empty());
    (!documented).then(|| format!("{path}:1: no `//!`: the first line says what the file is"))
}

fn too_long(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > LINE_LIMIT)
        .then(|| format!("{path}: {lines} lines, the limit is {LINE_LIMIT}: split it by what it does"))
}

/// Comments may name backends, code may not. xtask can't reach burn at all, so that its texts mean nothing.
fn names_a_backend(path: &str, text: &str) -> Vec<String> {
    if path.starts_with(BACKENDS_HOME) || path.starts_with("xtask/") {
        return Vec::new();
    }
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let named = code
        .filter_map(|(index, line)| Some((index, BACKENDS.iter().find(|backend| line.contains(**backend))?)));
    let say = |(index, backend)| {
        format!("{path}:{}: `{backend}`: backends are named in {BACKENDS_HOME} only", index + 1)
    };
    named.map(say).collect()
}

/// Kernels work on plain slices and buffers; what makes operations of burn out of them stands beside them.
fn burn_in_kernels(path: &str, text: &str) -> Vec<String> {
    let within = path.strip_prefix(BACKENDS_HOME).and_then(|rest| rest.strip_prefix("src/"));
    if !within.is_some_and(|rest| rest.contains("/kernels/")) {
        return Vec::new();
    }
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let named = code.filter(|(_, line)| has_word(line, "burn"));
    named
        .map(|(index, _)| format!("{path}:{}: burn: kernels know slices and buffers only", index + 1))
        .collect()
}

/// What hides that a file is in two programs, or in none.
fn dodges(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with('#'));
    let found = lines.filter_map(|(index, line)| {
        let dodge = DODGES.iter().find(|dodge| line.contains(**dodge))?;
        Some(format!(
            "{path}:{}: `{dodge}`: give what is shared a module, and what isn't used an end",
            index + 1
        ))
    });
    found.collect()
}

/// What a file takes from its crate stands in one `use`. One under a condition stands alone.
fn second_use_of_crate(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().collect::<Vec<_>>();
    let is_use = |index: &usize| {
        let conditional = *index > 0 && lines[index - 1].starts_with("#[cfg");
        lines[*index].starts_with("use crate::") && !conditional
    };
    let second = (0..lines.len()).filter(is_use).nth(1)?;
    Some(format!("{path}:{}: a second `use crate::`: one for each file", second + 1))
}

fn leftovers(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().enumerate();
    let left =
        lines.filter_map(|(index, line)| Some((index, LEFTOVERS.iter().find(|word| has_word(line, word))?)));
    left.map(|(index, word)| format!("{path}:{}: `{word}`: finish it, or file an issue", index + 1)).collect()
}

/// Whether `word` stands in `line` with no letter, digit or `_` before or after it.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        // A macro's name ends in `!`, after which anything may follow.
        !before.is_some_and(is_part) && (word.ends_with('!') || !after.is_some_and(is_part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "crates/outgrow-data/src/lib.rs";

    #[test]
    fn the_first_line_says_what_the_file_is() {
        assert_eq!(without_module_docs(PATH, "//! Token shards.\n"), None);
        for text in
            ["", "use std::fs;\n//! Token shards.\n", "//!\n", "// Token shards.\n", "\n//! Token shards.\n"]
        {
            assert!(without_module_docs(PATH, text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn a_long_file_gets_a_note_and_a_longer_one_is_refused() {
        let check = |lines: usize, note: bool, refused: bool| {
            let text = "x\n".repeat(lines);
            assert_eq!(long_file_note(PATH, &text).is_some(), note, "{lines}");
            assert_eq!(too_long(PATH, &text).is_some(), refused, "{lines}");
        };
        check(LINE_NOTE, false, false);
        check(LINE_NOTE + 1, true, false);
        check(LINE_LIMIT, true, false);
        check(LINE_LIMIT + 1, false, true);
    }

    #[test]
    fn a_backend_is_named_in_the_kernels_only() {
        let text = "//! A test.\nlet device = Device::flex();\n";
        let refused = [
            "crates/outgrow-data/src/lib.rs:2: `Device::flex`: backends are named in crates/outgrow-kernels/ only",
        ];
        assert_eq!(names_a_backend(PATH, text), refused);
        assert!(names_a_backend("crates/outgrow-kernels/src/device.rs", text).is_empty());
        assert!(names_a_backend("benches/benches/training_step.rs", text).len() == 1);
    }

    #[test]
    fn a_comment_may_name_a_backend() {
        assert!(
            names_a_backend(PATH, "    // Never `Device::default()`: it may be a GPU that isn't there.\n")
                .is_empty()
        );
    }

    #[test]
    fn burn_is_named_beside_kernels_and_not_in_them() {
        let text = "//! Not burn's.\nuse burn::tensor::Tensor;\nlet burned = 1;\n";
        let kernel = "crates/outgrow-kernels/src/cpu/kernels/layer.rs";
        let refused = [format!("{kernel}:2: burn: kernels know slices and buffers only")];
        assert_eq!(burn_in_kernels(kernel, text), refused);
        assert!(burn_in_kernels("crates/outgrow-kernels/src/cpu/operations/layer.rs", text).is_empty());
        assert!(burn_in_kernels("crates/outgrow-kernels/tests/kernels/layer.rs", text).is_empty());
    }

    #[test]
    fn a_module_of_two_programs_and_code_of_none_are_found() {
        for dodge in ["#[path = \"../a.rs\"]", "#![allow(dead_code)]", "    #[allow(unused_imports)]"] {
            assert_eq!(dodges(PATH, &format!("//! A file.\n{dodge}\nmod a;\n")).len(), 1, "{dodge}");
        }
        assert!(dodges(PATH, "let path = \"a\";\n#[allow(clippy::too_many_lines)]\n").is_empty());
    }

    #[test]
    fn a_file_takes_from_its_crate_in_one_use() {
        assert_eq!(
            second_use_of_crate(PATH, "use crate::{a, b};\nmod tests {\n    use crate::c;\n}\n"),
            None
        );
        assert_eq!(
            second_use_of_crate(PATH, "use crate::a;\nuse super::d;\nuse crate::b;\n").unwrap(),
            format!("{PATH}:3: a second `use crate::`: one for each file")
        );
        assert_eq!(second_use_of_crate(PATH, "use crate::a;\n#[cfg(unix)]\nuse crate::b;\n"), None);
    }

    #[test]
    fn what_was_left_behind_is_found_with_its_line() {
        for word in LEFTOVERS {
            let found = leftovers(PATH, &format!("//! A file.\nlet x = {word}(1);\n"));
            assert_eq!(found, [format!("{PATH}:2: `{word}`: finish it, or file an issue")]);
        }
    }

    #[test]
    fn a_word_inside_another_is_left_alone() {
        let inside = [concat!("MAS", "TO", "DO", "N"), concat!("a", "db", "g!")];
        for text in inside {
            assert!(leftovers(PATH, text).is_empty(), "{text}");
        }
    }

    #[test]
    fn golden_files_and_texts_are_not_judged() {
        assert!(
            is_judged("xtask/python/golden/generate.py")
                && is_judged("crates/a/Cargo.toml")
                && is_judged(PATH)
        );
        assert!(!is_judged("crates/a/README.md") && !is_judged("crates/a/tests/golden/case.toml"));
    }
}
