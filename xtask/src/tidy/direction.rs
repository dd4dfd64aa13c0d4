//! Which crate may depend on which. The one place where the workspace's direction is written down as data.
//!
//! Judges dependencies on crates of the workspace only; `cargo deny` judges what a crate takes from outside.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;

/// A crate and the crates of the workspace that it may depend on, in its tests as well.
struct Row {
    package: &'static str,
    may_use: &'static [&'static str],
    /// Whether burn may be in the crate's tree.
    tensors: bool,
}

/// The direction of docs/ARCHITECTURE.md. A crate that isn't listed may not exist: whoever adds one decides its place.
const DIRECTION: [Row; 14] = [
    Row { package: "outgrow-checkpoint", may_use: &[], tensors: false },
    Row { package: "outgrow-operators", may_use: &["outgrow-checkpoint"], tensors: false },
    Row {
        package: "outgrow-schedules",
        may_use: &["outgrow-operators", "outgrow-checkpoint"],
        tensors: false,
    },
    Row { package: "outgrow-tokenizer", may_use: &["outgrow-checkpoint"], tensors: false },
    Row { package: "outgrow-data", may_use: &["outgrow-tokenizer"], tensors: false },
    Row { package: "outgrow-eval", may_use: &["outgrow-tokenizer"], tensors: false },
    Row { package: "outgrow-statistics", may_use: &[], tensors: false },
    Row { package: "outgrow-report", may_use: &["outgrow-statistics"], tensors: false },
    Row { package: "outgrow-kernels", may_use: &[], tensors: true },
    Row { package: "outgrow-model", may_use: &["outgrow-checkpoint", "outgrow-kernels"], tensors: true },
    Row {
        package: "outgrow-train",
        may_use: &[
            "outgrow-model",
            "outgrow-kernels",
            "outgrow-operators",
            "outgrow-schedules",
            "outgrow-data",
            "outgrow-checkpoint",
        ],
        tensors: true,
    },
    Row {
        package: "outgrow",
        may_use: &[
            "outgrow-checkpoint",
            "outgrow-operators",
            "outgrow-schedules",
            "outgrow-tokenizer",
            "outgrow-data",
            "outgrow-eval",
            "outgrow-statistics",
            "outgrow-report",
            "outgrow-kernels",
            "outgrow-model",
            "outgrow-train",
        ],
        tensors: true,
    },
    Row { package: "xtask", may_use: &[], tensors: false },
    // Nothing depends on the benches, and they measure whatever is worth measuring.
    Row {
        package: "outgrow-benches",
        may_use: &[
            "outgrow-checkpoint",
            "outgrow-operators",
            "outgrow-schedules",
            "outgrow-tokenizer",
            "outgrow-data",
            "outgrow-eval",
            "outgrow-statistics",
            "outgrow-report",
            "outgrow-kernels",
            "outgrow-model",
            "outgrow-train",
        ],
        tensors: true,
    },
];

/// The crates of the workspace, and for each the crates of the workspace that it depends on in any way.
pub(super) type Edges = BTreeMap<String, Vec<String>>;

/// Reads the edges from what `cargo metadata --no-deps` prints. Dependencies of tests and of any platform count.
pub(super) fn edges(metadata: &Value) -> anyhow::Result<Edges> {
    let packages = packages(metadata)?;
    let names = packages.iter().map(name).collect::<anyhow::Result<Vec<_>>>()?;
    let mut edges = Edges::new();
    for package in packages {
        let dependencies = package["dependencies"].as_array().context("a package without dependencies")?;
        let ours = dependencies
            .iter()
            .map(name)
            .filter(|name| name.as_ref().map_or(true, |name| names.contains(name)));
        let mut ours = ours.collect::<anyhow::Result<Vec<_>>>()?;
        ours.sort();
        ours.dedup();
        edges.insert(name(package)?, ours);
    }
    Ok(edges)
}

/// The crates of the workspace that must not have burn in their tree.
pub(super) fn burn_free(metadata: &Value) -> anyhow::Result<Vec<String>> {
    let names = packages(metadata)?.iter().map(name).collect::<anyhow::Result<Vec<_>>>()?;
    let is_burn_free = |name: &String| DIRECTION.iter().any(|row| row.package == name && !row.tensors);
    Ok(names.into_iter().filter(is_burn_free).collect())
}

