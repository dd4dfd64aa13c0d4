//! `metrics.jsonl`: a line for each step, each validation and each evaluation by benchmarks, and what is measured after
//! a growth. What the run is, is in run.json.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use outgrow_checkpoint::write_file_atomically;
use outgrow_schedules::{LossSlope, Stage};
use outgrow_train::{GrowthCopies, GrowthNorms, Position, StepReport};
use serde_json::{Map, Value, json};

use crate::{
    error::{Error, Result},
    run::{growths::GrowthRecord, summary::Summary},
};

/// Its name in a run's folder.
pub(crate) const METRICS_FILE: &str = "metrics.jsonl";

/// What a step trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepKind {
    /// The model of its stage.
    Training,
    /// The matrices of the growth that its stage begins with.
    Learning,
}

/// Appends to `metrics.jsonl`, one line at a time, each flushed so that a watcher sees whole lines.
#[derive(Debug)]
pub(crate) struct Metrics {
    path: PathBuf,
    file: BufWriter<File>,
    evaluated_tokens: u64,
    lost: Option<String>,
    summary: Summary,
}

impl Metrics {
    /// Puts lines of another run there, for a run that branches off it: all that there is until then.
    pub(crate) fn take_over(folder: &Path, lines: &str) -> Result<()> {
        Ok(write_file_atomically(&folder.join(METRICS_FILE), lines.as_bytes())?)
    }

