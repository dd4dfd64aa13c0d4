//! What a base has cost goes along: from its folder, through growing it, into runs and their folders.

use std::fs;

use outgrow_checkpoint::TrainingCost;
use serde_json::{Value, json};

use crate::{
    bases::{from, g_stack, last, trained, with_base},
    tiny::{self, Workshop, assert_success, stderr},
};

fn run_file(workshop: &Workshop, run: &str) -> Value {
    serde_json::from_slice(&fs::read(workshop.path(run).join("run.json")).unwrap()).unwrap()
}

fn cost_of(workshop: &Workshop, folder: &str) -> Option<TrainingCost> {
    TrainingCost::read(&workshop.path(folder)).unwrap()
}

/// What the run itself has spent, by its last line.
fn spent(workshop: &Workshop, run: &str) -> TrainingCost {
    let metrics = fs::read_to_string(workshop.path(run).join("metrics.jsonl")).unwrap();
    let line: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
    TrainingCost {
        tokens: line["tokens"].as_u64(),
        flops: line["flops"].as_f64(),
        flops_6nt: line["flops_6nt"].as_f64(),
    }
}

#[test]
fn what_a_base_has_cost_stays_with_it_when_it_grows_and_is_added_to_when_it_is_trained_on() {
    let workshop = with_base();
    let of_base = cost_of(&workshop, "base").unwrap();
    assert_eq!(of_base, spent(&workshop, "of-base"));
    assert_success(&workshop.run(&["grow", "base", "grown", "--operator", "stack", "--factor", "2"]));
    assert_eq!(cost_of(&workshop, "grown"), Some(of_base), "growing trains nothing");
    trained(&workshop, "on-grown", &from("grown", &tiny::scratch(64, "1e-2")));
    let run = run_file(&workshop, "on-grown");
    assert_eq!((&run["method"], &run["base"]["name"]), (&json!("continued"), &json!("grown")));
    assert_eq!(run["base"]["tokens"], json!(of_base.tokens));
    let together = of_base.plus(spent(&workshop, "on-grown"));
    assert_eq!(TrainingCost::read(last(&workshop, "on-grown").folder()).unwrap(), Some(together));
    assert_eq!(together.tokens, Some(96 + 64));
}

#[test]
fn a_checkpoint_of_an_earlier_version_tells_its_cost_by_its_state() {
    let workshop = with_base();
    fs::remove_file(workshop.path("of-base/step-00000003/outgrow.json")).unwrap();
    trained(&workshop, "run", &from("of-base/step-00000003", &g_stack(0)));
    let base = run_file(&workshop, "run")["base"].clone();
    assert_eq!((&base["name"], &base["tokens"]), (&json!("of-base/step-00000003"), &json!(96)));
    assert_eq!(base["flops"].as_f64(), spent(&workshop, "of-base").flops);
}

#[test]
fn which_base_it_was_is_told_by_its_content() {
    let workshop = with_base();
    trained(&workshop, "run", &from("base", &g_stack(0)));
    let base = run_file(&workshop, "run")["base"].clone();
    // As anybody computes it.
    let sum = std::process::Command::new("sh")
        .args(["-c", "sha256sum config.json model.safetensors | cut -d' ' -f1 | sha256sum"])
        .current_dir(workshop.path("base"))
        .output();
    if let Ok(sum) = sum
        && sum.status.success()
    {
        let sum = String::from_utf8(sum.stdout).unwrap();
        assert_eq!(base["sha256"].as_str(), sum.split_whitespace().next());
    }
    // Elsewhere it is the same, and a run that is done stays done.
    fs::rename(workshop.path("base"), workshop.path("moved")).unwrap();
    workshop.write("moved.toml", from("moved", &g_stack(0)));
    assert_success(&workshop.run(&["train", "moved.toml", "--out", "run"]));
    assert_eq!(run_file(&workshop, "run")["base"]["sha256"], base["sha256"]);
}

#[test]
fn a_folder_of_elsewhere_costs_what_the_recipe_says_or_nobody_knows() {
    let workshop = with_base();
    fs::remove_file(workshop.path("base/outgrow.json")).unwrap();
    let recipe = from("base", &g_stack(0));
    trained(&workshop, "unknown", &recipe);
    let unknown = json!({ "tokens": null, "flops": null, "flops_6nt": null });
    let base = run_file(&workshop, "unknown")["base"].clone();
    for key in ["tokens", "flops", "flops_6nt"] {
        assert_eq!(base[key], unknown[key]);
    }
    assert_eq!(TrainingCost::read(last(&workshop, "unknown").folder()).unwrap(), Some(TrainingCost::UNKNOWN));

    let told = recipe.replace("from = \"base\"\n", "from = \"base\"\nfrom_flops = 1e6\n");
    trained(&workshop, "told", &told);
    let flops = spent(&workshop, "told").flops.map(|flops| flops + 1e6);
    let expected = TrainingCost { flops, ..TrainingCost::UNKNOWN };
    assert_eq!(TrainingCost::read(last(&workshop, "told").folder()).unwrap(), Some(expected));
    // It stands in reports only: what becomes known later is taken.
    workshop.write("told.toml", told.replace("1e6", "2e6"));
    let again = workshop.run(&["train", "told.toml", "--out", "told"]);
    assert_success(&again);
    assert!(!stderr(&again).contains("from_flops"), "{}", stderr(&again));
    assert_eq!(run_file(&workshop, "told")["base"]["flops"], json!(2e6));
}

