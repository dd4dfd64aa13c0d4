//! `outgrow train --plan`: what it says is what a run does, and a run says it, too.

mod acceptance;

use std::fs;

use outgrow::{EvaluationRecipe, Recipe};
use serde_json::{Value, json};

use crate::{
    models,
    resuming::trained,
    tiny::{G_STACK, Workshop, assert_success, recipe, scratch, stderr, stdout, text},
};

/// Changes the recipe.
fn replace(workshop: &Workshop, from: &str, to: &str) {
    let recipe = fs::read_to_string(workshop.path("recipe.toml")).unwrap();
    assert!(recipe.contains(from), "{recipe}");
    workshop.write("recipe.toml", recipe.replace(from, to));
}

fn remove_the_last_checkpoint(workshop: &Workshop) {
    fs::remove_dir_all(workshop.path("run/step-00000007")).unwrap();
    let run = fs::read_to_string(workshop.path("run/run.json")).unwrap();
    workshop.write("run/run.json", run.replace("\"finished\": true", "\"finished\": false"));
}

/// Without the line about threads, which are as many as the machine has.
fn without_the_device(plan: &str) -> String {
    plan.lines().filter(|line| !line.starts_with("device ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_plan_needs_no_folder_and_says_what_a_run_will_do() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(G_STACK));
    let planned = workshop.run(&["train", "recipe.toml", "--plan", "--no-measure"]);
    assert_success(&planned);
    insta::assert_snapshot!(without_the_device(&stdout(&planned)), @"
    run          tiny: g-stack, seed 1
    start        with step 1
    steps        7 of 32 tokens (2 × 16)

    stage  layers  width  parameters  trained  steps  tokens  epochs    FLOPs  time
    base        2     16       5,456      all      4     128    0.11  4.129e6     –
    grown       4     16       9,872      all      3      96    0.08  5.898e6     –
    total                                          7     224    0.19  1.003e7     –

    base   learning rate 1e-2, falls to 1e-3
    grown  grown by stack × 2; learning rate 1e-2, falls to 1e-3

    FLOPs        1.003e7, and 9.876e6 as 6·N·T
    data         1,201 tokens for training, the run reads 19 % of them
    memory       about 80 MB, in the steps of grown: 1 MB of parameters, moments and gradients, 1 MB of activations
    disk         2 checkpoints, 2 stay: about 1 MB, 1 MB while one is written
    time         not measured
    ");
    let needed = workshop.run(&["train", "recipe.toml"]);
    insta::assert_snapshot!(stderr(&needed), @"error: the following required arguments were not provided: --out <DIR>");
}

#[test]
fn a_plan_in_a_run_s_folder_says_where_it_goes_on_and_what_has_changed() {
    let workshop = trained();
    remove_the_last_checkpoint(&workshop);
    replace(&workshop, "[training]\n", "[training]\nmicro_batch_sequences = 1\n");
    let planned = workshop.run(&["train", "recipe.toml", "--plan", "--no-measure", "--out", "run"]);
    assert_success(&planned);
    insta::assert_snapshot!(without_the_device(&stdout(&planned)), @"
    run          tiny: g-stack, seed 1
    start        goes on from step-00000006, with step 7
                 training.micro_batch_sequences = 1 from step 6 on, where it was 2; run.json records it
    steps        7 of 32 tokens (2 × 16), 1 sequence at a time

    stage  layers  width  parameters  trained  steps  tokens  epochs    FLOPs  time
    base        2     16       5,456      all      4     128    0.11  4.129e6     –
    grown       4     16       9,872      all      3      96    0.08  5.898e6     –
    total                                          7     224    0.19  1.003e7     –

    base   learning rate 1e-2, falls to 1e-3
    grown  grown by stack × 2; learning rate 1e-2, falls to 1e-3

    FLOPs        1.003e7, and 9.876e6 as 6·N·T
    data         1,201 tokens for training, the run reads 19 % of them
    memory       about 80 MB, when the checkpoint is read
    disk         7 checkpoints, 4 stay: about 1 MB, 1 MB while one is written
    time         not measured
    ");
}

#[test]
fn the_json_of_a_plan_agrees_with_the_run_that_follows() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(G_STACK));
    let json = |flags: &[&str]| -> Value {
        let output = workshop.run(&[&["train", "recipe.toml", "--plan", "--json"], flags].concat());
        assert_success(&output);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let plan = json(&["--out", "run"]);
    assert!(plan["seconds"].as_f64().unwrap() > 0.0, "{plan}");
    assert_eq!(plan["speeds"][0]["measured"], "steps");
    assert_eq!(json(&["--no-measure"])["seconds"], Value::Null);

    assert_success(&workshop.run(&["train", "recipe.toml", "--out", "run"]));
    let metrics = fs::read_to_string(workshop.path("run/metrics.jsonl")).unwrap();
    let lines: Vec<Value> = metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<_> = lines.iter().filter(|line| line.get("loss").is_some()).collect();
    let last = steps.last().unwrap();
    for key in ["tokens", "flops", "flops_6nt"] {
        assert_eq!(plan[key].as_f64(), last[key].as_f64(), "{key}");
    }
    assert_eq!(plan["steps"], last["step"]);
    let validations: u64 =
        plan["stages"].as_array().unwrap().iter().map(|stage| stage["validations"].as_u64().unwrap()).sum();
    assert_eq!(
        validations as usize,
        lines.iter().filter(|line| line.get("validation_loss").is_some()).count()
    );
    for stage in plan["stages"].as_array().unwrap() {
        let rates = steps.iter().filter(|line| line["stage"] == stage["name"]);
        let rates: Vec<f64> = rates.map(|line| line["learning_rate"].as_f64().unwrap()).collect();
        let highest = rates.iter().copied().fold(0.0, f64::max);
        let planned = |key: &str| stage["learning_rate"][key].as_f64().unwrap().to_bits();
        assert_eq!(planned("first"), rates[0].to_bits());
        assert_eq!(planned("last"), rates[rates.len() - 1].to_bits());
        assert_eq!(planned("highest"), highest.to_bits());
        assert_eq!(stage["steps"].as_u64().unwrap(), rates.len() as u64);
    }
    let done = json(&["--out", "run"]);
    assert_eq!((&done["start"]["kind"], &done["format"]), (&"finished".into(), &1.into()));
}

#[test]
fn a_run_introduces_itself_and_ends_with_what_to_type_next() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(G_STACK));
    let trained = workshop.run(&["train", "recipe.toml", "--out", "run"]);
    assert_success(&trained);
    assert_eq!(stdout(&trained), "run/step-00000007\n");
    let said = stderr(&trained);
    // Losses depend on the machine's rounding, and speeds on the machine.
    let said = said.lines().filter(|line| !line.contains(" loss ")).map(|line| match line.find(", on ") {
        Some(device) => &line[..device],
        None => line,
    });
    insta::assert_snapshot!(said.collect::<Vec<_>>().join("\n"), @r#"
    tiny: g-stack, 7 steps of 32 tokens, 1.00e7 FLOPs
    base   2 layers of 16, 5.5 k parameters, 4 steps; learning rate 1e-2, falls to 1e-3
    grown  4 layers of 16, 9.9 k parameters, 3 steps; learning rate 1e-2, falls to 1e-3
    grown: grown from 2 to 4 layers
    next:
      outgrow generate run --prompt "Once upon a time"
      outgrow report run --out report.html
      outgrow grow run grown-run --operator stack --factor 2 --plan
    "#);
}

#[test]
fn a_report_of_what_is_no_run_says_whose_it_is() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(G_STACK));
    assert_success(&workshop.run(&["train", "recipe.toml", "--out", "run"]));
    let grow = ["grow", "run", "grown-run", "--operator", "stack", "--factor", "2"];
    assert_success(&workshop.run(&grow));
    let refused = |folder: &str| {
        let output = workshop.run(&["report", folder]);
        assert_eq!(output.status.code(), Some(2));
        assert!(!workshop.path("report.html").exists());
        stderr(&output)
    };
    insta::assert_snapshot!(refused("grown-run").trim_end(), @"error: grown-run: is a model's folder, not a run; a run holds run.json and metrics.jsonl");
    insta::assert_snapshot!(refused("run/step-00000007").trim_end(), @"error: run/step-00000007: is a checkpoint; give its run, run");
    insta::assert_snapshot!(refused("nowhere").trim_end(), @"error: nowhere/run.json: can't be read: No such file or directory (os error 2); a run folder holds run.json and metrics.jsonl");
}

