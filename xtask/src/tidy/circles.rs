//! Files of a crate that import each other, directly or in a circle.
//!
//! Reads `use` lines and paths that begin with `crate::`, `super::` or a module's name, not the language: what macros
//! make of them stays unseen. Tests within a file don't count, and a crate's root imports nothing: it names what there
//! is.

use std::collections::{BTreeMap, BTreeSet};

/// Circles that are there on purpose: the crate's folder and the files, from its `src`.
const ON_PURPOSE: [(&str, &[&str]); 1] = [
    // One type in two files.
    ("crates/outgrow-model/", &["decoder.rs", "parameters.rs"]),
];

/// A module's path from the crate's root.
type Path = Vec<String>;

/// What is read of a file.
#[derive(Default)]
struct Module {
    file: String,
    /// Paths that it names, from the crate's root.
    names: Vec<Path>,
    /// What it gives on under a name of its own, and where that is from.
    exports: BTreeMap<String, Path>,
}

/// A line for each circle among the files of `folder`, given as pairs of path from its `src` and text.
pub(super) fn violations(folder: &str, files: &[(String, String)]) -> Vec<String> {
    let modules = modules(files);
    let edges = modules.iter().map(|(path, module)| (path, imports(&modules, path, module)));
    let edges = edges.collect::<BTreeMap<_, _>>();
    let circles = circles(&edges)
        .into_iter()
        .map(|circle| circle.iter().map(|path| modules[*path].file.as_str()).collect::<Vec<_>>());
    let is_on_purpose = |circle: &Vec<&str>| {
        ON_PURPOSE.iter().any(|(of, files)| *of == folder && files == &circle.as_slice())
    };
    let circles = circles.filter(|circle| !is_on_purpose(circle));
    circles
        .map(|circle| {
            format!("{folder}src: {} import each other: what both need stands below them", circle.join(", "))
        })
        .collect()
}

fn modules(files: &[(String, String)]) -> BTreeMap<Path, Module> {
    let paths = files.iter().map(|(file, _)| module_path(file)).collect::<BTreeSet<_>>();
    let is_test = |path: &Path| path.last().is_some_and(|name| name == "tests");
    let mut modules = BTreeMap::new();
    for (file, text) in files {
        let path = module_path(file);
        if is_test(&path) {
            continue;
        }
        let mut module = Module { file: file.clone(), ..Module::default() };
        let code = code_of(text);
        let (uses, rest) = uses(&code);
        for (is_given_on, tree) in uses {
            for (target, name) in paths_of(tree) {
                let Some(target) = from_root(&paths, &path, &target) else { continue };
                if is_given_on {
                    module.exports.insert(name, target);
                } else {
                    module.names.push(target);
                }
            }
        }
        for words in chains(&rest) {
            module.names.extend(from_root(&paths, &path, &words));
        }
        modules.insert(path, module);
    }
    modules
}

/// `plan/depth.rs` is `["plan", "depth"]`; the crate's root is empty.
fn module_path(file: &str) -> Path {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    if matches!(stem, "lib" | "main") { Vec::new() } else { stem.split('/').map(str::to_owned).collect() }
}

/// The text without comments, texts in quotes and the tests at its end.
fn code_of(text: &str) -> String {
    let mut lines = Vec::new();
    let mut source = text.lines().peekable();
    while let Some(line) = source.next() {
        let opens_tests = source.peek().is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'));
        if line.starts_with("#[cfg(") && line.contains("test") && opens_tests {
            break;
        }
        lines.push(line.split('"').step_by(2).collect::<Vec<_>>().join("\"\""));
    }
    let code = lines.iter().map(|line| line.find("//").map_or(line.as_str(), |start| &line[..start]));
    code.collect::<Vec<_>>().join("\n")
}

