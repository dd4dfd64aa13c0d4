//! Rules about the tree of files and the tree of dependencies. Reads neither: both are handed in.

use std::collections::BTreeSet;

/// All golden files together: they are in everybody's clone for ever. Two thirds are tokenizers and what transformers
/// makes of them, texts that pack to a tenth.
const GOLDEN_LIMIT_BYTES: u64 = 2_000_000;

/// A file of the workspace.
pub(super) struct File {
    /// The path from the workspace's root, with `/` between its parts.
    pub path: String,
    /// The file's size.
    pub bytes: u64,
}

/// What a file's name ends in, without the dot.
pub(crate) fn ending(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// Says so when a crate that must do without tensors has burn or CubeCL among its dependencies, one a line.
pub(crate) fn reaches_burn(package: &str, dependencies: &str) -> Option<String> {
    let names = dependencies.lines().filter_map(|line| line.split_whitespace().next());
    let mut tensors = names.filter(|name| {
        ["burn", "cubecl"]
            .iter()
            .any(|root| name.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
    });
    let found = tensors.next()?;
    Some(format!("{package}: has {found} in its tree: a crate of the burn-free half must do without tensors"))
}

/// Every crate of the workspace has a README.md beside its manifest. Programs in deeper folders are no crates of it.
pub(super) fn missing_readmes(files: &[File]) -> Vec<String> {
    let paths = files.iter().map(|file| file.path.as_str()).collect::<BTreeSet<_>>();
    let crates = paths.iter().filter_map(|path| path.strip_suffix("Cargo.toml"));
    let crates = crates.filter(|folder| folder.matches('/').count() <= 2);
    let without = crates.filter(|folder| !paths.contains(format!("{folder}README.md").as_str()));
    without.map(|folder| format!("{folder}README.md: missing: every crate says what it is for")).collect()
}

/// The golden files stay small together.
pub(super) fn golden_size(files: &[File]) -> Option<String> {
    let golden = files.iter().filter(|file| file.path.contains("/tests/golden/"));
    let bytes = golden.map(|file| file.bytes).sum::<u64>();
    (bytes > GOLDEN_LIMIT_BYTES).then(|| {
        format!("crates/*/tests/golden: {bytes} bytes together, the limit is {GOLDEN_LIMIT_BYTES}: make the models smaller")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, bytes: u64) -> File {
        File { path: path.to_owned(), bytes }
    }

    #[test]
    fn burn_is_found_under_any_of_its_names() {
        let clean = "outgrow-data v0.1.0 (/home/me/burn/outgrow)\nserde v1.0.0\nburned v0.1.0";
        assert_eq!(reaches_burn("outgrow-data", clean), None);
        for name in ["burn", "burn-tensor", "cubecl", "cubecl-wgpu"] {
            let dependencies = format!("outgrow-data v0.1.0\nserde v1.0.0\n{name} v0.22.1");
            assert!(reaches_burn("outgrow-data", &dependencies).unwrap().contains(name));
        }
    }

    #[test]
    fn a_crate_without_a_readme_is_named() {
        let files = [
            file("crates/a/Cargo.toml", 1),
            file("crates/a/README.md", 1),
            file("crates/b/Cargo.toml", 1),
            file("xtask/outside/c/Cargo.toml", 1),
        ];
        assert_eq!(missing_readmes(&files), ["crates/b/README.md: missing: every crate says what it is for"]);
    }

    #[test]
    fn golden_files_are_counted_together_up_to_their_limit() {
        let half = || file("crates/a/tests/golden/x.safetensors", GOLDEN_LIMIT_BYTES / 2);
        assert_eq!(golden_size(&[half(), half(), file("crates/a/src/golden.rs", 9)]), None);
        assert!(golden_size(&[half(), half(), file("crates/b/tests/golden/y.json", 1)]).is_some());
    }
}
