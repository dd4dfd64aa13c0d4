//! The program `gpu` on the CPU: what it writes, how it ends, and what its table says of it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

/// The program, measuring into a file of the folder.
fn measure(folder: &Path, device: &str, parts: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gpu"));
    command
        .args(["measure", "--rehearse", "--device", device, "--results"])
        .arg(folder.join("results.jsonl"));
    command.arg("--part").args(parts).output().expect("the program starts")
}

fn lines(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("results.jsonl")).expect("there are results");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

#[test]
fn parts_write_their_measurements_and_how_they_ended_and_the_table_has_both() {
    let folder = tempfile::tempdir().unwrap();
    let output = measure(folder.path(), "cpu", &["first-step", "products", "step-124m"]);
    assert!(output.status.success(), "{output:?}");
    let lines = lines(folder.path());
    let endings: Vec<_> = lines.iter().filter_map(|line| line["ending"].as_str()).collect();
    assert_eq!(endings, ["done"; 3]);
    // The CPU beside itself.
    let agreed: Vec<_> = lines.iter().filter_map(|line| line["difference"].as_f64()).collect();
    assert!(!agreed.is_empty() && agreed.iter().all(|&difference| difference == 0.0), "{lines:?}");
    // A square one and four in each arrangement, in f32 at least.
    let products = lines.iter().filter(|line| line["precision"] == "f32" && line["product"].is_string());
    assert_eq!(products.clone().count(), 13);
    assert!(products.clone().all(|line| line["teraflops"].as_f64().is_some_and(|rate| rate > 0.0)));

    let table = Command::new(env!("CARGO_BIN_EXE_gpu"))
        .arg("table")
        .arg(folder.path().join("results.jsonl"))
        .output()
        .expect("the program starts");
    let table = String::from_utf8(table.stdout).unwrap();
    for words in ["steps in f32", "small gate f32", "small step in"] {
        assert!(table.contains(words), "{words}:\n{table}");
    }
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_part_whose_device_is_missing_fails_with_the_reason_and_the_next_one_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let output = measure(folder.path(), "cuda", &["device", "copies"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let lines = lines(folder.path());
    assert_eq!(lines.len(), 2);
    for line in &lines {
        assert_eq!(line["ending"], "failed");
        assert!(line["error"].as_str().is_some_and(|error| error.contains("no cuda backend")), "{line}");
    }
}
