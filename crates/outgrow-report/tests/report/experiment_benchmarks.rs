//! Benchmarks at the end of an experiment's runs: shares and their intervals, what is no better than guessing, and the
//! tables.

use std::fs;

use outgrow_report::Outcome;
use serde_json::{Value, json};

use crate::laid_out::{LaidOut, curve, moved};

/// Scores a run at its end.
fn score(laid_out: &LaidOut, kind: &str, seed: usize, tasks: &Value) {
    let folder = laid_out.folder.path().join(format!("runs/{kind}/seed-{seed}"));
    let line = json!({"step": 20, "tokens": 2000, "stage": "train", "flops": 1e12, "flops_6nt": 1e12, "evaluation": tasks});
    let metrics = fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
    fs::write(folder.join("metrics.jsonl"), format!("{metrics}{line}\n")).unwrap();
    let mut run: Value = serde_json::from_str(&fs::read_to_string(folder.join("run.json")).unwrap()).unwrap();
    let asked = |task: &String| {
        (
            task.clone(),
            json!({"sha256": task, "documents": if task == "sciq" { 1000 } else { 100 }, "num_fewshot": 0}),
        )
    };
    run["evaluation"] = Value::Object(tasks.as_object().unwrap().keys().map(asked).collect());
    fs::write(folder.join("run.json"), run.to_string()).unwrap();
}

/// Scratch guesses at SciQ, the grown model doesn't; at PIQA both have few documents.
fn scored() -> Outcome {
    let mut laid_out = LaidOut::new();
    let scratch = curve(1e12, 20.0, -0.05);
    laid_out.kind("scratch", None, json!({}), &vec![scratch.clone(); 3]);
    laid_out.kind("grown", Some("scratch"), json!({}), &vec![moved(&scratch, -0.1); 3]);
    for seed in 1..=3 {
        let spread = 0.004 * (seed as f64 - 2.0);
        for (kind, sciq, piqa) in [("scratch", 0.26, 0.54), ("grown", 0.45, 0.56)] {
            let tasks = json!({
                "lambada_openai": {"acc": 0.1 + spread, "perplexity": 40.0},
                "piqa": {"acc_norm": piqa + spread},
                "sciq": {"acc": 0.9, "acc_norm": sciq + spread, "acc_norm_stderr": 0.01},
                "wikitext": {"word_perplexity": 55.0 - 100.0 * spread},
            });
            score(&laid_out, kind, seed, &tasks);
        }
    }
    laid_out.outcome()
}

#[test]
fn a_share_that_guessing_may_give_is_said_to_be_at_chance() {
    let outcome = scored();
    let said: Vec<String> = outcome
        .benchmarks
        .tasks
        .iter()
        .flat_map(|task| task.kinds.iter().map(move |kind| (task, kind)))
        .map(|(task, kind)| {
            let by_documents =
                kind.by_documents.map(|ends| format!("{:.3} to {:.3}", ends.lower(), ends.upper()));
            format!(
                "{} {} {}: {:.3}, {}, at chance: {:?}",
                task.task,
                task.metric,
                kind.kind,
                kind.over_seeds.mean,
                by_documents.unwrap_or_default(),
                kind.is_at_chance
            )
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"), @"
    lambada_openai acc scratch: 0.100, 0.055 to 0.174, at chance: None
    lambada_openai acc grown: 0.100, 0.055 to 0.174, at chance: None
    piqa acc_norm scratch: 0.540, 0.443 to 0.634, at chance: Some(true)
    piqa acc_norm grown: 0.560, 0.462 to 0.653, at chance: Some(true)
    sciq acc_norm scratch: 0.260, 0.234 to 0.288, at chance: Some(true)
    sciq acc_norm grown: 0.450, 0.419 to 0.481, at chance: Some(false)
    wikitext word_perplexity scratch: 55.000, , at chance: None
    wikitext word_perplexity grown: 55.000, , at chance: None
    ");
}

#[test]
fn the_average_is_the_plain_mean_of_the_accuracies_seed_by_seed() {
    let outcome = scored();
    assert_eq!(outcome.benchmarks.averaged, ["lambada_openai", "piqa", "sciq"]);
    let grown = outcome.benchmarks.averages.iter().find(|average| average.kind == "grown").unwrap();
    let expected = (0.1 + 0.56 + 0.45) / 3.0;
    assert!((grown.over_seeds.mean - expected).abs() < 1e-12 && grown.over_seeds.interval.is_some());
}

#[test]
fn the_page_has_a_table_like_the_papers_and_a_file_has_its_numbers() {
    let outcome = scored();
    let page = outcome.html();
    let table =
        page.split("<h2>Benchmarks</h2>").nth(1).and_then(|rest| rest.split("</section>").next()).unwrap();
    assert!(table.contains("sciq<br><small>acc_<wbr>norm ↑, chance 25</small>"), "{table}");
    assert!(table.contains("wikitext<br><small>word_<wbr>perplexity ↓</small>"), "{table}");
    // SciQ and PIQA of scratch; PIQA of the grown model.
    assert_eq!(table.matches("<small>at chance</small>").count(), 3);
    let csv = outcome.benchmarks_csv().unwrap();
    let rounded = |field: &str| field.parse().map_or(field.to_owned(), |number: f64| format!("{number:.4}"));
    let line = |line: &str| line.split(',').map(rounded).collect::<Vec<_>>().join(",");
    let shown = csv.lines().filter(|line| line.contains("scratch,") && line.contains("sciq")).map(line);
    insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"), @"
    scratch,1.0000,sciq,acc_norm,0.2560,0.0100,0.2299,0.2839,1000.0000,0.2500
    scratch,2.0000,sciq,acc_norm,0.2600,0.0100,0.2338,0.2881,1000.0000,0.2500
    scratch,3.0000,sciq,acc_norm,0.2640,0.0100,0.2376,0.2922,1000.0000,0.2500
    scratch,mean,sciq,acc_norm,0.2600,,0.2501,0.2699,1000.0000,0.2500
    ");
}

#[test]
fn runs_without_benchmarks_make_no_table_and_no_file() {
    let mut laid_out = LaidOut::new();
    laid_out.kind("scratch", None, json!({}), &[curve(1e12, 20.0, -0.05)]);
    let outcome = laid_out.outcome();
    assert!(outcome.benchmarks_csv().is_none() && !outcome.html().contains("<h2>Benchmarks</h2>"));
}
