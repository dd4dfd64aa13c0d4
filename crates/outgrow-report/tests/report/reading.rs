//! Reading run folders: what a run wrote comes back, a cut last line is left out, and everything else names file and
//! line.

use std::error::Error as _;
use std::fs;
use std::path::Path;

use outgrow_report::{GrowthNorms, Report, RunRecord};

use crate::made_up;

fn written() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let run = made_up::write(folder.path(), &made_up::three_methods()[1]);
    (folder, run)
}

fn append(run: &Path, text: &str) {
    let file = run.join("metrics.jsonl");
    let before = fs::read_to_string(&file).unwrap();
    fs::write(file, before + text).unwrap();
}

fn message(run: &Path) -> String {
    let error = RunRecord::read(run).unwrap_err();
    // As a program prints it: the message, then its cause.
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    let text = format!("{error}{cause}");
    assert!(!text.contains('\n'), "{text}");
    text.replace(run.to_str().unwrap(), "RUN")
}

#[test]
fn a_run_comes_back_as_it_was_written() {
    let (_folder, run) = written();
    let read = RunRecord::read(&run).unwrap();
    assert_eq!((read.name.as_str(), read.method.as_str(), read.seed), ("g-stack-seed-1", "g-stack", 1));
    assert_eq!(read.training.len(), (409_600 + 1_846_000) / 2048);
    let stages = read.stages();
    let spans: Vec<_> =
        stages.iter().map(|stage| (stage.name.as_str(), stage.first_token, stage.last_token)).collect();
    assert_eq!(spans, [("base", 0, 409_600), ("grown", 409_600, 409_600 + 901 * 2048)]);
    assert_eq!(stages[0].growth_losses, None);
    let (before, after) = stages[1].growth_losses.unwrap();
    assert!(after > before);
    assert_eq!(read.benchmarks.len(), 11 + 1);
    assert_eq!(read.benchmarks[0].tasks[0].task, "lambada_openai");
}

#[test]
fn what_was_measured_of_a_growth_is_read_and_shown() {
    let (_folder, run) = written();
    let file = run.join("run.json");
    let mut description: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    description["growths"] = serde_json::json!([{
        "stage": "grown", "step": 200, "tokens": 409_600, "loss_before": 4.5, "loss_after": 5.875, "highest_loss": 6.0,
        "spike": 1.5, "highest_training_loss": null, "tokens_until_back": 61_440,
    }]);
    fs::write(&file, description.to_string()).unwrap();
    let line = |stage_tokens: u64, growth: serde_json::Value| {
        let tokens = 409_600 + stage_tokens;
        serde_json::json!({ "step": 1, "tokens": tokens, "stage": "grown", "flops": 0, "flops_6nt": 0,
            "stage_tokens": stage_tokens, "growth": growth })
        .to_string()
            + "\n"
    };
    let part = |parameters: u64, update_norm: f64| serde_json::json!({ "parameters": parameters, "grad_norm": 1.0, "update_norm": update_norm });
    let norms = |new: f64| serde_json::json!({ "norms": { "old": part(100, 10.0), "new": part(400, new) } });
    let cosines = |mean: f64| serde_json::json!({ "pairs": 2, "mean": mean, "largest": 1.0 });
    let copies = |one: f64, two: f64| serde_json::json!({ "copies": { "layers": { "a": cosines(one), "b": cosines(two) } } });
    append(&run, &line(0, copies(1.0, 1.0)));
    append(&run, &line(2048, norms(30.0)));
    append(&run, &line(4096, norms(20.0)));
    append(&run, &line(4096, copies(0.75, 0.5)));
    append(&run, &line(4096, serde_json::json!({ "of another version": true })));
    let read = RunRecord::read(&run).unwrap();
    let [growth] = &read.growths[..] else { panic!("{:?}", read.growths) };
    assert_eq!((growth.loss_before, growth.tokens_until_back), (4.5, Some(61_440)));
    let ratios: Vec<_> = growth.norms.iter().map(GrowthNorms::update_ratio).collect();
    assert_eq!(ratios, [Some(1.5), Some(1.0)]);
    let cosines: Vec<_> = growth.copies.iter().map(|copies| (copies.stage_tokens, copies.cosine)).collect();
    assert_eq!(cosines, [(0, 1.0), (4096, 0.625)]);
    let page = Report::new(&[read]).unwrap().html();
    for shown in ["61.4 k", "1.50 → 1.00", "1.0000 → 0.6250", "<h2>Growths</h2>"] {
        assert!(page.contains(shown), "{shown}");
    }
}

#[test]
fn a_run_in_another_precision_than_f32_says_so_with_its_device() {
    let (_folder, run) = written();
    let file = run.join("run.json");
    let device = |dtype: Option<&str>| {
        let mut description: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        description["device"] = "flex".into();
        description["dtype"] = dtype.into();
        std::fs::write(&file, description.to_string()).unwrap();
        RunRecord::read(&run).unwrap().device
    };
    assert_eq!(device(None), "flex");
    assert_eq!(device(Some("f32")), "flex");
    assert_eq!(device(Some("bf16")), "flex in bf16");
}

#[test]
fn a_stage_that_only_unfreezes_is_no_growth() {
    let (_folder, run) = written();
    let last = RunRecord::read(&run).unwrap().validation.pop().unwrap();
    append(
        &run,
        &format!(
            "{{\"step\":{},\"tokens\":{},\"stage\":\"joint\",\"flops\":{},\"flops_6nt\":{},\"validation_loss\":{}}}\n",
            last.step, last.tokens, last.flops, last.flops_6nt, last.loss
        ),
    );
    let stages = RunRecord::read(&run).unwrap().stages();
    assert_eq!(stages.len(), 3);
    assert_eq!(stages[2].growth_losses, None);
}

