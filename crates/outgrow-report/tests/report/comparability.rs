//! Runs that can't be compared: measured on other tokens, trained on other data, or ended in another model. No number
//! is given for them, and the sentence says why; what isn't recorded is said to be unknown.

use std::fs;
use std::path::Path;

use outgrow_report::{Report, RunRecord};
use serde_json::{Value, json};

use crate::made_up;

/// One run per method, with the first seed: scratch, G_stack, Stacking 2.0.
fn first_seeds() -> Vec<RunRecord> {
    with_seeds(|seed| seed == 1)
}

fn with_seeds(keep: impl Fn(u64) -> bool) -> Vec<RunRecord> {
    let folder = tempfile::tempdir().unwrap();
    let runs = made_up::three_methods().into_iter().filter(|run| keep(run.seed));
    runs.map(|run| RunRecord::read(&made_up::write(folder.path(), &run)).unwrap()).collect()
}

/// The sentence about G_stack, after a change to its run.
fn sentence(change: impl Fn(&mut RunRecord)) -> String {
    let mut runs = first_seeds();
    runs.truncate(2);
    change(&mut runs[1]);
    let report = Report::new(&runs).unwrap();
    let comparison = &report.comparisons()[0];
    let numbers = [&comparison.exact_flops, &comparison.six_times_parameters_flops, &comparison.tokens];
    assert!(
        numbers.iter().all(|number| number.is_none()) && comparison.at_losses.is_empty(),
        "{comparison:?}"
    );
    let page = report.html();
    assert!(!page.contains("speed-up at equal loss</small>"), "the page has a number");
    let [sentence] = report.sentences() else { panic!("{:?}", report.sentences()) };
    sentence.clone()
}

#[test]
fn there_is_no_speed_up_between_losses_on_other_tokens() {
    insta::assert_snapshot!(sentence(|run| run.measure.validation_sha256 = Some("9f".repeat(32))), @"G_stack (other validation data): no speed-up, as the runs can't be compared: its validation data is 9f9f9f9f9f9f, that of scratch 3c3c3c3c3c3c.");
    insta::assert_snapshot!(sentence(|run| run.measure.validation_sequences = Some(4)), @"G_stack (other number of validation sequences): no speed-up, as the runs can't be compared: its validations read 4 sequences, those of scratch 64.");
    insta::assert_snapshot!(sentence(|run| run.measure.sequence_length = Some(256)), @"G_stack (other sequence length): no speed-up, as the runs can't be compared: its sequences have 256 tokens, those of scratch 128.");
    let all = sentence(|run| {
        run.measure.tokenizer_sha256 = Some("0e".repeat(32));
        run.measure.validation_sha256 = Some("9f".repeat(32));
    });
    insta::assert_snapshot!(all, @"G_stack (other tokenizer): no speed-up, as the runs can't be compared: its tokenizer is 0e0e0e0e0e0e, that of scratch 1a1a1a1a1a1a; its validation data is 9f9f9f9f9f9f, that of scratch 3c3c3c3c3c3c.");
}

#[test]
fn there_is_no_speed_up_that_other_data_or_a_smaller_model_has_made() {
    insta::assert_snapshot!(sentence(|run| run.training_sha256 = Some("7b".repeat(32))), @"G_stack: no speed-up, as the runs can't be compared: its training data is 7b7b7b7b7b7b, that of scratch 2b2b2b2b2b2b.");
    insta::assert_snapshot!(sentence(|run| run.parameters = 1_000_000), @"G_stack: no speed-up, as the runs can't be compared: its final model has 1000000 parameters, that of scratch 2630000 parameters.");
    insta::assert_snapshot!(sentence(|run| run.model["num_attention_heads"] = 4.into()), @"G_stack: no speed-up, as the runs can't be compared: its final model has num_attention_heads 4, that of scratch no num_attention_heads.");
}

