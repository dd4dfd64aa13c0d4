//! The report over made-up runs: its sentences, its page and its JSON.

use outgrow_report::{Report, ReportError, RunRecord};

use crate::made_up::{self, MadeUpRun, three_methods};

fn records(runs: &[MadeUpRun]) -> Vec<RunRecord> {
    let folder = tempfile::tempdir().unwrap();
    runs.iter().map(|run| RunRecord::read(&made_up::write(folder.path(), run)).unwrap()).collect()
}

fn sentences(runs: &[RunRecord]) -> String {
    Report::new(runs).unwrap().sentences().join("\n")
}

fn only(keep: impl Fn(&MadeUpRun) -> bool) -> Vec<RunRecord> {
    records(&three_methods().into_iter().filter(|run| keep(run)).collect::<Vec<_>>())
}

#[test]
fn a_win_and_a_loss_are_told_in_the_same_words() {
    insta::assert_snapshot!(sentences(&records(&three_methods())), @"
    G_stack: +60 % (+55 % to +66 % over 2 seeds): reaches scratch's final validation loss 4.841 (mean of 2 seeds) with 38 % fewer FLOPs (scratch needs 1.60 times as many).
    Stacking 2.0: lost: −18 % (−19 % to −16 % over 2 seeds): never reaches scratch's final validation loss, and at its own final loss 4.896 (mean of 2 seeds) it has paid 21 % more FLOPs than scratch needs.
    ");
}

#[test]
fn one_seed_says_that_its_spread_is_unknown() {
    insta::assert_snapshot!(sentences(&only(|run| run.seed == 1)), @"
    G_stack: +55 % (one seed, spread unknown): reaches scratch's final validation loss 4.836 with 35 % fewer FLOPs (scratch needs 1.55 times as many).
    Stacking 2.0: lost: −16 % (one seed, spread unknown): never reaches scratch's final validation loss, and at its own final loss 4.884 it has paid 20 % more FLOPs than scratch needs.
    ");
}

#[test]
fn runs_without_scratch_are_told_alone() {
    insta::assert_snapshot!(sentences(&only(|run| run.method == "g-stack")), @"G_stack: validation loss 4.715 (mean of 2 seeds) after 26.6 TFLOP; no run from scratch to compare it with.");
    insta::assert_snapshot!(sentences(&only(|run| run.method == "scratch")), @"Scratch: validation loss 4.841 (mean of 2 seeds) after 26.6 TFLOP; nothing to compare it with.");
}

#[test]
fn seeds_are_never_compared_across() {
    let runs = only(|run| (run.method == "scratch") == (run.seed == 1));
    insta::assert_snapshot!(sentences(&runs), @"
    G_stack: no speed-up yet: it takes a run from scratch with the same seed, both evaluated at least twice.
    Stacking 2.0: no speed-up yet: it takes a run from scratch with the same seed, both evaluated at least twice.
    ");
}

#[test]
fn an_unfinished_run_makes_the_number_provisional() {
    let mut runs = only(|run| run.seed == 1 && run.method != "stacking2");
    runs[1].finished = false;
    let half = runs[1].validation.len() / 2;
    runs[1].validation.truncate(half);
    insta::assert_snapshot!(sentences(&runs), @"G_stack: +57 % (one seed, spread unknown): has not reached scratch's final validation loss, and at its own final loss 4.963 it has paid 36 % fewer FLOPs (scratch needs 1.57 times as many). Provisional: 1 of the runs is unfinished.");
}

#[test]
fn seeds_that_disagree_are_said_to() {
    let mut runs = only(|run| run.method != "stacking2");
    // The second seed of the grown run is made worse than scratch.
    for point in &mut runs[3].validation {
        point.loss += 0.3;
    }
    insta::assert_snapshot!(sentences(&runs), @"G_stack: +7.7 % (−40 % to +55 % over 2 seeds; the seeds disagree): 1 of 2 seeds never reach scratch's final validation loss and are read at their own; at the losses read, 4.922 (mean of 2 seeds), it has paid 7.2 % fewer FLOPs (scratch needs 1.08 times as many).");
}

#[test]
fn of_several_learning_rates_from_scratch_the_best_is_the_baseline() {
    let mut runs = only(|run| run.seed == 1 && run.method != "stacking2");
    let mut worse = runs[0].clone();
    worse.name = "scratch-lr-8e-3-seed-1".to_owned();
    for point in &mut worse.validation {
        point.loss += 0.2;
    }
    runs.insert(0, worse);
    let report = Report::new(&runs).unwrap();
    assert_eq!(report.baseline(), Some("Scratch"));
    insta::assert_snapshot!(report.sentences().join("\n"), @"
    Scratch (scratch-lr-8e-3): lost: −46 % (one seed, spread unknown): never reaches scratch's final validation loss, and at its own final loss 5.036 it has paid 86 % more FLOPs than scratch needs.
    G_stack: +55 % (one seed, spread unknown): reaches scratch's final validation loss 4.836 with 35 % fewer FLOPs (scratch needs 1.55 times as many).
    ");
}

#[test]
fn the_headline_is_in_exact_flops_and_the_others_stand_beside_it() {
    let report = Report::new(&records(&three_methods())).unwrap();
    let comparison = &report.comparisons()[0];
    let exact = comparison.exact_flops.as_ref().unwrap();
    assert_eq!(exact.seeds.len(), 2);
    assert!(exact.min <= exact.mean && exact.mean <= exact.max);
    // The made-up 6·N·T is 1.2 times the exact count everywhere: the ratio is the same.
    let other = comparison.six_times_parameters_flops.as_ref().unwrap();
    assert!((exact.mean - other.mean).abs() < 1e-9);
    assert!(comparison.tokens.as_ref().unwrap().mean < exact.mean);
}

#[test]
fn the_report_needs_runs_that_differ() {
    assert!(matches!(Report::new(&[]), Err(ReportError::NoRuns)));
    let runs = only(|run| run.seed == 1 && run.method == "scratch");
    let twice = [runs[0].clone(), runs[0].clone()];
    let refused = Report::new(&twice).unwrap_err();
    assert!(matches!(refused, ReportError::SameRun { seed: 1, .. }));
    assert!(refused.to_string().contains("two runs names of their own (`name` in a recipe"), "{refused}");
}

#[test]
fn costs_that_fall_are_refused() {
    let mut runs = only(|run| run.seed == 1 && run.method == "scratch");
    runs[0].validation[3].flops = 0.0;
    let message = Report::new(&runs).unwrap_err().to_string();
    assert!(message.starts_with("run scratch-seed-1: validation point 3: cost falls from"), "{message}");
}

#[test]
fn the_page_is_self_contained() {
    let page = Report::new(&records(&three_methods())).unwrap().html();
    for outside in ["src=", "href=", "url(http", "@import", "<script", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
    // The only address is the name space of SVG, which nothing fetches.
    assert_eq!(page.matches("http").count(), page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
    assert!(!page.contains("NaN") && !page.contains("inf "), "a number on the page is not finite");
    for tag in ["section", "svg", "table", "div", "g", "details"] {
        let (opened, closed) = (
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count(),
            page.matches(&format!("</{tag}>")).count(),
        );
        assert_eq!(opened, closed, "{tag}");
    }
}

#[test]
fn text_of_a_run_cannot_become_markup() {
    let mut runs = only(|run| run.seed == 1);
    for run in &mut runs {
        let method = format!("<img src=x onerror=alert(1)>{}", run.method);
        run.device = "<b>\"device\"</b>".to_owned();
        run.recipe = serde_json::json!({"</pre><script>": "'"});
        for point in &mut run.validation {
            point.stage = "<i>stage".to_owned();
        }
        run.method = method;
    }
    let report = Report::new(&runs).unwrap();
    for text in [report.html(), report.loss_chart_svg()] {
        assert!(
            !text.contains("<img")
                && !text.contains("<script")
                && !text.contains("<b>\"")
                && !text.contains("<i>stage")
        );
    }
}

#[test]
fn runs_without_evaluations_still_make_a_page() {
    let mut runs = only(|run| run.seed == 1 && run.method != "stacking2");
    for run in &mut runs {
        run.validation.clear();
        run.training.clear();
    }
    let report = Report::new(&runs).unwrap();
    insta::assert_snapshot!(report.sentences().join("\n"), @"G_stack: no speed-up yet: it takes a run from scratch with the same seed, both evaluated at least twice.");
    assert!(report.html().contains("Recipes"));
    assert!(report.loss_chart_svg().starts_with("<svg"));
}

#[test]
fn runs_of_no_extent_make_a_page_of_finite_numbers() {
    let mut runs = only(|run| run.seed == 1 && run.method != "stacking2");
    for run in &mut runs {
        run.training.truncate(1);
        run.validation.truncate(2);
        for point in &mut run.validation {
            (point.tokens, point.flops, point.flops_6nt, point.loss) = (1, 0.3, 0.3, 8.0);
        }
    }
    let page = Report::new(&runs).unwrap().html();
    assert!(!page.contains("NaN") && !page.contains(">inf"));
    assert!(page.contains("<svg"));
}

#[test]
fn a_long_run_makes_no_long_page() {
    let mut runs = only(|run| run.seed == 1 && run.method == "scratch");
    runs[0].benchmarks.clear();
    let last = runs[0].validation.last().unwrap().clone();
    runs[0].validation.extend((1..20_000).map(|step| outgrow_report::ValidationPoint {
        tokens: last.tokens + step,
        flops: last.flops + step as f64,
        ..last.clone()
    }));
    let page = Report::new(&runs).unwrap().html();
    assert!(page.matches("<circle").count() < 1000);
}

#[test]
fn the_json_carries_the_numbers_and_no_folders() {
    let report = Report::new(&records(&three_methods())).unwrap();
    let json = report.to_json();
    assert_eq!(json["format"], 1);
    assert_eq!(json["comparisons"][0]["label"], "G_stack");
    assert_eq!(
        json["comparisons"][0]["exact_flops"]["mean"].as_f64(),
        report.comparisons()[0].exact_flops.as_ref().map(|speed_up| speed_up.mean)
    );
    assert_eq!(json["comparisons"][1]["exact_flops"]["seeds"][0]["read_at"], "own-final");
    assert_eq!(json["methods"][0]["runs"][1]["seed"], 2);
    let folder = records(&three_methods())[0].folder.parent().unwrap().parent().unwrap().to_owned();
    assert!(!json.to_string().contains(folder.to_str().unwrap()));
}
