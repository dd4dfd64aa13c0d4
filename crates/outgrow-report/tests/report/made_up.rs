//! Made-up runs, written as a run writes them: power-law curves with a growth and its spike. No model was trained for
//! them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// One stage of a made-up run.
pub(crate) struct MadeUpStage {
    pub(crate) name: &'static str,
    pub(crate) tokens: u64,
    /// Exact FLOPs a token.
    pub(crate) flops: f64,
    /// 6 · parameters.
    pub flops_6nt: f64,
    /// What the growth that begins the stage adds to the loss.
    pub(crate) spike: f64,
    /// The loss after many FLOPs, and how far above it the stage is after 1 TFLOP.
    pub(crate) floor: f64,
    pub(crate) above: f64,
}

/// A made-up run.
pub(crate) struct MadeUpRun {
    pub(crate) name: String,
    pub(crate) method: &'static str,
    pub(crate) seed: u64,
    pub(crate) finished: bool,
    pub(crate) stages: Vec<MadeUpStage>,
    /// Tasks that are evaluated every 100 steps and at the end.
    pub(crate) tasks: &'static [&'static str],
}

/// The benchmarks of arXiv 2405.15319.
const TASKS: [&str; 9] = [
    "lambada_openai",
    "lambada_standard",
    "arc_easy",
    "arc_challenge",
    "logiqa",
    "piqa",
    "sciq",
    "winogrande",
    "wikitext",
];

fn stage(name: &'static str, tokens: u64, flops: f64, spike: f64, floor: f64, above: f64) -> MadeUpStage {
    MadeUpStage { name, tokens, flops, flops_6nt: flops * 1.2, spike, floor, above }
}

/// Scratch, a growth that wins and a growth that loses, two seeds each, evaluated by the benchmarks of the paper.
pub(crate) fn three_methods() -> Vec<MadeUpRun> {
    let mut runs = Vec::new();
    for seed in [1, 2] {
        let shift = if seed == 1 { 0.0 } else { 0.012 };
        let run = |method: &'static str, stages| MadeUpRun {
            name: format!("{method}-seed-{seed}"),
            method,
            seed,
            finished: true,
            stages,
            tasks: &TASKS,
        };
        runs.push(run("scratch", vec![stage("train", 2_048_000, 13.0e6, 0.0, 3.9 + shift, 2.6)]));
        runs.push(run(
            "g-stack",
            vec![
                stage("base", 409_600, 6.4e6, 0.0, 4.3, 1.9),
                stage("grown", 1_846_000, 13.0e6, 0.7, 3.9 - shift, 2.27),
            ],
        ));
        runs.push(run(
            "stacking2",
            vec![
                stage("2 layers", 409_600, 6.4e6, 0.0, 4.3, 2.0),
                stage("4 layers", 409_600, 6.9e6, 0.5, 4.2, 2.2),
                stage("6 layers", 409_600, 7.3e6, 0.5, 4.1, 2.4),
                stage("8 layers", 409_600, 7.8e6, 0.5, 4.0, 2.6),
                stage("joint", 1_180_000, 13.0e6, 0.0, 3.9 + 2.0 * shift, 2.75),
            ],
        ));
    }
    runs
}

/// Writes `folder/name/run.json` and `metrics.jsonl`, and says where.
pub(crate) fn write(folder: &Path, run: &MadeUpRun) -> PathBuf {
    let folder = folder.join(&run.name);
    std::fs::create_dir_all(&folder).unwrap();
    let description = serde_json::json!({
        "format": 1, "name": run.name, "method": run.method, "seed": run.seed,
        "recipe": {"name": run.name, "seed": run.seed, "optimizer": {"name": "adamw", "weight_decay": 0.1}, "sequence_length": 128},
        "device": "flex, 2 threads", "version": "0.1.0",
        "model": {"model_type": "llama", "hidden_size": 128, "num_hidden_layers": 8, "vocab_size": 4096},
        "parameters": 2_630_000, "finished": run.finished,
        "data": {
            "tokenizer_sha256": "1a".repeat(32), "sequence_length": 128,
            "training": {"sha256": "2b".repeat(32), "tokens": 4_000_000},
            "validation": {"sha256": "3c".repeat(32), "tokens": 100_000, "sequences": 64},
        },
    });
    std::fs::write(folder.join("run.json"), description.to_string()).unwrap();
    std::fs::write(folder.join("metrics.jsonl"), metrics(run)).unwrap();
    folder
}

