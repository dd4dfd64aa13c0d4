//! Reads the files of one run, `run.json` and `metrics.jsonl`. A run may still be going on: a last line that is cut
//! short is left out.

pub(crate) mod growth;
pub(crate) mod measure;
pub(crate) mod record;

mod clock;
mod evaluation_line;

use std::path::Path;

use serde::Deserialize;

use crate::{
    error::ReportError,
    run::{
        clock::{Clock, StepTime},
        evaluation_line::task_results,
        growth::{GrowthLine, GrowthRecord},
        measure::{Asked, Measure},
        record::{BaseCost, BenchmarkPoint, ChangeRecord, RunRecord, TrainingPoint, ValidationPoint},
    },
};

/// The format of `run.json` that is read here.
const FORMAT: u64 = 1;

/// The method that the others are measured against.
pub(crate) const BASELINE: &str = "scratch";
/// A base that is trained on as it is.
pub(crate) const CONTINUED: &str = "continued";

/// `run.json`. Keys that newer runs add are let through.
#[derive(Deserialize)]
struct Description {
    name: String,
    method: String,
    seed: u64,
    #[serde(default)]
    recipe: serde_json::Value,
    #[serde(default)]
    device: String,
    /// Absent from before there was a choice, when all was f32.
    #[serde(default)]
    dtype: Option<String>,
    #[serde(default)]
    version: String,
    #[serde(default)]
    model: serde_json::Value,
    parameters: u64,
    finished: bool,
    /// What tokens it reads. Earlier versions wrote neither this nor the following, and other programs may mean
    /// something else by them.
    #[serde(default)]
    data: serde_json::Value,
    #[serde(default)]
    base: serde_json::Value,
    #[serde(default)]
    validation_known_since_step: serde_json::Value,
    #[serde(default)]
    evaluation: serde_json::Value,
    #[serde(default)]
    changes: serde_json::Value,
    #[serde(default)]
    growths: serde_json::Value,
}

/// The part that tells whether the rest can be read.
#[derive(Deserialize)]
struct FormatOnly {
    format: u64,
}

/// A line of `metrics.jsonl` that is a step.
#[derive(Deserialize)]
struct StepLine {
    step: u64,
    tokens: u64,
    stage: StageLabel,
    loss: f64,
    learning_rate: f64,
    grad_norm: Option<f64>,
    tokens_per_second: Option<f64>,
    flops: f64,
    flops_6nt: f64,
    /// Whether it learns a growth's matrices: its loss and its rate are of no curve.
    #[serde(default)]
    learning: bool,
}

/// A line of `metrics.jsonl` that is an evaluation.
#[derive(Deserialize)]
struct EvaluationLine {
    step: u64,
    tokens: u64,
    stage: StageLabel,
    validation_loss: f64,
    flops: f64,
    flops_6nt: f64,
}

/// A line of `metrics.jsonl` that is an evaluation by benchmarks.
#[derive(Deserialize)]
struct BenchmarkLine {
    step: u64,
    tokens: u64,
    stage: StageLabel,
    evaluation: serde_json::Map<String, serde_json::Value>,
    flops: f64,
    flops_6nt: f64,
}

/// A stage by its name or by its number.
#[derive(Deserialize)]
#[serde(untagged)]
enum StageLabel {
    Name(String),
    Number(u64),
}

impl StageLabel {
    fn into_name(self) -> String {
        match self {
            Self::Name(name) => name,
            Self::Number(number) => format!("stage {number}"),
        }
    }
}