/// Each `use` and whether it is a `pub use`, and the code without them.
fn uses(code: &str) -> (Vec<(bool, &str)>, String) {
    let (mut uses, mut rest) = (Vec::new(), String::new());
    let mut remaining = code;
    while let Some((before, behind, is_given_on)) = next_use(remaining) {
        rest.push_str(before);
        let (tree, after) = behind.split_once(';').unwrap_or((behind, ""));
        uses.push((is_given_on, tree));
        remaining = after;
    }
    rest.push_str(remaining);
    (uses, rest)
}

/// What stands before the next `use`, what behind it, and whether it is given on.
fn next_use(code: &str) -> Option<(&str, &str, bool)> {
    let mut offset = 0;
    for line in code.split_inclusive('\n') {
        let start = line.trim_start();
        let visible = start.strip_prefix("pub").map(|rest| {
            rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest)
        });
        let tree = visible.unwrap_or(start).trim_start().strip_prefix("use ");
        if let Some(tree) = tree {
            let position = offset + line.len() - tree.len();
            return Some((&code[..offset], &code[position..], visible.is_some()));
        }
        offset += line.len();
    }
    None
}

/// The paths of a `use` tree, each with the name that it has from then on.
fn paths_of(tree: &str) -> Vec<(Path, String)> {
    let tree = tree.trim();
    if let Some((before, rest)) = tree.split_once('{') {
        let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
        let prefix = words(before);
        let parts = split_at_commas(inner).into_iter().flat_map(paths_of);
        return parts
            .map(|(path, name)| {
                let is_self = path.len() == 1 && path[0] == "self";
                let behind = if is_self { Vec::new() } else { path };
                let whole = prefix.iter().cloned().chain(behind).collect::<Vec<_>>();
                let name = if is_self { whole.last().cloned().unwrap_or_default() } else { name };
                (whole, name)
            })
            .collect();
    }
    let (path, renamed) = tree.split_once(" as ").map_or((tree, None), |(path, name)| (path, Some(name)));
    let path = words(path);
    let Some(last) = path.last() else { return Vec::new() };
    let name = renamed.map_or_else(|| last.clone(), |name| name.trim().to_owned());
    vec![(path, name)]
}

fn split_at_commas(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (position, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..position]);
                start = position + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn words(path: &str) -> Path {
    path.split("::").map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Names joined by `::` in code.
fn chains(code: &str) -> Vec<Path> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_' || character == ':';
    code.split(|character| !is_part(character)).filter(|word| word.contains("::")).map(words).collect()
}

/// A path as it is named from the crate's root, or nothing where it leads out of the crate.
fn from_root(modules: &BTreeSet<Path>, here: &Path, named: &[String]) -> Option<Path> {
    let (first, rest) = named.split_first()?;
    let mut base = here.clone();
    match first.as_str() {
        "crate" => base.clear(),
        "self" => {}
        "super" => {
            base.pop()?;
            let mut rest = rest;
            while let Some(("super", behind)) =
                rest.split_first().map(|(word, behind)| (word.as_str(), behind))
            {
                base.pop()?;
                rest = behind;
            }
            return Some(base.into_iter().chain(rest.iter().cloned()).collect());
        }
        child => {
            base.push(child.to_owned());
            if !modules.contains(&base) {
                return None;
            }
        }
    }
    Some(base.into_iter().chain(rest.iter().cloned()).collect())
}

/// The modules in whose files the names of a module stand.
fn imports<'a>(modules: &'a BTreeMap<Path, Module>, path: &Path, module: &Module) -> BTreeSet<&'a Path> {
    let found = module.names.iter().filter_map(|name| home(modules, name, 8));
    found.filter(|target| *target != path && !target.is_empty()).collect()
}

/// The module in whose file a name stands, through what modules give on.
fn home<'a>(modules: &'a BTreeMap<Path, Module>, name: &[String], steps: usize) -> Option<&'a Path> {
    let length = (0..=name.len()).rev().find(|length| modules.contains_key(&name[..*length]))?;
    let (path, module) = modules.get_key_value(&name[..length])?;
    let given_on = name.get(length).and_then(|next| module.exports.get(next));
    match given_on {
        Some(target) if steps > 0 => {
            let whole = target.iter().chain(&name[length + 1..]).cloned().collect::<Vec<_>>();
            home(modules, &whole, steps - 1)
        }
        _ => Some(path),
    }
}