#[test]
fn a_run_that_is_done_takes_over_what_its_base_has_cost() {
    let workshop = with_base();
    fs::remove_file(workshop.path("base/outgrow.json")).unwrap();
    trained(&workshop, "run", &from("base", &g_stack(0)));
    let metrics = fs::read(workshop.path("run/metrics.jsonl")).unwrap();
    let train = |flags: &[&str]| {
        let output = workshop.run(&[&["train", "run.toml", "--out", "run"], flags].concat());
        assert_success(&output);
        assert_eq!(output.stdout, b"");
        stderr(&output)
    };
    let recipe = fs::read_to_string(workshop.path("run.toml")).unwrap();
    workshop.write("run.toml", recipe.replace("from = \"base\"\n", "from = \"base\"\nfrom_flops = 1e6\n"));
    let before = fs::read(workshop.path("run/run.json")).unwrap();
    insta::assert_snapshot!(train(&["--plan"]), @"run: this run is done; without --plan, its run.json takes over what the recipe says otherwise now");
    assert_eq!(fs::read(workshop.path("run/run.json")).unwrap(), before, "a plan writes nothing");
    insta::assert_snapshot!(train(&[]), @"run: this run is done; run.json, and outgrow.json in step-00000000, step-00000003, say now what its base has cost");
    let run = run_file(&workshop, "run");
    assert_eq!((&run["base"]["flops"], &run["finished"]), (&json!(1e6), &json!(true)));
    let flops = spent(&workshop, "run").flops.map(|flops| flops + 1e6);
    let expected = TrainingCost { flops, ..TrainingCost::UNKNOWN };
    assert_eq!(TrainingCost::read(last(&workshop, "run").folder()).unwrap(), Some(expected));
    assert_eq!(fs::read(workshop.path("run/metrics.jsonl")).unwrap(), metrics);
    assert!(workshop.path("run/final/config.json").is_file(), "the link stays");
    insta::assert_snapshot!(train(&[]), @"run: this run is done");
    // What else is free is taken over, too.
    let recipe = fs::read_to_string(workshop.path("run.toml")).unwrap();
    workshop.write("run.toml", recipe.replace("name = \"tiny\"", "name = \"other\""));
    insta::assert_snapshot!(train(&[]), @"run: this run is done; its run.json has the recipe as it is now");
    assert_eq!(run_file(&workshop, "run")["name"], "other");
}

#[test]
fn a_budget_pays_for_what_the_base_has_cost() {
    let workshop = with_base();
    let budget = |tokens: u64| g_stack(0).replace("grown_tokens = 96", &format!("scratch_tokens = {tokens}"));
    trained(&workshop, "budget", &from("base", &budget(192)));
    let scratch = spent_on_scratch(&workshop, 192);
    let paid = cost_of(&workshop, "base").unwrap().plus(spent(&workshop, "budget")).flops.unwrap();
    // Whole steps are taken, of 32 tokens, and the last one may end beyond it.
    let step = scratch / 6.0;
    assert!(paid > scratch - 1.0 && paid < scratch + step, "{paid} of {scratch}");

    let refused = |recipe: &str| {
        workshop.write("refused.toml", recipe);
        let output = workshop.run(&["train", "refused.toml", "--out", "refused"]);
        assert_eq!(output.status.code(), Some(2));
        stderr(&output)
    };
    let small = refused(&from("base", &budget(32)));
    assert!(small.contains("and the base alone has cost "), "{small}");
    fs::remove_file(workshop.path("base/outgrow.json")).unwrap();
    insta::assert_snapshot!(refused(&from("base", &budget(192))), @"error: refused.toml, line 21: schedule: scratch_tokens includes what the base has cost, and that isn't known: give grown_tokens, or model.from_flops");
}

/// Exact FLOPs of training the grown model from scratch on so many tokens.
fn spent_on_scratch(workshop: &Workshop, tokens: u64) -> f64 {
    trained(workshop, "scratch", &tiny::recipe(&tiny::scratch(tokens, "1e-2")));
    spent(workshop, "scratch").flops.unwrap()
}

#[test]
fn a_report_makes_every_run_pay_for_its_base_or_says_that_it_cannot() {
    let workshop = with_base();
    trained(&workshop, "scratch", &tiny::recipe(&tiny::scratch(192, "1e-2")));
    trained(&workshop, "stacked", &from("base", &g_stack(0)));
    let report = |runs: &[&str]| {
        let output = workshop.run(&[&["report"], runs, &["--out", "page.html"]].concat());
        assert_success(&output);
        let numbers = fs::read(workshop.path("page.json")).unwrap();
        serde_json::from_slice::<Value>(&numbers).unwrap()
    };
    let paid = report(&["scratch", "stacked"]);
    let stacked = &paid["methods"][1]["runs"][0];
    let together = cost_of(&workshop, "base").unwrap().plus(spent(&workshop, "stacked"));
    assert_eq!(stacked["flops"].as_f64(), together.flops);
    assert_eq!(
        (stacked["base"]["name"].as_str(), stacked["stages"][0]["name"].as_str()),
        (Some("base"), Some("base"))
    );
    assert_eq!(paid["comparisons"][0]["without_base"], 0);

    fs::remove_file(workshop.path("base/outgrow.json")).unwrap();
    trained(&workshop, "unknown", &from("base", &g_stack(0)));
    let unpaid = report(&["scratch", "unknown"]);
    assert!(unpaid["comparisons"][0]["exact_flops"].is_null(), "{unpaid}");
    let sentence = unpaid["sentences"][0].as_str().unwrap();
    assert!(sentence.contains("no speed-up in FLOPs: its curve is without its base"), "{sentence}");
}
