//! From the folders of runs to a page: reads them, compares them, and writes report.html, report.json and loss.svg.
//!
//! `cargo run -p outgrow-report --example page -- OUT [RUN …]`. Without runs it makes some up, two methods with two
//! seeds each: no model was trained for them, so their numbers say nothing.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use outgrow_report::{Report, RunRecord};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let mut folders = std::env::args().skip(1).map(PathBuf::from);
    let out = folders.next().ok_or("give a folder to write into")?;
    let mut folders: Vec<PathBuf> = folders.collect();
    if folders.is_empty() {
        for seed in 1..=2 {
            folders.push(make_up(&out, "scratch", seed, &[("train", 13e6, 4e6)])?);
            folders.push(make_up(&out, "g-stack", seed, &[("base", 6e6, 0.8e6), ("grown", 13e6, 3.2e6)])?);
        }
    }
    let runs = folders.iter().map(|folder| RunRecord::read(folder)).collect::<Result<Vec<_>, _>>()?;
    let report = Report::new(&runs)?;
    for sentence in report.sentences() {
        println!("{sentence}");
    }
    fs::create_dir_all(&out)?;
    fs::write(out.join("report.html"), report.html())?;
    fs::write(out.join("report.json"), report.to_json().to_string())?;
    fs::write(out.join("loss.svg"), report.loss_chart_svg())?;
    Ok(())
}

/// Writes the two files of a run whose stages have a name, FLOPs per token and tokens. Its loss is a power law of the
/// FLOPs, with a spike behind each growth.
fn make_up(
    out: &Path,
    method: &str,
    seed: u64,
    stages: &[(&str, f64, f64)],
) -> Result<PathBuf, Box<dyn Error>> {
    const BATCH: f64 = 8192.0;
    let name = format!("{method}-seed-{seed}");
    let folder = out.join(&name);
    fs::create_dir_all(&folder)?;
    let run = json!({
        "format": 1, "name": name, "method": method, "seed": seed, "recipe": {"seed": seed}, "device": "made up",
        "version": "0.1.0", "model": {"model_type": "llama"}, "parameters": 2_200_000, "finished": true,
        "data": {
            "tokenizer_sha256": "1a", "sequence_length": 128, "training": {"sha256": "2b"},
            "validation": {"sha256": "3c", "sequences": 64},
        },
    });
    fs::write(folder.join("run.json"), run.to_string())?;
    let mut lines = String::new();
    let (mut step, mut tokens, mut flops) = (0, 0.0, 0.0);
    for (index, &(stage, flops_per_token, tokens_of_stage)) in stages.iter().enumerate() {
        for batch in 0..=(tokens_of_stage / BATCH) as u32 {
            let spike = if index > 0 { 0.5 * (-f64::from(batch) / 12.0).exp() } else { 0.0 };
            // Growing is made to win: that is what made-up runs are for.
            let gain = if index > 0 { 0.12 } else { 0.01 * seed as f64 };
            let loss = 3.9 + 2.6 * (flops / 1e12 + 0.16_f64).powf(-0.31) - gain + spike;
            // Before a stage's first step the model is only validated: of a grown one this is the loss after the
            // growth.
            if batch > 0 {
                (step, tokens, flops) = (step + 1, tokens + BATCH, flops + flops_per_token * BATCH);
                let line = json!({
                    "step": step, "tokens": tokens as u64, "stage": stage, "loss": loss, "learning_rate": 1e-3,
                    "tokens_per_second": 3400.0, "flops": flops, "flops_6nt": 1.2 * flops,
                });
                writeln!(lines, "{line}")?;
            }
            if batch % 16 == 0 {
                let line = json!({
                    "step": step, "tokens": tokens as u64, "stage": stage, "flops": flops,
                    "flops_6nt": 1.2 * flops, "validation_loss": loss,
                });
                writeln!(lines, "{line}")?;
            }
        }
    }
    fs::write(folder.join("metrics.jsonl"), lines)?;
    Ok(folder)
}
