//! Folders of experiments that are wrong: each problem is a line, and all of them are said at once.

use outgrow_report::Experiment;
use serde_json::json;

use crate::laid_out::{LaidOut, curve, moved};

fn two_seeds() -> LaidOut {
    let mut laid_out = LaidOut::new();
    let scratch = curve(1e12, 20.0, -0.05);
    laid_out.kind("scratch", None, json!({}), &[scratch.clone(), moved(&scratch, 0.1)]);
    laid_out.kind("grown", Some("scratch"), json!({}), &[moved(&scratch, -0.1), scratch]);
    laid_out
}

/// What is said, without the folder.
fn refused(laid_out: &LaidOut) -> String {
    let error = laid_out.read().unwrap_err();
    assert!(error.is_input());
    error.to_string().replace(&laid_out.folder.path().display().to_string(), "OUT")
}

#[test]
fn a_folder_without_a_description_says_what_belongs_there() {
    let folder = tempfile::tempdir().unwrap();
    let error = Experiment::read(folder.path()).unwrap_err();
    assert!(error.is_input());
    assert!(error.to_string().ends_with("the folder of an experiment holds experiment.json"), "{error}");
}

#[test]
fn results_of_another_format_are_refused() {
    let mut laid_out = two_seeds();
    laid_out.description["format"] = json!(2);
    insta::assert_snapshot!(refused(&laid_out), @"OUT/experiment.json: format is 2, this build reads format 1");
}

#[test]
fn seeds_that_dont_pair_are_named_with_their_kinds() {
    let mut laid_out = two_seeds();
    laid_out.run("grown", 3, &curve(1e12, 20.0, -0.05), true);
    insta::assert_snapshot!(refused(&laid_out), @"OUT/experiment.json: seeds don't pair: grown has seed 3, which scratch lacks; compared kinds have the same seeds");
}

#[test]
fn a_run_with_missing_metrics_is_named() {
    let laid_out = two_seeds();
    std::fs::remove_file(laid_out.folder.path().join("runs/grown/seed-1/metrics.jsonl")).unwrap();
    let said = refused(&laid_out);
    assert!(said.starts_with("OUT/runs/grown/seed-1/metrics.jsonl: can't be read: "), "{said}");
    laid_out.write_run("runs/grown/seed-1", 1, &[(0.0, 8.0)], true);
    insta::assert_snapshot!(refused(&laid_out), @"OUT/runs/grown/seed-1: the metrics of a finished run have at least 2 evaluations, and these have 1: metrics.jsonl has lost lines");
}

#[test]
fn a_run_that_has_just_begun_is_missing_and_no_problem() {
    let laid_out = two_seeds();
    let run = laid_out.folder.path().join("runs/grown/seed-1");
    laid_out.write_run("runs/grown/seed-1", 1, &[(0.0, 8.0)], false);
    std::fs::remove_file(run.join("metrics.jsonl")).unwrap();
    assert_eq!(laid_out.outcome().progress.missing, ["runs/grown/seed-1"]);
}

#[test]
fn all_problems_are_said_at_once() {
    let mut laid_out = two_seeds();
    laid_out.description["claims"] =
        json!([{"says": "x", "paper": "y", "rule": {"lower": {"of": "grwn", "against": "scratch"}}}]);
    laid_out.description["runs"][1]["seed"] = json!(5);
    laid_out.description["runs"][3]["seed"] = json!(5);
    insta::assert_snapshot!(refused(&laid_out), @r"
    OUT/experiment.json: claim 1 names kind grwn, which isn't there: kinds are grown, scratch
    OUT/runs/scratch/seed-2: its seed is 2, and experiment.json says 5: another run lies in its place
    OUT/runs/grown/seed-2: its seed is 2, and experiment.json says 5: another run lies in its place
    ");
}

#[test]
fn runs_that_were_measured_differently_are_named_with_what_differs() {
    let laid_out = two_seeds();
    let file = laid_out.folder.path().join("runs/grown/seed-2/run.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(&"3c".repeat(32), &"4d".repeat(32))).unwrap();
    insta::assert_snapshot!(refused(&laid_out), @"OUT/runs/grown/seed-2: can't be compared with runs/scratch/seed-2: its validation data is 4d4d4d4d4d4d, that of the other 3c3c3c3c3c3c");
}