#[test]
fn token_ids_first_weights_and_the_longest_sequence_make_no_other_model() {
    let mut runs = first_seeds();
    for (key, value) in [("eos_token_id", 7), ("bos_token_id", 7), ("max_position_embeddings", 4096)] {
        runs[1].model[key] = value.into();
    }
    runs[1].model["initializer_range"] = 0.01.into();
    assert!(Report::new(&runs).unwrap().comparisons()[0].exact_flops.is_some());
}

/// Runs as files, changed before they are read.
fn read_changed(change: impl Fn(&str, &mut Value)) -> Vec<RunRecord> {
    let folder = tempfile::tempdir().unwrap();
    let runs = made_up::three_methods().into_iter().filter(|run| run.seed == 1 && run.method != "stacking2");
    let changed = |path: &Path, method: &str| {
        let file = path.join("run.json");
        let mut description: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        change(method, &mut description);
        fs::write(&file, description.to_string()).unwrap();
        RunRecord::read(path).unwrap()
    };
    runs.map(|run| changed(&made_up::write(folder.path(), &run), run.method)).collect()
}

#[test]
fn what_a_run_of_an_earlier_version_was_measured_on_is_said_to_be_unknown() {
    let without = |methods: &'static [&str]| {
        let runs = read_changed(|method, run| {
            if methods.contains(&method) {
                run.as_object_mut().unwrap().remove("data");
            }
        });
        Report::new(&runs).unwrap().sentences().join("\n")
    };
    insta::assert_snapshot!(without(&["g-stack"]), @"G_stack: +55 % (one seed, spread unknown): reaches scratch's final validation loss 4.836 with 35 % fewer FLOPs (scratch needs 1.55 times as many). Unknown: whether all were measured on the same validation data; 1 of the runs doesn't record it.");
    insta::assert_snapshot!(without(&["scratch", "g-stack"]), @"G_stack: +55 % (one seed, spread unknown): reaches scratch's final validation loss 4.836 with 35 % fewer FLOPs (scratch needs 1.55 times as many). Unknown: whether all were measured on the same validation data; 2 of the runs don't record it.");
}

#[test]
fn a_number_that_another_optimizer_has_a_part_in_says_so() {
    let said = |of_scratch: &Value, its: &Value| {
        let runs = read_changed(|method, run| {
            let optimizer = if method == "scratch" { of_scratch } else { its };
            run["recipe"]["training"] = json!({"optimizer": optimizer});
        });
        Report::new(&runs).unwrap().sentences().join("\n")
    };
    let adamw = json!({"beta1": 0.9, "weight_decay": 0.1});
    let muon = |momentum| json!({"beta1": 0.9, "weight_decay": 0.1, "muon": {"momentum": momentum}});
    let given = json!({"beta1": 0.9, "weight_decay": 0.1, "muon": {"momentum": 0.9, "weight_decay": 0.0}});
    let none = json!({"weight_decay": 0.1, "muon": null});
    insta::assert_snapshot!(said(&adamw, &muon(0.95)), @"G_stack: +55 % (one seed, spread unknown): reaches scratch's final validation loss 4.836 with 35 % fewer FLOPs (scratch needs 1.55 times as many). Not the schedule's alone: scratch was trained with AdamW, this with Muon.");
    insta::assert_snapshot!(said(&muon(0.95), &adamw), @"G_stack: +55 % (one seed, spread unknown): reaches scratch's final validation loss 4.836 with 35 % fewer FLOPs (scratch needs 1.55 times as many). Not the schedule's alone: scratch was trained with Muon, this with AdamW.");
    insta::assert_snapshot!(said(&muon(0.95), &given), @"G_stack: +55 % (one seed, spread unknown): reaches scratch's final validation loss 4.836 with 35 % fewer FLOPs (scratch needs 1.55 times as many). Not the schedule's alone: its optimizer has muon.momentum 0.9 (scratch 0.95), muon.weight_decay 0.0 (scratch 0.1).");
    insta::assert_snapshot!(said(&adamw, &json!({"beta1": 0.8, "weight_decay": 0.1})), @"G_stack: +55 % (one seed, spread unknown): reaches scratch's final validation loss 4.836 with 35 % fewer FLOPs (scratch needs 1.55 times as many). Not the schedule's alone: its optimizer has beta1 0.8 (scratch 0.9).");
    for same in [(&adamw, &adamw), (&adamw, &none), (&none, &adamw), (&adamw, &Value::Null)] {
        let said = said(same.0, same.1);
        assert!(!said.contains("optimizer") && !said.contains("alone"), "{said}");
    }
}

