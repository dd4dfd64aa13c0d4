//! Rules about where files stand. Reads nothing: paths are handed in, with `/` between their parts.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::File;

/// Folders that have at most so many entries, so that a reader sees their order at a glance.
const AT_MOST: [(&str, usize); 1] = [("crates/outgrow-operators/src/", 12)];

/// Every file that stands where it may not.
pub(super) fn violations(files: &[File]) -> Vec<String> {
    let paths = files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>();
    let mut violations = module_files(&paths);
    violations.extend(test_programs(&paths));
    violations.extend(full_folders(&paths));
    violations
}

/// A module's file has the module's name.
fn module_files(paths: &[&str]) -> Vec<String> {
    let wrong = paths.iter().filter_map(|path| path.strip_suffix("/mod.rs"));
    wrong.map(|folder| format!("{folder}/mod.rs: {folder}.rs says what the module is called")).collect()
}

/// The tests of a crate are one program, in a folder beside the golden files: linking is what takes the time.
fn test_programs(paths: &[&str]) -> Vec<String> {
    let mut folders = BTreeMap::<&str, BTreeSet<&str>>::new();
    let mut violations = Vec::new();
    for path in paths {
        let Some((package, within)) = path.split_once("/tests/") else { continue };
        if !package.starts_with("crates/") || package.matches('/').count() != 1 {
            continue;
        }
        match within.split_once('/') {
            None => violations
                .push(format!("{path}: a test program of its own: make it a module of the crate's one")),
            Some(("golden", _)) => {}
            Some((folder, _)) => {
                folders.entry(package).or_default().insert(folder);
            }
        }
    }
    for (package, folders) in folders.into_iter().filter(|(_, folders)| folders.len() > 1) {
        let folders = folders.into_iter().collect::<Vec<_>>().join(", ");
        violations.push(format!("{package}/tests: {folders}: one program for each crate"));
    }
    violations
}

fn full_folders(paths: &[&str]) -> Vec<String> {
    let over = |(folder, limit): &(&str, usize)| {
        let below = paths.iter().filter_map(|path| path.strip_prefix(folder));
        let entries = below.map(|rest| rest.split('/').next().unwrap_or(rest)).collect::<BTreeSet<_>>();
        (entries.len() > *limit).then(|| {
            format!("{folder}: {} entries, at most {limit}: find the room it belongs in", entries.len())
        })
    };
    AT_MOST.iter().filter_map(over).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(paths: &[&str], expected: &[&str]) {
        let files = paths.iter().map(|path| File { path: (*path).to_owned(), bytes: 1 });
        assert_eq!(violations(&files.collect::<Vec<_>>()), expected);
    }

    #[test]
    fn a_module_file_has_the_modules_name() {
        check(&["crates/a/src/plan.rs", "crates/a/src/plan/depth.rs"], &[]);
        check(
            &["crates/a/src/plan/mod.rs"],
            &["crates/a/src/plan/mod.rs: crates/a/src/plan.rs says what the module is called"],
        );
    }

    #[test]
    fn a_crate_has_one_test_program_beside_its_golden_files() {
        check(&["crates/a/tests/a/main.rs", "crates/a/tests/golden/x.json", "crates/b/src/tests/x.rs"], &[]);
        check(
            &["crates/a/tests/laws.rs"],
            &["crates/a/tests/laws.rs: a test program of its own: make it a module of the crate's one"],
        );
        check(
            &["crates/a/tests/a/main.rs", "crates/a/tests/b/main.rs"],
            &["crates/a/tests: a, b: one program for each crate"],
        );
    }

    #[test]
    fn a_folder_with_too_many_entries_is_named() {
        let path = |index: usize| format!("crates/outgrow-operators/src/{index}.rs");
        let paths = (0..13).map(path).collect::<Vec<_>>();
        let paths = paths.iter().map(String::as_str).collect::<Vec<_>>();
        check(&paths[..12], &[]);
        let with_rooms = [&paths[..12], &["crates/outgrow-operators/src/0/a.rs"]].concat();
        check(
            &with_rooms,
            &["crates/outgrow-operators/src/: 13 entries, at most 12: find the room it belongs in"],
        );
    }
}