#[test]
fn a_run_whose_loss_climbs_says_so_once() {
    let workshop = Workshop::with_shards();
    workshop.write("recipe.toml", recipe(&scratch(1600, "3.0")));
    let trained = workshop.run(&["train", "recipe.toml", "--out", "run"]);
    let said = stderr(&trained);
    let warnings = said.lines().filter(|line| line.starts_with("warning: "));
    let kinds = warnings.map(|line| line.contains("validation loss")).collect::<Vec<_>>();
    assert!(kinds.iter().filter(|of_validation| **of_validation).count() == 1, "{said}");
    assert!(kinds.len() <= 2, "{said}");
}

/// `[evaluation]` of each recipe in the docs that has one, without the hashes in front.
fn examples_of_evaluation() -> Vec<(String, String)> {
    let recipes = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/recipes");
    let texts =
        fs::read_dir(recipes).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    texts
        .filter_map(|text| {
            let (before, section) = text.split_once("# [evaluation]")?;
            let lines = section.lines().map(|line| line.strip_prefix("# ").unwrap_or(line));
            Some((before.to_owned(), format!("[evaluation]{}", lines.collect::<Vec<_>>().join("\n"))))
        })
        .collect()
}

fn write_arc_easy(workshop: &Workshop) {
    let line = |index: u64| {
        let choices = json!({ "text": [text(index, 2), text(index + 1, 1)], "label": ["A", "B"] });
        let question = text(index + 2, 5);
        json!({ "question": question, "choices": choices, "answerKey": "A" }).to_string() + "\n"
    };
    fs::create_dir_all(workshop.path("documents/arc_easy")).unwrap();
    workshop.write("documents/arc_easy/arc_easy_test.jsonl", (0..30).map(line).collect::<String>());
}

#[test]
fn the_example_of_evaluation_in_a_recipe_works_when_its_hashes_are_removed() {
    let examples = examples_of_evaluation();
    assert!(!examples.is_empty());
    for (before, section) in examples {
        let table = (before + &section).parse().unwrap();
        let evaluation = Recipe::from_table(table).unwrap().evaluation.unwrap();
        let EvaluationRecipe { tasks, data, .. } = evaluation;
        for task in &tasks {
            let known = ["lambada_openai", "piqa", "arc_easy"];
            assert!(known.contains(&task.as_str()), "{task}: its documents have to be made here, too");
        }
        let workshop = models::workshop(30);
        write_arc_easy(&workshop);
        let section = section.replace(data.to_str().unwrap(), "documents");
        workshop.write("recipe.toml", recipe(&scratch(224, "1e-2")) + "\n" + &section);
        assert_success(&workshop.run(&["train", "recipe.toml", "--out", "run", "--plan", "--no-measure"]));
    }
}
