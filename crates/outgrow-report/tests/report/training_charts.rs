//! What the steps of a training recorded, on the page: loss, gradient norm and throughput; and what ran the runs.

use std::fs;

use outgrow_report::{Report, RunRecord};
use serde_json::{Value, json};

/// A run of two stages with what `more` adds to each step.
fn run(more: impl Fn(u64) -> Value) -> RunRecord {
    let folder = tempfile::tempdir().unwrap();
    let described = json!({
        "format": 1, "name": "a-seed-1", "method": "g-stack", "seed": 1, "parameters": 2_630_000, "finished": true,
        "device": "cpu", "dtype": "bf16", "version": "0.1.0",
        "recipe": {
            "data": {"training": "/data/prose/training"},
            "training": {"batch_sequences": 8, "optimizer": {"beta1": 0.9, "muon": {"momentum": 0.95}}},
        },
        "data": {"sequence_length": 128, "training": {"sha256": "0123456789abcdef", "tokens": 10_240}},
    });
    fs::write(folder.path().join("run.json"), described.to_string()).unwrap();
    let mut lines = String::new();
    for step in 0..=40_u64 {
        let stage = if step <= 20 { "a rather long name for a base" } else { "grown" };
        let at = json!({"step": step, "tokens": 1024 * step, "stage": stage, "flops": 1e9 * step as f64, "flops_6nt": 1e9 * step as f64});
        let with = |others: Value| {
            let mut line = at.clone();
            line.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
            format!("{line}\n")
        };
        if step > 0 {
            let mut others = json!({"loss": 8.0 - 0.1 * step as f64, "learning_rate": 1e-3, "seconds": 2.0});
            others.as_object_mut().unwrap().extend(more(step).as_object().unwrap().clone());
            lines += &with(others);
        }
        if step % 10 == 0 {
            lines += &with(json!({"validation_loss": 8.0 - 0.1 * step as f64}));
        }
    }
    fs::write(folder.path().join("metrics.jsonl"), lines).unwrap();
    RunRecord::read(folder.path()).unwrap()
}

fn section<'a>(page: &'a str, heading: &str) -> Option<&'a str> {
    page.split(&format!("<h2>{heading}</h2>")).nth(1).and_then(|rest| rest.split("</section>").next())
}

#[test]
fn steps_that_recorded_more_than_a_loss_are_drawn() {
    let all = run(|step| json!({"grad_norm": 1.0 / step as f64, "tokens_per_second": 512.0}));
    assert_eq!(all.training[1].grad_norm, Some(0.5));
    let page = Report::new(&[all]).unwrap().html();
    for heading in ["Training loss", "Gradient norm", "Throughput"] {
        assert!(section(&page, heading).unwrap().contains("<path class=\"mean\""), "{heading}");
    }
    let none = Report::new(&[run(|_| json!({}))]).unwrap().html();
    assert!(section(&none, "Training loss").is_some());
    assert!(section(&none, "Gradient norm").is_none() && section(&none, "Throughput").is_none());
}

#[test]
fn what_ran_and_on_what_is_a_row() {
    let page = Report::new(&[run(|_| json!({}))]).unwrap().html();
    let table = section(&page, "What ran, and on what").unwrap();
    for text in
        ["cpu in bf16", "80 s", ">4.00<", "10.2 k", ">1.02 k<", ">128<", "Muon", "prose/training (01234567)"]
    {
        assert!(table.contains(text), "{text} in {table}");
    }
}

#[test]
fn a_stage_too_short_for_its_name_has_it_above() {
    let page = Report::new(&[run(|_| json!({}))]).unwrap().html();
    let stages = section(&page, "Stages").unwrap();
    let (wide, narrow) = stages.split_once("<svg class=\"chart narrow\"").unwrap();
    assert!(wide.contains("class=\"phase-name\"") && !wide.contains("class=\"leader\""));
    // On a narrow page half of the width holds `grown` and not the other name.
    assert!(narrow.contains(">grown</text>"));
    assert!(narrow.contains("class=\"leader\"") && narrow.contains(">a rather long name for a base</text>"));
}
