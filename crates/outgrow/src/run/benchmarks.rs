//! Benchmarks within a run: `[evaluation]` of a recipe, made into requests before training starts and scored at
//! intervals.
//!
//! `outgrow eval` is in commands/eval.rs. What is evaluated here is the model without autodiff that the trainer has
//! just validated.

use std::collections::BTreeMap;

use outgrow_checkpoint::LlamaConfig;
use outgrow_eval::{
    BatchLimit, Evaluation, Limit, Options, Plan, Scores, Selection, TokenRequests,
    evaluation::{MetricResult, TaskOutcome},
    plan::PlannedTask,
};
use outgrow_model::Decoder;
use outgrow_tokenizer::pretrained::PretrainedTokenizer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    error::Result,
    model::scored::{EvaluatedDecoder, outline},
    recipe::EvaluationRecipe,
};

/// What goes to the model at once: enough to keep it busy, and no more than caches hold.
pub(crate) const AUTOMATIC_BATCH: BatchLimit = BatchLimit { requests: 256, tokens: 4096 };

/// A recipe's benchmarks, ready to be scored.
#[derive(Debug)]
pub(crate) struct Benchmarks {
    plan: Plan,
    requests: TokenRequests,
    interval_tokens: u64,
}

/// What a task asks of a model, by which two evaluations can be told to be of the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// Over all documents, prompts and targets, as lm-evaluation-harness hashes a task.
    pub sha256: String,
    /// Documents that are scored.
    pub documents: usize,
    /// Examples in each prompt.
    pub num_fewshot: usize,
}

impl Benchmarks {
    /// Reads the tasks' documents and makes the requests for models with this configuration's vocabulary and positions,
    /// which growth doesn't change.
    ///
    /// # Errors
    /// As `outgrow eval`: unknown tasks, missing files, a tokenizer that doesn't fit.
    pub(crate) fn new(
        recipe: &EvaluationRecipe,
        tokenizer: &PretrainedTokenizer,
        model: &LlamaConfig,
    ) -> Result<Self> {
        let options = Options {
            limit: recipe.limit.map(Limit::from_number).transpose()?,
            num_fewshot: recipe.num_fewshot,
            // Of perplexities; the 100 000 resamples of an evaluation by itself are more than a curve's band needs.
            bootstrap_iters: 1000,
            ..Options::default()
        };
        let plan = Plan::prepare(&Selection::named(&recipe.tasks)?, &recipe.data, &options)?;
        let outline = outline(model, model.bos_token_id, model.eos_token_id);
        let requests = TokenRequests::new(&plan, tokenizer, &outline)?;
        Ok(Self { plan, requests, interval_tokens: recipe.interval_tokens })
    }

    /// What each task asks.
    pub(crate) fn asked(&self) -> BTreeMap<String, Asked> {
        let asked = |planned: &PlannedTask| Asked {
            sha256: planned.hash(),
            documents: planned.documents.len(),
            num_fewshot: planned.num_fewshot,
        };
        self.plan.tasks().iter().map(|planned| (planned.task.name.to_owned(), asked(planned))).collect()
    }

    /// What is unusual about files and requests: one line for each thing.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.plan.warnings().iter().cloned().chain(self.requests.warnings()).collect()
    }

    /// Whether an interval has gone by between two counts of tokens.
    pub(crate) fn are_due(&self, before: u64, after: u64) -> bool {
        before / self.interval_tokens < after / self.interval_tokens
    }

    /// Scores the decoder: for each task its metrics by name, and their standard errors where they have one
    /// (`acc_stderr` of `acc`).
    ///
    /// # Errors
    /// When the decoder can't score.
    pub(crate) fn run(&self, decoder: &Decoder) -> Result<Map<String, Value>> {
        let config = decoder.config();
        let outline = outline(config, config.bos_token_id, config.eos_token_id);
        let mut model = EvaluatedDecoder::new(decoder, outline);
        let scores = Scores::compute(&self.requests, &mut model, AUTOMATIC_BATCH, None, &mut |_| ())?;
        let evaluation = Evaluation::new(&self.plan, &self.requests, &scores)?;
        let of_task = |outcome: &TaskOutcome<'_>| {
            let metric = |result: &MetricResult| {
                let name = result.metric.name();
                let error = result.standard_error.filter(|error| error.is_finite());
                let error = error.map(|error| (format!("{name}_stderr"), Value::from(error)));
                [(name.to_owned(), Value::from(result.value))].into_iter().chain(error)
            };
            let metrics = outcome.results.iter().flat_map(metric).collect();
            (outcome.planned.task.name.to_owned(), Value::Object(metrics))
        };
        Ok(evaluation.tasks().iter().map(of_task).collect())
    }
}

/// The metrics in one line: `arc_easy acc 0.2510 acc_norm 0.2700, …`.
pub(crate) fn one_line(results: &Map<String, Value>) -> String {
    let task = |(name, metrics): (&String, &Value)| {
        let metrics = metrics.as_object().into_iter().flatten();
        let metrics = metrics.filter(|(metric, _)| !metric.ends_with("_stderr"));
        let metrics =
            metrics.map(|(metric, value)| format!(" {metric} {:.4}", value.as_f64().unwrap_or(f64::NAN)));
        format!("{name}{}", metrics.collect::<String>())
    };
    results.iter().map(task).collect::<Vec<_>>().join(", ")
}
