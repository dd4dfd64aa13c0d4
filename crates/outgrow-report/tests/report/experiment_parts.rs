//! An experiment that machines without a shared disk made in folders of their own, and runs that lie beside those that
//! are reported.

use std::{fs, path::PathBuf};

use outgrow_report::{Experiment, ReportError};
use serde_json::json;

use crate::laid_out::{LaidOut, curve, moved};

/// Two kinds with three seeds, all of it in one folder.
fn whole() -> LaidOut {
    let mut laid_out = LaidOut::new();
    let scratch = curve(1e12, 20.0, -0.05);
    let seeds = [0.0, 0.1, -0.05].map(|by| moved(&scratch, by));
    laid_out.kind("scratch", None, json!({}), &seeds);
    laid_out.kind("grown", Some("scratch"), json!({}), &seeds.map(|points| moved(&points, -0.1)));
    laid_out
}

/// The same, of which some runs are there.
fn part(seeds: &[u64]) -> LaidOut {
    let laid_out = whole();
    for kind in ["scratch", "grown"] {
        for seed in (1..=3).filter(|seed| !seeds.contains(seed)) {
            fs::remove_dir_all(laid_out.folder.path().join(format!("runs/{kind}/seed-{seed}"))).unwrap();
        }
    }
    laid_out.read().unwrap();
    laid_out
}

fn read(parts: &[&LaidOut]) -> Result<Experiment, ReportError> {
    Experiment::read_parts(&parts.iter().map(|part| part.folder.path()).collect::<Vec<_>>())
}

/// What is said, with A and B for the folders.
fn refused(parts: &[&LaidOut]) -> String {
    let error = read(parts).unwrap_err();
    assert!(error.is_input());
    let name = |text: String, (part, name): (&&LaidOut, &str)| {
        text.replace(&part.folder.path().display().to_string(), name)
    };
    parts.iter().zip(["A", "B", "C"]).fold(error.to_string(), name)
}

#[test]
fn parts_together_are_the_whole() {
    let mut first = part(&[1]);
    let mut second = part(&[2, 3]);
    // Each machine knows which of its own runs had it for themselves.
    for (laid_out, alone) in [(&mut first, true), (&mut second, false)] {
        for run in laid_out.description["runs"].as_array_mut().unwrap() {
            run["alone"] = json!(alone);
        }
        laid_out.read().unwrap();
    }
    let merged = read(&[&first, &second]).unwrap().outcome();
    let at_once = whole().outcome();
    assert_eq!(merged.progress, at_once.progress);
    let differences = |outcome: &outgrow_report::Outcome| outcome.kind("grown").unwrap().differences.clone();
    assert_eq!(differences(&merged), differences(&at_once));
    let alone: Vec<bool> = merged.description.runs.iter().map(|run| run.alone).collect();
    assert_eq!(alone, [true, false, false, true, false, false]);
}

#[test]
fn a_run_that_is_done_in_one_part_and_begun_in_another_counts_as_done() {
    let (begun, done) = (part(&[1, 2, 3]), part(&[2]));
    let points = curve(1e12, 20.0, -0.05);
    begun.write_run("runs/scratch/seed-2", 2, &moved(&points, 0.1)[..7], false);
    assert!(read(&[&begun, &done]).unwrap().outcome().progress.unfinished.is_empty());
    begun.write_run("runs/scratch/seed-2", 2, &moved(&points, 0.2)[..7], false);
    insta::assert_snapshot!(refused(&[&begun, &done]), @"A/runs/scratch/seed-2: is another run than B/runs/scratch/seed-2: its validation loss at 0 tokens is 6.524555320336758, and 6.424555320336758 at 0 there");
}

#[test]
fn two_runs_in_one_place_are_refused() {
    let (one, two) = (part(&[1, 2]), part(&[2, 3]));
    assert_eq!(read(&[&one, &two]).unwrap().outcome().progress.finished, 6);
    let file = two.folder.path().join("runs/grown/seed-2/run.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("1000000", "2000000")).unwrap();
    let said = refused(&[&one, &two]);
    assert!(
        said.contains("B/runs/grown/seed-2: is another run than A/runs/grown/seed-2: its model is another"),
        "{said}"
    );
}

#[test]
fn parts_of_two_experiments_are_refused_with_the_first_thing_that_differs() {
    let (one, mut two) = (part(&[1]), part(&[2]));
    two.description["scale"] = json!("micro");
    two.read().unwrap();
    insta::assert_snapshot!(refused(&[&one, &two]), @r#"B: is another experiment than A: scale is "none" there and "micro" here"#);
    two.description["scale"] = json!("none");
    two.description["runs"].as_array_mut().unwrap().pop();
    two.read().unwrap();
    insta::assert_snapshot!(refused(&[&one, &two]), @"B: is another experiment than A: the number of runs is 6 there and 5 here");
}

#[test]
fn runs_of_further_seeds_are_named_on_the_page() {
    let mut laid_out = whole();
    let of_two = laid_out.description["runs"].as_array().unwrap().clone();
    laid_out.description["runs"] = of_two.into_iter().filter(|run| run["seed"] != 3).collect();
    laid_out.description["usual_seeds"] = json!(5);
    let page = laid_out.outcome().html();
    assert!(page.contains("<h2>2 of 5 seeds</h2>"));
    laid_out.write_run("scratch-seed-3", 3, &curve(1e12, 20.0, -0.05), true);
    let outcome = laid_out.outcome();
    assert_eq!(outcome.progress.unplanned, ["scratch-seed-3"]);
    assert!(outcome.html().contains("1 run of other seeds"));
}

#[test]
fn an_experiment_without_folders_is_refused() {
    assert!(Experiment::read_parts(&Vec::<PathBuf>::new()).unwrap_err().is_input());
}
