//! What one run left behind, as values: its description, its steps and its evaluations. It reads no file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::run::{
    growth::GrowthRecord,
    measure::{Asked, Measure},
};

/// One run: who it was and everything that it measured.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// Where it was read.
    pub folder: PathBuf,
    /// The run's name.
    pub name: String,
    /// How it was trained: `scratch` (the baseline), `g-stack`, `stacking2`, `stages`, or another word. `continued` is
    /// a base that was trained on as it is.
    pub method: String,
    /// Runs of two methods with one seed saw the same data and are compared with each other.
    pub seed: u64,
    /// The resolved recipe, as the run wrote it.
    pub recipe: serde_json::Value,
    /// The device it ran on, in words, with the precision if it isn't f32.
    pub device: String,
    /// The version of Outgrow that ran it.
    pub version: String,
    /// The Hugging Face configuration of the final model.
    pub model: serde_json::Value,
    /// Parameters of the final model, embeddings and head included.
    pub parameters: u64,
    /// Whether the run reached its last token.
    pub finished: bool,
    /// What its validation losses were measured on.
    pub measure: Measure,
    /// The model that it began with; `None` where its first weights were drawn. What that had cost, as far as it is
    /// known, is in every point below.
    pub base: Option<BaseCost>,
    /// SHA-256 over the training shards, where it was recorded.
    pub training_sha256: Option<String>,
    /// How many tokens these hold, where it was recorded.
    pub training_tokens: Option<u64>,
    /// What its benchmarks asked, by task.
    pub asked: BTreeMap<String, Asked>,
    /// What was changed on its way: a device, a longer last stage.
    pub changes: Vec<ChangeRecord>,
    /// What happened at each growth, where it was recorded.
    pub growths: Vec<GrowthRecord>,
    /// One point per step.
    pub training: Vec<TrainingPoint>,
    /// One point per evaluation. Two points with the same tokens are the losses before and after a growth.
    pub validation: Vec<ValidationPoint>,
    /// One point per evaluation by benchmarks, of two at the same place the later; none where the recipe asks for none.
    pub benchmarks: Vec<BenchmarkPoint>,
}

/// Something that a run was gone on with and hadn't begun with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeRecord {
    /// Steps taken when it came.
    pub step: u64,
    /// What changed, as a recipe names it.
    pub field: String,
    /// The value until then.
    pub from: serde_json::Value,
    /// The value since.
    pub to: serde_json::Value,
}

/// A model that a run began with, and what it had cost by then. `None` is unknown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaseCost {
    /// What its folder was called.
    pub name: String,
    /// SHA-256 over its configuration and weights.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Tokens that it was trained on.
    #[serde(default)]
    pub tokens: Option<u64>,
    /// Exact FLOPs of its training.
    #[serde(default)]
    pub flops: Option<f64>,
    /// 6 · parameters · tokens of its training.
    #[serde(default)]
    pub flops_6nt: Option<f64>,
}

/// One optimisation step. Tokens and FLOPs count from the first token of the first stage, or of the base.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainingPoint {
    /// The step.
    pub step: u64,
    /// Tokens seen so far, all stages.
    pub tokens: u64,
    /// The stage it belongs to.
    pub stage: String,
    /// Training loss, nats per token.
    pub loss: f64,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// The norm of the gradient before it was clipped, where the run recorded it.
    pub grad_norm: Option<f64>,
    /// Tokens a second at this step, where the run measured it.
    pub tokens_per_second: Option<f64>,
    /// FLOPs so far, counted exactly.
    pub flops: f64,
    /// FLOPs so far, as 6 · parameters · tokens.
    pub flops_6nt: f64,
}

/// One evaluation on held-out text. Tokens and FLOPs count as in a [`TrainingPoint`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValidationPoint {
    /// The step after which it was taken.
    pub step: u64,
    /// Tokens seen so far, all stages.
    pub tokens: u64,
    /// The stage it belongs to.
    pub stage: String,
    /// FLOPs so far, counted exactly.
    pub flops: f64,
    /// FLOPs so far, as 6 · parameters · tokens.
    pub flops_6nt: f64,
    /// Validation loss, nats per token.
    pub loss: f64,
    /// Seconds of training so far, evaluations and growths left out. `None` where a step before it has no time, and
    /// for what began with a model that was there.
    pub seconds: Option<f64>,
}

/// One evaluation by benchmarks. Tokens and FLOPs count as in a [`TrainingPoint`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchmarkPoint {
    /// The step after which it was taken.
    pub step: u64,
    /// Tokens seen so far, all stages.
    pub tokens: u64,
    /// The stage it belongs to.
    pub stage: String,
    /// FLOPs so far, counted exactly.
    pub flops: f64,
    /// FLOPs so far, as 6 · parameters · tokens.
    pub flops_6nt: f64,
    /// What was measured, in the order of the recipe's tasks.
    pub tasks: Vec<TaskResult>,
}

/// What one task of an evaluation came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskResult {
    /// The task's name in lm-evaluation-harness: `arc_easy`.
    pub task: String,
    /// At least one metric.
    pub metrics: Vec<MetricValue>,
}

/// One metric of a task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricValue {
    /// Its name in lm-evaluation-harness: `acc_norm`.
    pub metric: String,
    /// Its value; `None` for a perplexity too large for a number, which JSON has no word for.
    pub value: Option<f64>,
    /// Its standard error over the task's documents, where the run computed it.
    pub standard_error: Option<f64>,
}