#[test]
fn what_the_recipes_of_earlier_versions_tell_is_not_unknown() {
    let runs = read_changed(|method, run| {
        run.as_object_mut().unwrap().remove("data");
        let sequences = if method == "scratch" { 64 } else { 4 };
        run["recipe"] =
            json!({"data": {"sequence_length": 128}, "training": {"validation_sequences": sequences}});
    });
    insta::assert_snapshot!(Report::new(&runs).unwrap().sentences().join("\n"), @"G_stack (other number of validation sequences): no speed-up, as the runs can't be compared: its validations read 4 sequences, those of scratch 64.");
}

#[test]
fn a_run_that_an_earlier_version_began_is_unknown_even_if_this_one_went_on_with_it() {
    let runs = read_changed(|method, run| {
        if method == "g-stack" {
            run["validation_known_since_step"] = 100.into();
        }
    });
    assert_eq!(runs[1].measure.validation_sha256, None);
    let sentence = Report::new(&runs).unwrap().sentences().join("\n");
    assert!(sentence.ends_with("1 of the runs doesn't record it."), "{sentence}");
}

#[test]
fn seeds_that_were_measured_differently_have_no_mean() {
    let mut runs = with_seeds(|_| true);
    runs.retain(|run| run.method != "stacking2");
    // The grown run with the second seed.
    runs[3].measure.validation_sha256 = Some("9f".repeat(32));
    runs[3].validation.last_mut().unwrap().loss = 1.0;
    let report = Report::new(&runs).unwrap();
    let means: Vec<_> =
        report.methods().iter().map(|method| (method.label.as_str(), method.runs.len())).collect();
    assert_eq!(means, [("Scratch", 2), ("G_stack", 1), ("G_stack (other validation data)", 1)]);
    let losses = report.methods().iter().map(|method| method.mean_final_loss.unwrap()).collect::<Vec<_>>();
    assert!(losses[1] > 4.0 && (losses[2] - 1.0).abs() < 1e-12, "{losses:?}");
    insta::assert_snapshot!(report.sentences().join("\n"), @"
    G_stack: +55 % (one seed, spread unknown): reaches scratch's final validation loss 4.836 with 35 % fewer FLOPs (scratch needs 1.55 times as many).
    G_stack (other validation data): no speed-up, as the runs can't be compared: its validation data is 9f9f9f9f9f9f, that of scratch 3c3c3c3c3c3c.
    ");
}

#[test]
fn a_scratch_of_easier_data_is_not_the_baseline() {
    let mut runs = first_seeds();
    let mut easier = runs[0].clone();
    easier.measure.validation_sha256 = Some("9f".repeat(32));
    for point in &mut easier.validation {
        point.loss -= 2.0;
    }
    runs.insert(0, easier);
    let report = Report::new(&runs).unwrap();
    assert_eq!(report.baseline(), Some("Scratch"));
    let labels: Vec<_> = report.methods().iter().map(|method| method.label.as_str()).collect();
    assert_eq!(labels, ["Scratch", "Scratch (other validation data)", "G_stack", "Stacking 2.0"]);
    assert!(report.comparisons()[0].exact_flops.is_none());
    assert!(report.comparisons()[1].exact_flops.as_ref().unwrap().mean > 0.5);
}

#[test]
fn three_data_sets_have_three_names() {
    let mut runs = first_seeds();
    runs.truncate(1);
    for sum in ["9f", "0d"] {
        let mut other = runs[0].clone();
        other.measure.validation_sha256 = Some(sum.repeat(32));
        runs.push(other);
    }
    let report = Report::new(&runs).unwrap();
    let labels: Vec<_> = report.methods().iter().map(|method| method.label.as_str()).collect();
    assert_eq!(labels, ["Scratch", "Scratch (other validation data)", "Scratch (other validation data) 2"]);
}

#[test]
fn runs_without_scratch_are_told_apart_too() {
    let mut runs = first_seeds();
    runs.remove(0);
    runs[1].measure.sequence_length = Some(64);
    insta::assert_snapshot!(Report::new(&runs).unwrap().sentences().join("\n"), @"
    G_stack: validation loss 4.722 after 26.6 TFLOP; no run from scratch to compare it with.
    Stacking 2.0 (other sequence length): validation loss 4.884 after 27.0 TFLOP; no run from scratch to compare it with.
    ");
}

#[test]
fn a_task_that_asked_other_documents_is_another_benchmark() {
    let asked = |sha256: &str, documents: u64, num_fewshot: u64| json!({"arc_easy": {"sha256": sha256.repeat(32), "documents": documents, "num_fewshot": num_fewshot}});
    let of_arc_easy = |scratch: Value, grown: Value| {
        let runs = read_changed(|method, run| {
            run["evaluation"] = if method == "scratch" { scratch.clone() } else { grown.clone() };
        });
        let report = Report::new(&runs).unwrap();
        let benchmarks = report.benchmarks().iter().filter(|benchmark| benchmark.task == "arc_easy");
        let asked: Vec<_> =
            benchmarks.map(|one| (one.asked.clone().unwrap_or_default(), one.runs.len())).collect();
        (asked, report.html())
    };
    let (same, page) = of_arc_easy(asked("aa", 100, 0), asked("aa", 100, 0));
    assert_eq!(same, [(String::new(), 2)]);
    assert!(!page.contains("100 documents"));
    let (limits, page) = of_arc_easy(asked("aa", 100, 0), asked("bb", 2376, 5));
    assert_eq!(limits, [("100 documents, 0-shot".to_owned(), 1), ("2376 documents, 5-shot".to_owned(), 1)]);
    assert!(page.contains("arc_easy (2376 documents, 5-shot)"));
    let (others, _) = of_arc_easy(asked("aa", 100, 0), asked("bb", 100, 0));
    assert_eq!(
        others,
        [("100 documents, 0-shot".to_owned(), 1), ("100 documents, 0-shot, documents 2".to_owned(), 1)]
    );
    // Not known of one of them: together.
    assert_eq!(of_arc_easy(asked("aa", 100, 0), Value::Null).0, [(String::new(), 2)]);
}

#[test]
fn of_earlier_versions_limit_and_examples_are_known() {
    let runs = read_changed(|method, run| {
        let limit = if method == "scratch" { json!(null) } else { json!(10.0) };
        run["recipe"]["evaluation"] = json!({"tasks": ["arc_easy"], "limit": limit, "num_fewshot": null});
    });
    let report = Report::new(&runs).unwrap();
    let asked: Vec<_> = report.benchmarks()[..2].iter().map(|one| one.asked.as_deref()).collect();
    assert_eq!(asked, [Some("0-shot"), Some("limit 10, 0-shot")]);
}

#[test]
fn what_was_changed_on_the_way_stands_in_the_table_of_runs() {
    let runs = read_changed(|method, run| {
        if method == "g-stack" {
            run["changes"] = json!([{"step": 7, "field": "device", "from": "flex", "to": "cuda"}]);
        }
    });
    let report = Report::new(&runs).unwrap();
    assert!(report.html().contains("<td>from step 7 on device = cuda</td>"));
    assert_eq!(report.to_json()["methods"][1]["runs"][0]["changes"][0]["from"], "flex");
}

#[test]
fn what_another_program_means_by_these_keys_is_passed_over() {
    let runs = read_changed(|_, run| {
        run["data"] = "a corpus".into();
        run["changes"] = json!(["lr"]);
        run["evaluation"] = json!({"arc_easy": 0.25});
        run["validation_known_since_step"] = json!(null);
    });
    let report = Report::new(&runs).unwrap();
    assert!(report.sentences()[0].contains("Unknown: whether all were measured on the same validation data"));
    assert_eq!(report.benchmarks().len(), 9);
}
