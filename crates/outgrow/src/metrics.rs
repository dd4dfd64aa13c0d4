//! What a run writes beside its checkpoints: `run.json` and `metrics.jsonl`.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use outgrow_checkpoint::write_file_atomically;
use outgrow_schedules::Stage;
use outgrow_train::{Position, StepReport};
use serde_json::{Map, Value, json};

use crate::{compute::Compute, exit::BadInput, recipe::Recipe, resolve::ResolvedRecipe};

/// The version of both files' layout.
const FORMAT: u32 = 1;

/// Writes `run.json`: what this run is, and whether it is done.
pub fn write_run_file(folder: &Path, resolved: &ResolvedRecipe, finished: bool) -> anyhow::Result<()> {
    let model = resolved.schedule.model();
    let run = json!({
        "format": FORMAT,
        "name": resolved.recipe.name,
        "method": resolved.recipe.schedule.method(),
        "seed": resolved.recipe.seed,
        "recipe": resolved.recipe,
        "stages": resolved.schedule,
        "device": resolved.compute.device.to_string(),
        "dtype": resolved.compute.precision,
        "version": env!("CARGO_PKG_VERSION"),
        "model": model.to_json(),
        "parameters": model.num_parameters(),
        "finished": finished,
    });
    let mut text = serde_json::to_string_pretty(&run)?;
    text.push('\n');
    write_file_atomically(&folder.join("run.json"), text.as_bytes())?;
    Ok(())
}

/// Whether the folder holds a finished run of this recipe.
///
/// # Errors
/// When it does, but one that was computed in another precision: its numbers are others.
pub fn is_finished(folder: &Path, recipe: &Recipe, compute: Compute) -> Result<bool, BadInput> {
    let text = fs::read(folder.join("run.json")).unwrap_or_default();
    let run: Value = serde_json::from_slice(&text).unwrap_or_default();
    let is_this_run = run["finished"] == Value::Bool(true)
        && serde_json::to_value(recipe).is_ok_and(|recipe| run["recipe"] == recipe);
    // Before there was a choice, all was f32.
    let (found, asked) = (run["dtype"].as_str().unwrap_or("f32"), compute.precision.to_string());
    if is_this_run && found != asked {
        let folder = folder.display();
        let problem = format!(
            "{folder}: this run is done, in {found}; in {asked} it is another, which needs another --out"
        );
        return Err(BadInput(problem));
    }
    Ok(is_this_run)
}

/// Appends to `metrics.jsonl`, one line at a time, each flushed so that a watcher sees whole lines.
pub struct Metrics {
    path: PathBuf,
    file: BufWriter<File>,
    evaluated_tokens: u64,
}

impl Metrics {
    /// Opens the file and removes what was written after `step`, and of stages that are not among the `begun` ones: a run that goes
    /// on from a checkpoint takes those steps again, and grows again if the checkpoint is the end of a stage.
    pub fn open(folder: &Path, step: u64, begun: &[Stage]) -> anyhow::Result<Self> {
        let path = folder.join("metrics.jsonl");
        let mut evaluated_tokens = 0;
        if path.exists() {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let reached = |line: &&str| {
                let line: Value = serde_json::from_str(line).unwrap_or_default();
                line["step"].as_u64().is_some_and(|at| at <= step)
                    && begun.iter().any(|stage| line["stage"] == stage.name)
            };
            let kept: String = text.lines().filter(reached).flat_map(|line| [line, "\n"]).collect();
            evaluated_tokens = last_evaluation(&kept);
            write_file_atomically(&path, kept.as_bytes())?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = BufWriter::new(file.with_context(|| path.display().to_string())?);
        Ok(Self { path, file, evaluated_tokens })
    }

    /// Tokens at the last evaluation by benchmarks, or none.
    pub fn evaluated_tokens(&self) -> u64 {
        self.evaluated_tokens
    }

    /// One optimizer step.
    pub fn step(
        &mut self,
        position: &Position,
        stage: &str,
        report: &StepReport,
        tokens_per_second: f64,
    ) -> anyhow::Result<()> {
        self.line(&json!({
            "step": position.step,
            "tokens": position.tokens,
            "stage": stage,
            "loss": report.loss,
            "learning_rate": report.learning_rate,
            "grad_norm": report.gradient_norm,
            "tokens_per_second": tokens_per_second.round(),
            "flops": position.flops,
            "flops_6nt": position.flops_6nt,
        }))
    }

    /// One validation.
    pub fn validation(
        &mut self,
        position: &Position,
        stage: &str,
        validation_loss: f64,
    ) -> anyhow::Result<()> {
        self.line(&json!({
            "step": position.step,
            "tokens": position.tokens,
            "stage": stage,
            "flops": position.flops,
            "flops_6nt": position.flops_6nt,
            "validation_loss": validation_loss,
        }))
    }

    /// One evaluation by benchmarks: for each task its metrics.
    pub fn evaluation(
        &mut self,
        position: &Position,
        stage: &str,
        results: &Map<String, Value>,
    ) -> anyhow::Result<()> {
        self.evaluated_tokens = position.tokens;
        self.line(&json!({
            "step": position.step,
            "tokens": position.tokens,
            "stage": stage,
            "flops": position.flops,
            "flops_6nt": position.flops_6nt,
            "evaluation": results,
        }))
    }

    fn line(&mut self, value: &Value) -> anyhow::Result<()> {
        let mut write = || {
            writeln!(self.file, "{value}")?;
            self.file.flush()
        };
        write().with_context(|| self.path.display().to_string())
    }
}

fn last_evaluation(text: &str) -> u64 {
    let lines = text.lines().rev().map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
    let mut evaluations = lines.filter(|line| line.get("evaluation").is_some());
    evaluations.find_map(|line| line["tokens"].as_u64()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_evaluation_is_known_when_a_run_goes_on() {
        let lines = [
            r#"{"tokens": 96, "validation_loss": 2.0}"#,
            r#"{"tokens": 96, "evaluation": {"piqa": {"acc": 0.5}}}"#,
            r#"{"tokens": 112, "loss": 2.0}"#,
        ];
        assert_eq!(last_evaluation(&lines.join("\n")), 96);
        assert_eq!(last_evaluation(lines[0]), 0);
    }
}