/// Every edge that goes against the direction, and every crate that has no place in it.
pub(super) fn violations(edges: &Edges) -> Vec<String> {
    let mut violations = Vec::new();
    for (package, dependencies) in edges {
        let Some(row) = DIRECTION.iter().find(|row| row.package == package) else {
            violations.push(format!(
                "{package}: a crate without a place in the direction: add it to xtask/src/tidy/direction.rs"
            ));
            continue;
        };
        for dependency in dependencies.iter().filter(|name| !row.may_use.contains(&name.as_str())) {
            let allowed = if row.may_use.is_empty() {
                "no crate of the workspace".to_owned()
            } else {
                row.may_use.join(", ")
            };
            violations.push(format!("{package}: depends on {dependency}, but may only use {allowed}"));
        }
    }
    violations
}

fn packages(metadata: &Value) -> anyhow::Result<&Vec<Value>> {
    metadata["packages"].as_array().context("`cargo metadata` names no packages")
}

fn name(of: &Value) -> anyhow::Result<String> {
    of["name"].as_str().map(str::to_owned).context("`cargo metadata` leaves a name out")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workspace(packages: &[(&str, &[&str])]) -> Value {
        let packages = packages.iter().map(|(name, dependencies)| {
            let dependencies = dependencies.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>();
            json!({ "name": name, "dependencies": dependencies })
        });
        json!({ "packages": packages.collect::<Vec<_>>() })
    }

    #[track_caller]
    fn check(packages: &[(&str, &[&str])], expected: &[&str]) {
        assert_eq!(violations(&edges(&workspace(packages)).unwrap()), expected);
    }

    #[test]
    fn a_downward_edge_and_a_crate_from_outside_are_fine() {
        check(
            &[("outgrow-checkpoint", &["serde"]), ("outgrow-operators", &["outgrow-checkpoint", "serde"])],
            &[],
        );
    }

    #[test]
    fn an_upward_edge_is_named_with_what_would_be_right() {
        check(
            &[("outgrow-operators", &["outgrow-train"]), ("outgrow-train", &[])],
            &["outgrow-operators: depends on outgrow-train, but may only use outgrow-checkpoint"],
        );
    }

    #[test]
    fn nothing_may_depend_on_the_runner() {
        check(
            &[("outgrow", &[]), ("xtask", &["outgrow"])],
            &["xtask: depends on outgrow, but may only use no crate of the workspace"],
        );
    }

    #[test]
    fn a_test_dependency_counts_like_any_other() {
        let metadata = json!({ "packages": [
            { "name": "outgrow-data", "dependencies": [{ "name": "outgrow-report", "kind": "dev" }] },
            { "name": "outgrow-report", "dependencies": [] },
        ] });
        assert_eq!(violations(&edges(&metadata).unwrap()).len(), 1);
    }

    #[test]
    fn a_crate_without_a_place_is_a_problem() {
        check(
            &[("outgrow-utils", &[])],
            &[
                "outgrow-utils: a crate without a place in the direction: add it to xtask/src/tidy/direction.rs",
            ],
        );
    }

    #[test]
    fn the_direction_has_no_cycle() {
        for (position, row) in DIRECTION.iter().enumerate() {
            for used in row.may_use {
                let used_row = DIRECTION.iter().find(|row| row.package == *used).unwrap();
                assert!(
                    !used_row.may_use.contains(&row.package),
                    "{} and {used} use each other",
                    row.package
                );
                assert!(
                    row.tensors || !used_row.tensors,
                    "row {position}: {} would reach burn by {used}",
                    row.package
                );
            }
        }
    }

    #[test]
    fn only_crates_that_exist_are_asked_about_burn() {
        let metadata = workspace(&[("outgrow-train", &[]), ("outgrow-data", &[]), ("xtask", &[])]);
        assert_eq!(burn_free(&metadata).unwrap(), ["outgrow-data", "xtask"]);
    }
}