#[test]
fn a_step_that_learns_the_matrices_of_a_growth_is_on_no_curve() {
    let (_folder, run) = written();
    let without = RunRecord::read(&run).unwrap();
    append(
        &run,
        "{\"step\":9999,\"tokens\":99999999,\"stage\":\"grown\",\"loss\":9.5,\"learning_rate\":1e-2,\"grad_norm\":0.8,\
         \"tokens_per_second\":1,\"flops\":9e15,\"flops_6nt\":9e15,\"learning\":true}\n",
    );
    assert_eq!(RunRecord::read(&run).unwrap(), without);
}

#[test]
fn a_last_line_that_is_cut_short_is_left_out() {
    let (_folder, run) = written();
    let whole = RunRecord::read(&run).unwrap();
    append(&run, "{\"step\":1102,\"tok");
    assert_eq!(RunRecord::read(&run).unwrap(), whole);
}

#[test]
fn a_whole_last_line_without_its_end_counts() {
    let (_folder, run) = written();
    let whole = RunRecord::read(&run).unwrap();
    append(
        &run,
        "{\"step\":1102,\"tokens\":9000000,\"stage\":\"grown\",\"flops\":3e13,\"flops_6nt\":3e13,\"validation_loss\":4.5}",
    );
    assert_eq!(RunRecord::read(&run).unwrap().validation.len(), whole.validation.len() + 1);
}

#[test]
fn where_a_resumed_run_repeats_its_steps_the_later_lines_count() {
    let (_folder, run) = written();
    let whole = RunRecord::read(&run).unwrap();
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    // Killed fifty lines after its checkpoint, then gone on from there.
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let resumed = lines[..350].concat() + &lines[300..].concat();
    let evaluations = |text: &str| text.matches("evaluation").count();
    assert_eq!(evaluations(&resumed), whole.benchmarks.len() + 1);
    fs::write(run.join("metrics.jsonl"), resumed).unwrap();
    let read = RunRecord::read(&run).unwrap();
    assert_eq!(read.training, whole.training);
    assert_eq!(read.validation, whole.validation);
    assert_eq!(read.benchmarks, whole.benchmarks);
}

#[test]
fn an_evaluation_that_is_repeated_at_once_counts_once_and_one_after_a_growth_by_itself() {
    let (_folder, run) = written();
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let last = text.lines().last().unwrap();
    append(&run, &format!("{last}\n"));
    assert_eq!(RunRecord::read(&run).unwrap().benchmarks.len(), 12);
    append(&run, &format!("{}\n", last.replace("\"grown\"", "\"joint\"")));
    assert_eq!(RunRecord::read(&run).unwrap().benchmarks.len(), 13);
}

#[test]
fn a_bad_line_is_named_by_file_and_number() {
    let (_folder, run) = written();
    let lines = fs::read_to_string(run.join("metrics.jsonl")).unwrap().lines().count();
    append(&run, "{\"step\":1102,\"tok\n");
    assert_eq!(
        message(&run),
        format!("RUN/metrics.jsonl:{}: not a step or an evaluation: EOF while parsing a string", lines + 1)
    );
    fs::write(run.join("metrics.jsonl"), "{\"step\":1,\"tokens\":2048,\"stage\":\"a\",\"loss\":null,\"learning_rate\":0.1,\"flops\":1,\"flops_6nt\":1}\n").unwrap();
    insta::assert_snapshot!(message(&run), @"RUN/metrics.jsonl:1: not a step or an evaluation: invalid type: null, expected f64");
    fs::write(run.join("metrics.jsonl"), "{\"step\":1,\"tokens\":2048}\n").unwrap();
    insta::assert_snapshot!(message(&run), @"RUN/metrics.jsonl:1: not a step or an evaluation: missing field `stage`");
}

#[test]
fn a_benchmark_that_is_no_number_is_named_by_file_and_line() {
    let (_folder, run) = written();
    let line = |evaluation: &str| {
        format!(
            "{{\"step\":1,\"tokens\":2048,\"stage\":\"a\",\"flops\":1,\"flops_6nt\":1,\"evaluation\":{evaluation}}}\n"
        )
    };
    let lines = [line(r#"{"piqa":{"acc":0.5}}"#), line(r#"{"piqa":{"acc":"high"}}"#)].concat();
    fs::write(run.join("metrics.jsonl"), lines).unwrap();
    insta::assert_snapshot!(message(&run), @r#"RUN/metrics.jsonl:2: not a step or an evaluation: piqa: acc: invalid type: string "high", expected f64"#);
    fs::write(run.join("metrics.jsonl"), line("[0.5]")).unwrap();
    insta::assert_snapshot!(message(&run), @"RUN/metrics.jsonl:1: not a step or an evaluation: invalid type: sequence, expected a map");
    fs::write(run.join("metrics.jsonl"), "{\"tokens\":2048,\"evaluation\":{}}\n").unwrap();
    insta::assert_snapshot!(message(&run), @"RUN/metrics.jsonl:1: not a step or an evaluation: missing field `step`");
}

#[test]
fn a_bad_description_is_named() {
    let (_folder, run) = written();
    fs::write(run.join("run.json"), "{\"format\":2}").unwrap();
    insta::assert_snapshot!(message(&run), @"RUN/run.json: format is 2, this build reads format 1");
    fs::write(run.join("run.json"), "{\"format\":1,\"name\":\"a\"}").unwrap();
    insta::assert_snapshot!(message(&run), @"RUN/run.json: not the description of a run: missing field `method` at line 1 column 23");
    fs::remove_file(run.join("run.json")).unwrap();
    insta::assert_snapshot!(message(&run), @"RUN/run.json: can't be read: No such file or directory (os error 2); a run folder holds run.json and metrics.jsonl");
}