    /// Opens the file of a run of these stages and removes what was written after `step`, and of other stages than the
    /// first that are `begun`: a run that goes on from a checkpoint takes those steps again, and grows again if the
    /// checkpoint is the end of a stage.
    pub(crate) fn open(folder: &Path, step: u64, stages: &[Stage], begun: usize) -> Result<Self> {
        let path = folder.join(METRICS_FILE);
        let text = read(&path)?;
        let reached = |line: &&str| {
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            line["step"].as_u64().is_some_and(|at| at <= step)
                && stages[..begun].iter().any(|stage| line["stage"] == stage.name)
        };
        let kept: String = text.lines().filter(reached).flat_map(|line| [line, "\n"]).collect();
        if path.exists() {
            write_file_atomically(&path, kept.as_bytes())?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = BufWriter::new(file.map_err(Error::at(&path))?);
        let (evaluated_tokens, lost) = (last_evaluation(&kept), lost_steps(&kept, step));
        let lost = lost.map(|lost| format!("{}: {lost}", path.display()));
        let summary = Summary::read(stages, &kept);
        Ok(Self { path, file, evaluated_tokens, lost, summary })
    }

    /// What the file should hold of the steps before this one, and doesn't.
    pub(crate) fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// What its lines come to.
    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Tokens at the last evaluation by benchmarks, or none.
    pub(crate) fn evaluated_tokens(&self) -> u64 {
        self.evaluated_tokens
    }

    /// One optimizer step, of the model or of the matrices of a growth.
    pub(crate) fn step(
        &mut self,
        position: &Position,
        stage: &str,
        report: &StepReport,
        tokens_per_second: f64,
        kind: StepKind,
    ) -> Result<()> {
        let seconds = (report.seconds * 1e6).round() / 1e6;
        let mut line = json!({
            "step": position.step,
            "tokens": position.tokens,
            "stage": stage,
            "loss": report.loss,
            "learning_rate": report.learning_rate,
            "grad_norm": report.gradient_norm,
            "tokens_per_second": tokens_per_second.round(),
            "seconds": seconds,
            "flops": position.flops,
            "flops_6nt": position.flops_6nt,
        });
        if let Some(rate) = report.new_learning_rate {
            line["new_learning_rate"] = json!(rate);
        }
        if let Some(mask) = report.mask {
            line["mask"] = json!(mask);
        }
        if kind == StepKind::Learning {
            line["learning"] = json!(true);
        }
        self.summary.add(&line);
        self.line(&line)
    }

    /// One validation; gives the growth whose old loss is back with it.
    pub(crate) fn validation(
        &mut self,
        position: &Position,
        stage: &str,
        validation_loss: f64,
    ) -> Result<Option<&GrowthRecord>> {
        self.line(&json!({
            "step": position.step,
            "tokens": position.tokens,
            "stage": stage,
            "flops": position.flops,
            "flops_6nt": position.flops_6nt,
            "validation_loss": validation_loss,
        }))?;
        Ok(self.summary.growths.validated(stage, position.step, position.tokens, validation_loss))
    }

    /// The old and the new values of a grown model in the step before, apart.
    pub(crate) fn norms(&mut self, position: &Position, stage: &str, norms: &GrowthNorms) -> Result<()> {
        self.of_growth(position, stage, &json!({ "norms": norms }))
    }

    /// How far the copies that a growth made have parted.
    pub(crate) fn copies(&mut self, position: &Position, stage: &str, copies: &GrowthCopies) -> Result<()> {
        self.of_growth(position, stage, &json!({ "copies": copies }))
    }

    fn of_growth(&mut self, position: &Position, stage: &str, found: &Value) -> Result<()> {
        self.line(&json!({
            "step": position.step,
            "tokens": position.tokens,
            "stage": stage,
            "flops": position.flops,
            "flops_6nt": position.flops_6nt,
            "stage_tokens": position.stage_tokens,
            "growth": found,
        }))
    }

    /// The end of a stage that might have ended elsewhere.
    pub(crate) fn stage_end(
        &mut self,
        position: &Position,
        stage: &str,
        slope: Option<f64>,
        ends_at: LossSlope,
        is_slow: bool,
    ) -> Result<()> {
        self.line(&json!({
            "step": position.step,
            "tokens": position.tokens,
            "stage": stage,
            "flops": position.flops,
            "flops_6nt": position.flops_6nt,
            "stage_end": {
                "reason": if is_slow { "slope" } else { "tokens" },
                "slope": slope,
                "ends_at": ends_at,
                "stage_tokens": position.stage_tokens,
            },
        }))
    }

    /// One evaluation by benchmarks: for each task its metrics.
    pub(crate) fn evaluation(
        &mut self,
        position: &Position,
        stage: &str,
        results: &Map<String, Value>,
    ) -> Result<()> {
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

    fn line(&mut self, value: &Value) -> Result<()> {
        let mut write = || {
            writeln!(self.file, "{value}")?;
            self.file.flush()
        };
        write().map_err(Error::at(&self.path))
    }
}

/// The last step that a folder's file speaks of; `None` where there is no file, or no step in it.
pub(crate) fn last_step(folder: &Path) -> Result<Option<u64>> {
    let text = read(&folder.join(METRICS_FILE))?;
    Ok(steps(&text).last().copied())
}

/// Lossy: what a power cut left of a line is no line, and no reason to read none of them.
pub(crate) fn read(path: &Path) -> Result<String> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Error::at(&path)(error)),
    }
}

fn steps(text: &str) -> BTreeSet<u64> {
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
    lines.filter(|line| line.get("loss").is_some()).filter_map(|line| line["step"].as_u64()).collect()
}

/// Which of the steps until one have no line; `None` where all have.
pub(crate) fn lost_steps(text: &str, step: u64) -> Option<String> {
    let steps = steps(text);
    let first = (1..=step).find(|step| !steps.contains(step))?;
    let lost = step - steps.range(1..=step).count() as u64;
    Some(format!("has no line of {lost} of the {step} steps until here, the first of them step {first}"))
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
    fn steps_that_have_no_line_are_counted() {
        let line = |step: u64| format!("{{\"step\":{step},\"loss\":1.0}}\n");
        let text: String =
            [1, 2, 5].map(line).concat() + "{\"step\":3,\"validation_loss\":1.0}\n{\"step\":4,\"lo";
        assert_eq!(lost_steps(&text, 2), None);
        let said = lost_steps(&text, 6).unwrap();
        assert_eq!(said, "has no line of 3 of the 6 steps until here, the first of them step 3");
        assert_eq!(lost_steps("", 0), None);
    }

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
