//! Runs that began with a model that there was: what that had cost is a part of every number, or the report says that
//! it isn't.

#![expect(clippy::float_cmp, reason = "these equalities are exact: the same sums of the same numbers")]

use std::fs;

use outgrow_report::{Report, RunRecord};
use serde_json::{Value, json};

use crate::made_up;

/// Runs of some methods and seeds; `base` says what one began with.
fn runs(methods: &[&str], seeds: &[u64], base: impl Fn(&str, u64) -> Option<Value>) -> Vec<RunRecord> {
    let folder = tempfile::tempdir().unwrap();
    let mut all: Vec<_> = made_up::three_methods().into_iter().collect();
    all.retain(|run| methods.contains(&run.method) && seeds.contains(&run.seed));
    let read = |run: &made_up::MadeUpRun| {
        let path = made_up::write(folder.path(), run);
        if let Some(base) = base(run.method, run.seed) {
            let file = path.join("run.json");
            let mut description: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            description["base"] = base;
            fs::write(file, description.to_string()).unwrap();
        }
        RunRecord::read(&path).unwrap()
    };
    all.iter().map(read).collect()
}

fn known() -> Value {
    json!({ "name": "a-llama", "sha256": "4d".repeat(32), "tokens": 819_200, "flops": 5e12, "flops_6nt": 6e12 })
}

fn unknown() -> Value {
    json!({ "name": "a-llama", "sha256": "4d".repeat(32), "tokens": null, "flops": null, "flops_6nt": null })
}

const BOTH: [&str; 2] = ["scratch", "g-stack"];

#[test]
fn what_a_base_had_cost_is_in_every_point_of_its_runs() {
    let without = runs(&["g-stack"], &[1], |_, _| None).remove(0);
    let with = runs(&["g-stack"], &[1], |_, _| Some(known())).remove(0);
    assert_eq!(
        (with.training.len(), with.validation.len()),
        (without.training.len(), without.validation.len())
    );
    for (with, without) in with.validation.iter().zip(&without.validation) {
        assert_eq!((with.tokens, with.flops), (without.tokens + 819_200, without.flops + 5e12));
        assert_eq!((with.flops_6nt, with.loss), (without.flops_6nt + 6e12, without.loss));
    }
    for (with, without) in with.training.iter().zip(&without.training) {
        assert_eq!((with.tokens, with.flops), (without.tokens + 819_200, without.flops + 5e12));
    }
    for (with, without) in with.benchmarks.iter().zip(&without.benchmarks) {
        assert_eq!((with.tokens, with.flops), (without.tokens + 819_200, without.flops + 5e12));
    }
    let spans: Vec<_> = with.stages().into_iter().map(|span| (span.name, span.first_flops)).collect();
    assert_eq!(spans[0], ("a-llama".to_owned(), 0.0));
    assert_eq!(spans[1], ("base".to_owned(), 5e12));
    assert_eq!(spans.len(), without.stages().len() + 1);
}

#[test]
fn a_speed_up_pays_for_the_base() {
    let free = Report::new(&runs(&BOTH, &[1], |_, _| None)).unwrap();
    let paid = Report::new(&runs(&BOTH, &[1], |method, _| (method != "scratch").then(known))).unwrap();
    let reading = |report: &Report| report.comparisons()[0].exact_flops.as_ref().unwrap().seeds[0].reading;
    let (free_reading, paid_reading) = (reading(&free), reading(&paid));
    assert_eq!(free_reading.scratch_cost, paid_reading.scratch_cost);
    assert!((paid_reading.grown_cost - free_reading.grown_cost - 5e12).abs() < 1.0, "{paid_reading:?}");
    insta::assert_snapshot!(paid.sentences()[0], @"G_stack: +20 % (one seed, spread unknown): reaches scratch's final validation loss 4.836 with 17 % fewer FLOPs (scratch needs 1.20 times as many). Its base included: 5.00 TFLOP of a-llama.");
    let page = paid.html();
    assert!(page.contains("with its base, a-llama: 5.00 TFLOP"), "the table of runs");
    assert_eq!(paid.to_json()["comparisons"][0]["bases"][0]["flops"], 5e12);
}