/// The lines of `metrics.jsonl`: 2048 tokens a step, an evaluation every 25 steps and at both ends of each stage.
pub(crate) fn metrics(run: &MadeUpRun) -> String {
    const BATCH: u64 = 2048;
    let mut text = String::new();
    let (mut step, mut tokens, mut flops, mut flops_6nt) = (0_u64, 0_u64, 0.0, 0.0);
    for (index, stage) in run.stages.iter().enumerate() {
        let steps = stage.tokens / BATCH;
        let loss_at = |flops: f64, done: u64| {
            let spike = stage.spike * (-(done as f64) / 12.0).exp();
            let base = stage.floor + stage.above * (flops / 1e12 + 0.16).powf(-0.31);
            base.min(8.4) + spike
        };
        if index == 0 || stage.spike > 0.0 {
            let loss = loss_at(flops, 0);
            evaluation(&mut text, step, tokens, stage.name, (flops, flops_6nt), loss);
        }
        for done in 1..=steps {
            step += 1;
            tokens += BATCH;
            flops += stage.flops * BATCH as f64;
            flops_6nt += stage.flops_6nt * BATCH as f64;
            let loss = loss_at(flops, done);
            let wobble = 0.05 * ((step * 7919 + run.seed * 31) as f64).sin();
            let progress = done as f64 / steps as f64;
            let rate =
                4e-3 * (progress / 0.04).min(1.0) * (0.55 + 0.45 * (progress * std::f64::consts::PI).cos());
            writeln!(
                text,
                "{{\"step\":{step},\"tokens\":{tokens},\"stage\":\"{}\",\"loss\":{:.4},\"learning_rate\":{rate:.3e},\"grad_norm\":0.8,\"tokens_per_second\":{},\"flops\":{flops},\"flops_6nt\":{flops_6nt}}}",
                stage.name, loss + wobble, 3400 + step % 90
            )
            .unwrap();
            if done % 25 == 0 || done == steps {
                evaluation(&mut text, step, tokens, stage.name, (flops, flops_6nt), loss + wobble * 0.1);
            }
            let last = index + 1 == run.stages.len() && done == steps;
            if !run.tasks.is_empty() && (step.is_multiple_of(100) || last) {
                let tasks = run.tasks.iter().map(|task| ((*task).to_owned(), metrics_of(task, loss)));
                let evaluation = serde_json::Value::Object(tasks.collect());
                writeln!(
                    text,
                    "{{\"step\":{step},\"tokens\":{tokens},\"stage\":\"{}\",\"flops\":{flops},\"flops_6nt\":{flops_6nt},\"evaluation\":{evaluation}}}",
                    stage.name
                )
                .unwrap();
            }
        }
    }
    text
}

/// What a task comes to at a loss, with the metrics that lm-evaluation-harness has for it and errors as of 1000
/// documents.
fn metrics_of(task: &str, loss: f64) -> serde_json::Value {
    let learnt = (8.4 - loss) / 4.0;
    let chance = match task {
        "arc_easy" | "arc_challenge" | "logiqa" | "sciq" => 0.25,
        "piqa" | "winogrande" => 0.5,
        _ => 0.0,
    };
    // Each task wobbles in a way of its own.
    let wobble = 0.012 * (loss * 97.0 + task.len() as f64).sin();
    let accuracy = |gain: f64| (chance + gain * learnt + wobble).clamp(0.0, 1.0);
    let error = |accuracy: f64| (accuracy * (1.0 - accuracy) / 999.0).sqrt();
    match task {
        "wikitext" => {
            let bits = loss * 0.4;
            serde_json::json!({"word_perplexity": (loss * 1.3).exp(), "byte_perplexity": bits.exp2(), "bits_per_byte": bits})
        }
        "lambada_openai" | "lambada_standard" => {
            let acc = accuracy(0.2);
            serde_json::json!({"perplexity": (loss * 1.5).exp(), "acc": acc, "acc_stderr": error(acc)})
        }
        "winogrande" => {
            let acc = accuracy(0.01);
            serde_json::json!({"acc": acc, "acc_stderr": error(acc)})
        }
        _ => {
            let (acc, norm) = (accuracy(0.12), accuracy(0.1));
            serde_json::json!({"acc": acc, "acc_stderr": error(acc), "acc_norm": norm, "acc_norm_stderr": error(norm)})
        }
    }
}

fn evaluation(text: &mut String, step: u64, tokens: u64, stage: &str, flops: (f64, f64), loss: f64) {
    writeln!(
        text,
        "{{\"step\":{step},\"tokens\":{tokens},\"stage\":\"{stage}\",\"flops\":{},\"flops_6nt\":{},\"validation_loss\":{loss:.5}}}",
        flops.0, flops.1
    )
    .unwrap();
}