impl RunRecord {
    /// Reads `folder/run.json` and `folder/metrics.jsonl`.
    ///
    /// A last line without its line end that isn't whole JSON is left out, because a run that is going on, or was
    /// killed, may be in the middle of writing it. Where tokens go back, because a resumed run repeats the steps since
    /// its checkpoint, the later lines count.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let run = serde_json::json!({"format": 1, "name": "scratch-seed-1", "method": "scratch", "seed": 1,
    /// #     "parameters": 2_630_000, "finished": false});
    /// # std::fs::write(folder.path().join("run.json"), run.to_string())?;
    /// # let line = serde_json::json!({"step": 0, "tokens": 0, "stage": "train", "flops": 0.0, "flops_6nt": 0.0,
    /// #     "validation_loss": 8.32});
    /// # std::fs::write(folder.path().join("metrics.jsonl"), format!("{line}\n"))?;
    /// use outgrow_report::RunRecord;
    ///
    /// let run = RunRecord::read(folder.path())?;
    /// assert_eq!((run.method.as_str(), run.seed), ("scratch", 1));
    /// assert_eq!(run.validation[0].loss, 8.32);
    /// assert!(!run.finished, "it may be read while it is going on");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A file that can't be read, a `run.json` that isn't one or is of another format, or a line that is neither a step
    /// nor an evaluation, with the file and the line.
    pub fn read(folder: &Path) -> Result<Self, ReportError> {
        let description = read_description(&folder.join("run.json"))?;
        let known_since_step = description.validation_known_since_step.as_u64().unwrap_or(0);
        let mut run = Self {
            measure: Measure::read(&description.data, &description.recipe, known_since_step),
            base: Option::<BaseCost>::deserialize(description.base).unwrap_or_default(),
            training_sha256: description.data["training"]["sha256"].as_str().map(str::to_owned),
            training_tokens: description.data["training"]["tokens"].as_u64(),
            asked: Asked::read(&description.evaluation, &description.recipe),
            changes: Vec::<ChangeRecord>::deserialize(description.changes).unwrap_or_default(),
            growths: Vec::<GrowthRecord>::deserialize(description.growths).unwrap_or_default(),
            folder: folder.to_path_buf(),
            name: description.name,
            method: description.method,
            seed: description.seed,
            recipe: description.recipe,
            device: match description.dtype.as_deref() {
                None | Some("f32") => description.device,
                Some(dtype) => format!("{} in {dtype}", description.device),
            },
            version: description.version,
            model: description.model,
            parameters: description.parameters,
            finished: description.finished,
            training: Vec::new(),
            validation: Vec::new(),
            benchmarks: Vec::new(),
        };
        let file = folder.join("metrics.jsonl");
        let text = read_text(&file)?;
        let mut clock = Clock::default();
        let last_is_whole = text.ends_with('\n');
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            match parse_line(line) {
                Ok((parsed, time)) => {
                    push(&mut run, parsed);
                    if let Some(time) = time {
                        clock.add(time);
                    }
                }
                Err(error) if error.is_eof() && index + 1 == lines.len() && !last_is_whole => {}
                Err(error) => {
                    return Err(ReportError::Metrics { file, line: index + 1, problem: describe(&error) });
                }
            }
        }
        // How long a base took isn't known.
        if run.base.is_none() {
            let times = clock.read();
            for point in &mut run.validation {
                point.seconds = times.until(point.tokens);
            }
        }
        run.pay_for_base();
        // Whoever wrote it: what begins with a base isn't from scratch.
        if run.base.is_some() && run.method == BASELINE {
            CONTINUED.clone_into(&mut run.method);
        }
        Ok(run)
    }
}