#[test]
fn without_the_flops_of_a_base_there_is_no_speed_up_in_flops() {
    let report = |base: fn() -> Value| {
        Report::new(&runs(&BOTH, &[1, 2], |method, _| (method != "scratch").then(base))).unwrap()
    };
    let nothing_known = report(unknown);
    let comparison = &nothing_known.comparisons()[0];
    assert!(comparison.exact_flops.is_none() && comparison.six_times_parameters_flops.is_none());
    assert!(comparison.at_losses.is_empty() && comparison.tokens.is_some());
    insta::assert_snapshot!(nothing_known.sentences()[0], @"G_stack: no speed-up in FLOPs: its curve is without its base, and what that has cost isn't known (the base's outgrow.json or from_flops in a recipe says it); in tokens, these without its base, too, +38 %.");
    let page = nothing_known.html();
    assert!(!page.contains("speed-up at equal loss</small>"), "the page has a number");
    assert!(page.contains("G_stack, without its base"), "the charts say whose FLOPs are missing");

    let tokens_known = report(|| json!({ "name": "a-llama", "tokens": 819_200 }));
    insta::assert_snapshot!(tokens_known.sentences()[0], @"G_stack: no speed-up in FLOPs: its curve is without its base, and what that has cost isn't known (the base's outgrow.json or from_flops in a recipe says it); in tokens, its base included, −11 %.");
    // By one account it is known, by the other not.
    let exact_known = report(|| json!({ "name": "a-llama", "flops": 5e12 }));
    let comparison = &exact_known.comparisons()[0];
    assert!(comparison.exact_flops.is_some() && comparison.six_times_parameters_flops.is_none());
}

#[test]
fn seeds_whose_base_is_unknown_are_left_out_and_the_sentence_says_so() {
    let base = |method: &str, seed| match (method, seed) {
        ("scratch", _) => None,
        (_, 1) => Some(known()),
        _ => Some(unknown()),
    };
    let report = Report::new(&runs(&BOTH, &[1, 2], base)).unwrap();
    let seeds: Vec<u64> =
        report.comparisons()[0].exact_flops.as_ref().unwrap().seeds.iter().map(|seed| seed.seed).collect();
    assert_eq!(seeds, [1]);
    insta::assert_snapshot!(report.sentences()[0], @"G_stack: +20 % (one seed, spread unknown): reaches scratch's final validation loss 4.836 with 17 % fewer FLOPs (scratch needs 1.20 times as many). Its base included: 5.00 TFLOP of a-llama. Left out: 1 run, as what its base has cost isn't known (the base's outgrow.json or from_flops in a recipe says it).");
}

#[test]
fn two_runs_on_one_base_each_pay_for_it() {
    let report = Report::new(&runs(&["scratch", "g-stack", "stacking2"], &[1], |method, _| {
        (method != "scratch").then(known)
    }));
    let report = report.unwrap();
    for method in &report.methods()[1..] {
        let run = &method.runs[0];
        assert_eq!(run.validation[0].flops, 5e12, "{}", method.label);
        assert!(run.flops > 5e12 && run.base.is_some());
    }
}

#[test]
fn a_base_that_is_trained_on_is_no_baseline() {
    let report = Report::new(&runs(&BOTH, &[1], |method, _| (method == "scratch").then(known))).unwrap();
    assert_eq!(report.baseline(), None);
    insta::assert_snapshot!(report.sentences().join("\n"), @"
    Continued: validation loss 4.836 after 31.6 TFLOP, its base included; no run from scratch to compare it with.
    G_stack: validation loss 4.722 after 26.6 TFLOP; no run from scratch to compare it with.
    ");
    let report = Report::new(&runs(&["scratch"], &[1], |_, _| Some(unknown()))).unwrap();
    insta::assert_snapshot!(report.sentences()[0], @"Continued: validation loss 4.836 after 26.6 TFLOP, without its base (the base's outgrow.json or from_flops in a recipe says what that has cost); no run from scratch to compare it with.");
}