/// Groups of modules that reach each other, each in order.
fn circles<'a>(edges: &BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> Vec<Vec<&'a Path>> {
    let reached = edges.keys().map(|start| (*start, reach(edges, start))).collect::<BTreeMap<_, _>>();
    let mut circles = Vec::new();
    let mut seen = BTreeSet::new();
    for start in edges.keys() {
        if !reached[start].contains(start) || !seen.insert(*start) {
            continue;
        }
        let together = reached[start].iter().filter(|other| reached[*other].contains(start));
        let circle = together.copied().collect::<Vec<_>>();
        seen.extend(&circle);
        circles.push(circle);
    }
    circles
}

fn reach<'a>(edges: &BTreeMap<&'a Path, BTreeSet<&'a Path>>, start: &Path) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut pending = edges.get(start).into_iter().flatten().copied().collect::<Vec<_>>();
    while let Some(next) = pending.pop() {
        if reached.insert(next) {
            pending.extend(edges.get(next).into_iter().flatten());
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = "crates/outgrow-data/";

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let files = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
        let found = violations(FOLDER, &files.collect::<Vec<_>>());
        let expected = expected
            .iter()
            .map(|files| format!("{FOLDER}src: {files} import each other: what both need stands below them"));
        assert_eq!(found, expected.collect::<Vec<_>>());
    }

    #[test]
    fn files_in_one_direction_are_fine() {
        check(
            &[("lib.rs", "mod a;\nmod b;\n"), ("a.rs", "use crate::b::B;\n"), ("b.rs", "pub struct B;\n")],
            &[],
        );
    }

    #[test]
    fn two_files_that_import_each_other_are_named() {
        check(&[("a.rs", "use crate::b::B;\n"), ("b.rs", "use crate::{\n    a::A,\n};\n")], &["a.rs, b.rs"]);
    }

    #[test]
    fn a_circle_may_be_longer() {
        check(
            &[
                ("a.rs", "use crate::b::B;"),
                ("b.rs", "fn f() { crate::c::f() }"),
                ("c.rs", "use super::a::A;"),
            ],
            &["a.rs, b.rs, c.rs"],
        );
    }

    #[test]
    fn what_a_root_gives_on_is_where_it_stands() {
        let root = ("lib.rs", "pub use a::A;\npub use b::{B as Other};\n");
        check(&[root, ("a.rs", "use crate::Other;"), ("b.rs", "use crate::A;")], &["a.rs, b.rs"]);
        check(&[root, ("a.rs", "use crate::Other;"), ("b.rs", "use crate::NotHere;")], &[]);
    }

    #[test]
    fn a_room_that_uses_what_stands_in_it_may_not_be_used_by_it() {
        let room = ("plan.rs", "mod depth;\npub fn plan() { depth::plan() }");
        check(&[room, ("plan/depth.rs", "use super::Plan;")], &["plan.rs, plan/depth.rs"]);
        check(&[room, ("plan/depth.rs", "use super::width::Plan;"), ("plan/width.rs", "")], &[]);
    }

    #[test]
    fn what_is_given_on_is_no_import() {
        check(&[("plan.rs", "pub use depth::Depth;"), ("plan/depth.rs", "use super::Plan;")], &[]);
    }

    #[test]
    fn comments_texts_and_tests_dont_count() {
        let tests = "use crate::b::B;\n#[cfg(all(test, unix))]\nmod tests {\n    use crate::c::C;\n}\n";
        check(
            &[
                ("a.rs", tests),
                ("b.rs", "// crate::a::A\nconst A: &str = \"crate::a::A\";"),
                ("c.rs", "use crate::a;"),
            ],
            &[],
        );
    }
}