/// What a run pays with, the horizontal axis of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cost {
    /// Matrix products and causal attention, without the backward of frozen layers.
    ExactFlops,
    /// 6 · parameters · tokens with embeddings and head, as the figures of arXiv 2405.15319 count.
    SixTimesParametersFlops,
    /// Training tokens.
    Tokens,
    /// Seconds of training on the machine that ran it, by the steps' tokens a second.
    Seconds,
}

impl Cost {
    /// All of them, the one to quote first.
    pub const ALL: [Self; 4] = [Self::ExactFlops, Self::SixTimesParametersFlops, Self::Tokens, Self::Seconds];
}

impl ValidationPoint {
    /// What was paid up to this point; `None` for seconds that weren't measured.
    pub fn cost(&self, cost: Cost) -> Option<f64> {
        match cost {
            Cost::ExactFlops => Some(self.flops),
            Cost::SixTimesParametersFlops => Some(self.flops_6nt),
            Cost::Tokens => Some(self.tokens as f64),
            Cost::Seconds => self.seconds,
        }
    }
}

impl BaseCost {
    /// Whether this account of what it had cost is known.
    pub fn is_known(&self, cost: Cost) -> bool {
        match cost {
            Cost::ExactFlops => self.flops.is_some(),
            Cost::SixTimesParametersFlops => self.flops_6nt.is_some(),
            Cost::Tokens => self.tokens.is_some(),
            // How long a model that was there took to train is written nowhere.
            Cost::Seconds => false,
        }
    }
}

/// One stage of a run as its metrics tell it, or the base before them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageSpan {
    /// The stage's name.
    pub name: String,
    /// Tokens seen when it began.
    pub first_token: u64,
    /// Tokens seen when it ended, or so far.
    pub last_token: u64,
    /// Exact FLOPs when it began.
    pub first_flops: f64,
    /// Exact FLOPs when it ended, or so far.
    pub last_flops: f64,
    /// The validation loss just before and just after the growth that began it, where it began with a growth.
    pub growth_losses: Option<(f64, f64)>,
}

impl RunRecord {
    /// What a task asked of it; `None` where that isn't known.
    pub(crate) fn asked_by(&self, task: &str) -> Option<&Asked> {
        self.asked.get(task).or_else(|| self.asked.get(Asked::ANY))
    }

    /// The last validation loss and what it cost.
    pub fn final_point(&self) -> Option<&ValidationPoint> {
        self.validation.last()
    }

    /// Whether its points hold all that was paid by this account, its base included.
    pub fn is_whole(&self, cost: Cost) -> bool {
        self.base.as_ref().is_none_or(|base| base.is_known(cost))
    }

    /// Adds what its base had cost to all that it measured, as far as that is known.
    pub(crate) fn pay_for_base(&mut self) {
        let Some(BaseCost { tokens, flops, flops_6nt, .. }) = self.base else { return };
        let (tokens, flops, flops_6nt) =
            (tokens.unwrap_or(0), flops.unwrap_or(0.0), flops_6nt.unwrap_or(0.0));
        for point in &mut self.training {
            (point.tokens, point.flops, point.flops_6nt) =
                (point.tokens + tokens, point.flops + flops, point.flops_6nt + flops_6nt);
        }
        for point in &mut self.validation {
            (point.tokens, point.flops, point.flops_6nt) =
                (point.tokens + tokens, point.flops + flops, point.flops_6nt + flops_6nt);
        }
        for point in &mut self.benchmarks {
            (point.tokens, point.flops, point.flops_6nt) =
                (point.tokens + tokens, point.flops + flops, point.flops_6nt + flops_6nt);
        }
    }

    /// The stages in order, from the evaluations (every stage has one at its end, and at its beginning if it grew). A
    /// base of known cost stands before them, by its name.
    pub fn stages(&self) -> Vec<StageSpan> {
        let base = self.base.as_ref().filter(|base| base.flops.is_some());
        let mut spans: Vec<StageSpan> = Vec::new();
        spans.extend(base.map(|base| StageSpan {
            name: base.name.clone(),
            first_token: 0,
            last_token: base.tokens.unwrap_or(0),
            first_flops: 0.0,
            last_flops: base.flops.unwrap_or(0.0),
            growth_losses: None,
        }));
        let mut previous: Option<&ValidationPoint> = None;
        for point in &self.validation {
            let same = previous.is_some_and(|last| last.stage == point.stage);
            if !same {
                // A stage begins where the one before it ended; the first begins at nothing.
                let (first_token, first_flops) =
                    spans.last().map_or((0, 0.0), |last| (last.last_token, last.last_flops));
                // A stage that only unfreezes layers has the loss of the one before it; a growth changes the function.
                let growth_losses = previous
                    .filter(|last| last.tokens == point.tokens && (last.loss - point.loss).abs() > 1e-6)
                    .map(|last| (last.loss, point.loss));
                spans.push(StageSpan {
                    name: point.stage.clone(),
                    first_token,
                    last_token: point.tokens,
                    first_flops,
                    last_flops: point.flops,
                    growth_losses,
                });
            }
            if let Some(span) = spans.last_mut() {
                span.last_token = point.tokens;
                span.last_flops = point.flops;
            }
            previous = Some(point);
        }
        spans
    }

    /// Tokens a second: the median over the steps that measured it.
    pub fn tokens_per_second(&self) -> Option<f64> {
        let mut rates: Vec<f64> = self.training.iter().filter_map(|point| point.tokens_per_second).collect();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied()
    }
}