fn read_text(file: &Path) -> Result<String, ReportError> {
    // Lossy: a line that is cut inside a character is a cut line, not an unreadable file.
    let bytes =
        std::fs::read(file).map_err(|cause| ReportError::Unreadable { file: file.to_path_buf(), cause })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read_description(file: &Path) -> Result<Description, ReportError> {
    let text = read_text(file)?;
    let wrong = |source| ReportError::Description { file: file.to_path_buf(), source };
    let format: FormatOnly = serde_json::from_str(&text).map_err(wrong)?;
    if format.format != FORMAT {
        return Err(ReportError::Format { file: file.to_path_buf(), found: format.format, expected: FORMAT });
    }
    serde_json::from_str(&text).map_err(wrong)
}

enum Line {
    Step(TrainingPoint),
    Evaluation(ValidationPoint),
    Benchmarks(BenchmarkPoint),
    Growth(GrowthLine),
    /// What no report shows.
    Unshown,
}

/// A line, and if it is a step, also one of the matrices of a growth, how long it took.
fn parse_line(line: &str) -> Result<(Line, Option<StepTime>), serde_json::Error> {
    let value: serde_json::Value = serde_json::from_str(line)?;
    let is_step = value.get("loss").is_some();
    let time = is_step.then(|| StepTime::of(&value)).flatten();
    Ok((parse_value(value)?, time))
}

fn parse_value(value: serde_json::Value) -> Result<Line, serde_json::Error> {
    if value.get("evaluation").is_some() {
        let line: BenchmarkLine = serde_json::from_value(value)?;
        return Ok(Line::Benchmarks(BenchmarkPoint {
            step: line.step,
            tokens: line.tokens,
            stage: line.stage.into_name(),
            flops: line.flops,
            flops_6nt: line.flops_6nt,
            tasks: task_results(&line.evaluation)?,
        }));
    }
    if value.get("growth").is_some() {
        return Ok(Line::Growth(serde_json::from_value(value)?));
    }
    if value.get("stage_end").is_some() {
        return Ok(Line::Unshown);
    }
    if value.get("validation_loss").is_some() {
        let line: EvaluationLine = serde_json::from_value(value)?;
        return Ok(Line::Evaluation(ValidationPoint {
            step: line.step,
            tokens: line.tokens,
            stage: line.stage.into_name(),
            flops: line.flops,
            flops_6nt: line.flops_6nt,
            loss: line.validation_loss,
            seconds: None,
        }));
    }
    let line: StepLine = serde_json::from_value(value)?;
    if line.learning {
        return Ok(Line::Unshown);
    }
    Ok(Line::Step(TrainingPoint {
        step: line.step,
        tokens: line.tokens,
        stage: line.stage.into_name(),
        loss: line.loss,
        learning_rate: line.learning_rate,
        grad_norm: line.grad_norm,
        tokens_per_second: line.tokens_per_second,
        flops: line.flops,
        flops_6nt: line.flops_6nt,
    }))
}

fn push(run: &mut RunRecord, line: Line) {
    let tokens = match &line {
        Line::Step(point) => point.tokens,
        Line::Evaluation(point) => point.tokens,
        Line::Benchmarks(point) => point.tokens,
        Line::Growth(line) => {
            run.growths.iter_mut().for_each(|growth| growth.add(line));
            return;
        }
        Line::Unshown => return,
    };
    while run.training.last().is_some_and(|last| last.tokens > tokens) {
        run.training.pop();
    }
    while run.validation.last().is_some_and(|last| last.tokens > tokens) {
        run.validation.pop();
    }
    while run.benchmarks.last().is_some_and(|last| last.tokens > tokens) {
        run.benchmarks.pop();
    }
    match line {
        Line::Step(point) => {
            // The same step twice: the run was killed right after it and did it again.
            if run.training.last().is_some_and(|last| last.tokens == tokens) {
                run.training.pop();
            }
            run.training.push(point);
        }
        Line::Evaluation(point) => run.validation.push(point),
        Line::Growth(_) | Line::Unshown => {}
        Line::Benchmarks(point) => {
            // As with steps. Before and after a growth tokens are the same and stages are not: both count.
            let repeats = |last: &BenchmarkPoint| last.tokens == tokens && last.stage == point.stage;
            if run.benchmarks.last().is_some_and(repeats) {
                run.benchmarks.pop();
            }
            run.benchmarks.push(point);
        }
    }
}

/// The parser's message without its "at line 1 column 0", which would contradict the line of the file.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    format!("not a step or an evaluation: {text}")
}
